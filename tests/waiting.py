"""A store with candidates beside it, and what waits there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from samples import make_baseline, make_case, make_measurement

from harness.baselines.baseline import Key
from harness.baselines.candidates import Candidate, CandidateStore, Kept
from harness.baselines.origin import Origin
from harness.baselines.store import BaselineStore
from harness.cases.case import Case, Suite
from harness.cases.job import Job
from harness.cases.selection import Selection
from harness.measurement.measurement import Measurement
from harness.operations.review import HOME, Trust, pending


class Place:
    """A store with its candidates, and cases called one, two and three."""

    def __init__(self, root: Path) -> None:
        self.store = BaselineStore(root / "baselines")
        self.candidates = CandidateStore.beside(self.store)
        self.cases = [make_case(id=name) for name in ("one", "two", "three")]

    def record(self, case: Case, scale: float = 1.0, **fields) -> None:
        output = make_measurement().output * scale
        self.store.write(dataclasses.replace(make_baseline(case, make_measurement(output)), **fields))

    def keep(
        self,
        case: Case,
        scale: float = 1.0,
        runs: int = 2,
        measured: Measurement | None = None,
        origin: Origin | None = None,
    ) -> Key:
        measured = measured or make_measurement(make_measurement().output * scale)
        baseline = make_baseline(case, measured)
        baseline = dataclasses.replace(
            baseline, provenance=dataclasses.replace(baseline.provenance, origin=origin)
        )
        key = Key(case.suite, case.id, "cpu")
        self.candidates.keep(
            Candidate(baseline, Kept(baseline.provenance, runs, "drift", self.store.sha256(key)))
        )
        return key

    def pending(self, *cases: Case, folders: bool = False, trust: Trust = HOME):
        suite = Suite("guide", Path("suites/guide.yaml"), tuple(cases or self.cases), 1, 1)
        return pending(Selection((suite,), suite.cases, folders), self.store, self.candidates, trust)


class Counting:
    """Stands for workers and for their runner: gives one measurement, and counts the runs."""

    def __init__(self, scale: float = 1.0) -> None:
        self.measured = make_measurement(make_measurement().output * scale)
        self.runs = 0
        self.jobs: list[Job] = []

    def runner(self) -> Counting:
        return self

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def restart(self) -> None:
        pass

    def run(self, job):
        self.runs += 1
        self.jobs.append(job)
        return self.measured
