"""A run with a drift of each kind, on the real pipeline: what the report has to be good at."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.calibration import Calibration
from harness.baselines.git import Commit
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import FaultRequest, Job
from harness.cases.load import load_suite
from harness.execution.runner import Runner
from harness.explanation.causes import root_causes
from harness.judgement.calibration.envelope import Member, make_calibration
from harness.measurement.measurement import Measurement
from harness.operations.check import check, expected
from harness.pipelines.checkpoints import resolve
from harness.reporting.commands import Invocation, commands
from harness.reporting.html.run import report_folder, report_run
from harness.reporting.html.view import case_view

SUITE = """\
suite: digits
defaults:
  pipeline: ddim
  checkpoint: builtin:ddpm-digits
  seed: 3
  steps: 20
  keep: latents
  tolerance: {across_devices: calibrated, same_environment: calibrated}
cases:
  - id: same-bits
  - id: other-kernels
    tags: [release]
  - id: limits-too-tight
    tolerance: {across_devices: {relative_l2: 1.0e-8, statistics: 1.0e-8}}
  - id: strict-elsewhere
    strict: true
    tolerance: {same_environment: exact}
  - id: one-weight-scaled
  - id: betas-in-half
  - id: another-seed
  - id: other-weights
  - id: timesteps-off-by-one
  - id: grey-patch
    seeds: [3, 4, 5, 6]
    keep: none
  - id: crash
"""
# What is done to the run of a case.
_FAULTS: dict[str, FaultRequest] = {
    "one-weight-scaled": FaultRequest("weight-scaled"),
    "betas-in-half": FaultRequest("betas-half"),
    "another-seed": FaultRequest("other-seed"),
    "timesteps-off-by-one": FaultRequest("timestep-off-by-one"),
    "grey-patch": FaultRequest("patch", 0.02),
}
# An instruction set that every x86-64 processor has, and another one than the profile's.
_ELSEWHERE = ("other-kernels", "limits-too-tight", "strict-elsewhere")
_OTHER_WEIGHTS = "trained-on"
_MEMBERS = 4


class _Runner:
    """Runs a case with what is to be wrong with it."""

    def __init__(self, here: Runner, elsewhere: Runner) -> None:
        self._here, self._elsewhere = here, elsewhere

    def run(self, job: Job) -> Measurement:
        name = job.name.partition("/")[2]
        if name == "crash":
            return self._here.run(replace(job, pipeline="pipelines_for_tests:crashing", checkpoint=None))
        if name == "other-weights":
            job = replace(job, checkpoint=f"./{_OTHER_WEIGHTS}")
        if name in _FAULTS:
            job = job.with_fault(_FAULTS[name].name, _FAULTS[name].size)
        return (self._elsewhere if name in _ELSEWHERE else self._here).run(job)


def make_gallery(folder: Path) -> Path:
    """Run the gallery's cases, with stored baselines and a report below ``folder``; return the page."""
    path = folder / "suites" / "digits.yaml"
    path.parent.mkdir()
    path.write_text(SUITE)
    cases = load_suite(path).cases
    store = BaselineStore(folder / "baselines")
    views = {}
    with Runner(import_paths=[Path(__file__).parents[2]]) as here, Runner(isa="SSE41") as elsewhere:
        known: dict[str, tuple[Measurement, Calibration]] = {}
        for case in cases:
            if case.hash() not in known:
                base = here.run(case.job().member(None))
                members = [
                    Member.of(seed, here.run(case.job().member(seed)), base, case.id)
                    for seed in range(1, _MEMBERS + 1)
                ]
                base = base if case.keep == "latents" else replace(base, latents=None)
                known[case.hash()] = base, make_calibration(members, base, 2.0, case.id)
            _store(store, case, *known[case.hash()])
        runner = _Runner(here, elsewhere)
        _train_on(path.parent / _OTHER_WEIGHTS)
        for case in cases:
            result = check(case, runner, store)
            causes = ()
            if result.measurement is not None and result.baseline is not None:
                causes = root_causes(result.measurement, result.baseline)
            view = case_view(
                case,
                result,
                expected(case, result, store),
                commands=commands(case, Invocation(str(store.root))),
                causes=causes,
            )
            views[f"{path}::{case.id}"] = _elsewhere_too(view)
    return report_run(report_folder(folder / "report"), views, {})


def _train_on(folder: Path) -> None:
    """Make ``folder`` a copy of the digits' checkpoint, as one more step of training could leave it."""
    digits = resolve("builtin:ddpm-digits", Path()).folder
    assert digits is not None
    shutil.copytree(digits, folder)
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    noise = np.random.default_rng(0)
    save_file(
        {name: (w * noise.normal(1, 1e-3, w.shape)).astype(w.dtype) for name, w in weights.items()}, path
    )


def _elsewhere_too(view: str) -> str:
    """Return ``view`` without the folders of this machine, which a crash's log names."""
    root = Path(__file__).resolve().parents[3]
    return view.replace(str(root), "/home/user/harness").replace(sys.base_prefix, "/usr")


def _store(store: BaselineStore, case: Case, measured: Measurement, calibration: Calibration) -> None:
    provenance = Provenance.of(case, reason="first recording", git_commit=Commit("4f0c2a9d" * 5, dirty=False))
    device = device_key(measured.fingerprint)
    store.write(Baseline(case.suite, case.id, device, measured, provenance, calibration))
