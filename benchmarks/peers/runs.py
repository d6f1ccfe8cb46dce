"""Runs: every measurement that is judged, made once and kept in a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.cases.case import Case
from harness.cases.job import Job
from harness.execution.runner import Runner
from harness.faults.catalogue import Fault, FaultNotApplicable
from harness.judgement.power.detection import with_output_fault
from harness.measurement.measurement import Array, Measurement


class Runs:
    """The measurements below ``root``, one file each; what is missing is run by ``runner``.

    A file is used again while the case and the fault it was made for are the same. What the code makes of
    them is not looked at: remove the folder after a change to the pipelines or to the faults.
    """

    def __init__(self, root: Path, release: str, runner: Runner) -> None:
        self._root = root / release
        self._release = release
        self._runner = runner

    def sound(self, case: Case) -> Measurement:
        """Return the measurement of ``case`` as it is."""
        measurement = self._kept(case, "sound", case.job(), {"case": case.hash()})
        assert measurement is not None
        return measurement

    def faulty(self, case: Case, fault: Fault) -> Measurement | None:
        """Return the measurement of ``case`` with ``fault`` in it at its reference size.

        None where the fault cannot be put into the case.
        """
        size = fault.checked_size(None)
        if fault.family == "output":
            try:
                return with_output_fault(self.sound(case), fault, size)
            except FaultNotApplicable:
                return None
        key = {"case": case.hash(), "fault": fault.name, "size": size}
        return self._kept(case, fault.name, case.job().with_fault(fault.name, size), key)

    def _kept(self, case: Case, name: str, job: Job, key: Mapping[str, Any]) -> Measurement | None:
        path = self._root / case.suite / case.id / f"{name}.npz"
        found = read(path, key)
        if found is None:
            print(f"{self._release}: {case.name}: {name}", file=sys.stderr, flush=True)
            try:
                measurement = self._runner.run(job)
            except FaultNotApplicable as reason:
                write(path, key, str(reason))
                return None
            write(path, key, measurement)
            return measurement
        return None if isinstance(found, str) else found


def write(path: Path, key: Mapping[str, Any], run: Measurement | str) -> None:
    """Store what came of a run, a measurement or why there is none, with what it was made for."""
    record: dict[str, Any] = {"key": dict(key)}
    arrays: dict[str, Array] = {}
    if isinstance(run, str):
        record["inapplicable"] = run
    else:
        record["measurement"], arrays = run.figures(), run.arrays
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under another name until it is whole: a run that is interrupted leaves no file that looks like one.
    pending = path.with_suffix(".pending.npz")
    np.savez_compressed(pending, record=np.array(json.dumps(record)), **arrays)
    pending.replace(path)


def read(path: Path, key: Mapping[str, Any]) -> Measurement | str | None:
    """Return what :func:`write` stored; None where there is nothing, or something made for another key."""
    if not path.exists():
        return None
    with np.load(path) as stored:
        record = json.loads(str(stored["record"]))
        if record["key"] != dict(key):
            return None
        if "inapplicable" in record:
            return str(record["inapplicable"])
        arrays = {name: stored[name] for name in stored.files if name != "record"}
    return Measurement.of(record["measurement"], arrays)
