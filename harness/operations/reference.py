"""References: cases of mindone run on diffusers and stored beside their own baselines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job, SecondCalls
from harness.cases.names import is_mindone_class
from harness.cases.reference import reference_job, yardstick_job
from harness.operations.progress import SILENT, Progress
from harness.operations.record import Recording, record
from harness.operations.workers import Workers


@dataclass(frozen=True)
class References:
    """What recording the references of some cases gave: in the cases' own dtype, and in float64.

    ``skipped`` are the cases that have no original in diffusers.
    """

    original: Recording
    exact: Recording
    skipped: tuple[Case, ...]

    @property
    def passed(self) -> bool:
        """Whether every case has both."""
        return self.original.passed and self.exact.passed

    @property
    def refuted(self) -> bool:
        """Whether a case itself failed."""
        return self.original.refuted or self.exact.refuted


def record_references(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    progress: Progress[Any] = SILENT,
    *,
    reason: str | None,
    ask: Callable[[], str | None],
) -> References:
    """Run those of ``cases`` that are classes of mindone on diffusers, and store what repeats.

    ``workers`` have an interpreter with torch and diffusers. Each case runs in its own dtype and in float64.
    """
    having = [case for case in cases if is_mindone_class(case.pipeline)]
    asked: list[str | None] = [reason]

    def once() -> str | None:
        asked[0] = asked[0] or ask()
        return asked[0]

    def recorded(made: Callable[[Job], Job]) -> Recording:
        def job(case: Case, second_call: SecondCalls) -> Job:
            return made(replace(case.job(second_call), keep_latents=True))

        return record(having, workers, store, progress, reason=asked[0], ask=once, job=job)

    skipped = tuple(case for case in cases if not is_mindone_class(case.pipeline))
    return References(recorded(reference_job), recorded(yardstick_job), skipped)
