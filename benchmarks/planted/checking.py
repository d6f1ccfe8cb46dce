"""Running each fault's case with the sound mindone and with the fault, and comparing the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.planted.faults import Fault
from benchmarks.planted.planting import NotPlanted, planted
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.selection import select
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement

# Longer than any case takes on one core.
_TIMEOUT = 900.0


@dataclass(frozen=True)
class Checked:
    """What came of one fault; ``problem`` says why it could not be run, and is empty if it could.

    ``distance`` is the relative L2 distance of its output from the sound one. ``step`` is the first step
    (from 0) whose latents differ from the sound run's, and ``step_distance`` how far; None if no step's do.
    The verdicts are those on the faulty and on the sound run.
    """

    fault: Fault
    problem: str = ""
    distance: float = 0.0
    step: int | None = None
    step_distance: float = 0.0
    verdict: str = ""
    sound_verdict: str = ""

    @property
    def good(self) -> bool:
        """Whether the fault can be planted, and is noticed where the sound run passes."""
        passed = (Verdict.IDENTICAL.value, Verdict.WITHIN.value)
        return not self.problem and self.verdict == Verdict.DRIFT.value and self.sound_verdict in passed


def check(faults: Sequence[Fault], python: str | Path, root: Path) -> Iterator[Checked]:
    """Yield what comes of each fault, under ``python``; suites and baselines are those below ``root``."""
    cases = {fault.case: the_case(fault, root) for fault in faults}
    sound = _sound(cases, python, root)
    for fault in faults:
        case, reference = cases[fault.case], sound[fault.case]
        try:
            if isinstance(reference, HarnessError):
                raise reference
            with planted(fault, python) as command, _runner(command, root) as runner:
                faulty = _measured(case, runner)
            yield _compared(fault, case, faulty, reference, root)
        except (NotPlanted, HarnessError) as error:
            yield Checked(fault, problem=" ".join(str(error).split())[:300])


def the_case(fault: Fault, root: Path) -> Case:
    """Return the case of a fault; raises HarnessError if there is none."""
    (case,) = select([str(root / fault.case)]).cases
    return case


def _sound(
    cases: Mapping[str, Case], python: str | Path, root: Path
) -> dict[str, Measurement | HarnessError]:
    """Return what the cases give without a fault, or why they give nothing; all in one worker."""
    found: dict[str, Measurement | HarnessError] = {}
    with _runner(python, root) as runner:
        for name, case in cases.items():
            try:
                found[name] = _measured(case, runner)
            except HarnessError as error:
                found[name] = error
    return found


def _runner(python: str | Path, root: Path) -> Runner:
    return Runner(python=python, import_paths=[root], timeout=_TIMEOUT)


def _measured(case: Case, runner: Runner) -> Measurement:
    return runner.run(replace(case.job(), keep_latents=True))


def _compared(fault: Fault, case: Case, faulty: Measurement, sound: Measurement, root: Path) -> Checked:
    baseline = BaselineStore(root / "baselines").load(case.suite, case.id, "cpu", suite_file=case.path)
    verdicts = [
        judge(case, each, baseline, tier=Tier.ACROSS_RELEASES).verdict.value for each in (faulty, sound)
    ]
    distance = _distance(faulty.output, sound.output)
    step, moved = None, 0.0
    if faulty.latents is not None and sound.latents is not None:
        pairs = zip(faulty.latents, sound.latents, strict=False)
        found = ((at, _distance(*pair)) for at, pair in enumerate(pairs))
        step, moved = next((each for each in found if each[1] != 0), (None, 0.0))
    return Checked(fault, "", distance, step, moved, *verdicts)


def _distance(new: np.ndarray, old: np.ndarray) -> float:
    """Return the relative L2 distance; infinity where the shapes differ or a value is no number."""
    if new.shape != old.shape:
        return float("inf")
    difference = np.linalg.norm(new.astype(np.float64) - old.astype(np.float64))
    distance = difference / np.linalg.norm(old.astype(np.float64))
    return float(distance) if np.isfinite(distance) else float("inf")
