"""Deciding what becomes of candidates, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.operations.review import Pending


class Answer(Enum):
    """What is to become of a candidate. ``SUITE`` accepts it and all that follow of its suite."""

    ACCEPT = "y"
    REJECT = "n"
    SKIP = "s"
    SUITE = "a"
    QUIT = "q"


@dataclass(frozen=True)
class Decisions:
    """The candidates to accept and to reject; all others still wait."""

    accepted: tuple[Pending, ...]
    rejected: tuple[Pending, ...]

    @property
    def replacing(self) -> bool:
        """Whether an existing baseline would be replaced."""
        return any(each.kept is not None and each.kept.replaces is not None for each in self.accepted)


def answers(each: Pending) -> list[Answer]:
    """Return the answers that are possible for ``each``."""
    accepting = (Answer.ACCEPT, Answer.SUITE)
    return [answer for answer in Answer if each.acceptable or answer not in accepting]


def decide(found: Sequence[Pending], ask: Callable[[Pending], Answer]) -> Decisions:
    """Return what was decided about ``found``: ``ask`` is called for each, until it answers to quit."""
    accepted: list[Pending] = []
    rejected: list[Pending] = []
    suites: set[str] = set()
    answer = Answer.SKIP
    for each in found:
        if each.acceptable and each.key.suite in suites:
            accepted.append(each)
        elif answer is not Answer.QUIT:
            answer = ask(each)
            if answer is Answer.SUITE:
                suites.add(each.key.suite)
            if answer in (Answer.ACCEPT, Answer.SUITE):
                accepted.append(each)
            elif answer is Answer.REJECT:
                rejected.append(each)
    return Decisions(tuple(accepted), tuple(rejected))
