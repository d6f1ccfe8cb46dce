"""What operations report while they work, in one form that displays show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from harness.cases.case import Case
from harness.errors import Interrupted

Result = TypeVar("Result", contravariant=True)


class Progress(Generic[Result]):
    """Receives the progress of each stage and shows nothing; displays override it."""

    def begin(self, doing: str, runs: int) -> None:
        """Called when a stage begins, with a word for what it does and its number of runs."""

    def preparing(self, what: str) -> None:
        """Called with what is done before the next run."""

    def started(self, name: str) -> None:
        """Called with what runs now, usually a case."""

    def advanced(self, done: int) -> None:
        """Called with the number of finished runs of the stage."""

    def finished(self, result: Result) -> None:
        """Called with the result of one case, or of all cases at the end of a stage."""

    def end(self) -> None:
        """Called when the stage is over, even if an error or an interrupt ended it."""


SILENT = Progress[Any]()
# What remains after an interrupt of an operation that keeps its runs.
KEPT = "finished runs are kept, and the same command continues from there"


@contextmanager
def stage(progress: Progress[Any], doing: str, runs: int, *, interrupted: str) -> Iterator[None]:
    """Report a stage to ``progress``; ``interrupted`` says what is left after an interrupt.

    An interrupt raises :class:`harness.errors.Interrupted`.
    """
    progress.begin(doing, runs)
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted, stop) from None
    finally:
        progress.end()


def each_case(
    progress: Progress[Any], cases: Sequence[Case], runs: int = 1
) -> Iterator[tuple[Case, Callable[[int], None]]]:
    """Yield each of ``cases`` as it starts, with a callable to report how many of its ``runs`` are done.

    When a case is over, ``progress`` counts all of its runs, whatever the result.
    """
    for index, case in enumerate(cases):
        before = index * runs

        def done(own: int, before: int = before) -> None:
            progress.advanced(before + own)

        progress.started(case.name)
        yield case, done
        done(runs)
