"""Small cases, measurements and baselines, made with the parts that make real ones."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.calibration import Calibration, StepEnvelope
from harness.baselines.git import Commit
from harness.cases.case import Case
from harness.cases.job import Job
from harness.cases.tolerance import Tolerance
from harness.errors import HarnessError
from harness.explanation.causes import Cause, Kind
from harness.explanation.evidence import Changed
from harness.judgement.judgement import Judgement
from harness.judgement.reasons import Failed
from harness.measurement.figures import CheckpointIdentity
from harness.measurement.ledger import Ledger, case_generators
from harness.measurement.measurement import Measurement
from harness.measurement.statistics import summarise
from harness.measurement.trace import StepTrace
from harness.releases.comparison import Comparison
from harness.reporting.commands import Invocation, error_text
from harness.reporting.reasons import text_of

FINGERPRINT = {
    "device": "CPU",
    "arch": "x86_64",
    "cores": "1",
    "isa": "AVX2",
    "cpu_model": "a processor",
    "mindspore": "2.10.0",
    "numpy": "1.26.4",
}


def make_case(**fields: Any) -> Case:
    """A two-step DDIM case; tolerances are given as keyword ``tolerance={...}``, as in the YAML."""
    if isinstance(fields.get("tolerance"), dict):
        fields["tolerance"] = Tolerance.model_validate(fields["tolerance"])
    base: dict[str, Any] = {
        "suite": "guide",
        "id": "two-steps",
        "pipeline": "ddim",
        "checkpoint": "builtin:ddpm-digits",
        "seeds": (7,),
        "steps": 2,
        "arguments": {"eta": 0.0},
        "path": Path("suites/guide.yaml"),
        "line": 4,
        "column": 5,
    }
    return Case(**{**base, **fields})


def make_job(**fields: Any) -> Job:
    """A three-step DDIM job that stands in no file."""
    base: dict[str, Any] = {
        "name": "suite/case",
        "place": "",
        "base": str(Path(__file__).parent),
        "root": str(Path(__file__).parent),
        "pipeline": "ddim",
        "checkpoint": "builtin:ddpm-digits",
        "seeds": (0,),
        "steps": 3,
    }
    return Job(**{**base, **fields})


def make_measurement(
    output: np.ndarray | None = None,
    *,
    seed: int = 7,
    timesteps: tuple[int, ...] = (500, 0),
    keep: bool = False,
    fingerprint: dict[str, str] | None = None,
    **fields: Any,
) -> Measurement:
    """What a run of :func:`make_case` could yield; ``output`` overrides the image alone."""
    ledger = Ledger()
    (generator,) = case_generators((seed,), ledger)
    latents = generator.standard_normal((1, 3, 8, 8), dtype=np.float32)
    trace = StepTrace(keep=keep)
    for step, timestep in enumerate(timesteps):
        latents = latents * np.float32(0.5)
        trace(None, step, timestep, {"latents": latents})
    if output is None:
        output = np.clip(latents.transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1).astype(np.float32)
    made = Measurement(
        output=output,
        statistics=summarise(output),
        trace=trace.records,
        ledger=ledger.draws,
        fingerprint=dict(FINGERPRINT if fingerprint is None else fingerprint),
        checkpoint=CheckpointIdentity("builtin:ddpm-digits", {"unet/config.json": "ab" * 32}),
        canaries={"conv3x3": "1" * 64, "exp": "2" * 64},
        timings={"run": 0.5},
        latents=trace.latents,
    )
    return dataclasses.replace(made, **fields)


def make_baseline(
    case: Case | None = None, measurement: Measurement | None = None, *, reason: str = "first recording"
) -> Baseline:
    case = case or make_case()
    measurement = measurement or make_measurement()
    provenance = Provenance.of(case, reason=reason, git_commit=Commit("c" * 40, dirty=False))
    return Baseline(case.suite, case.id, device_key(measurement.fingerprint), measurement, provenance)


def make_calibration(**fields: Any) -> Calibration:
    """The envelope of :func:`make_measurement`'s two steps, as ten members could have shown it."""
    moments = dict.fromkeys(("abs_sum", "mean", "std", "min", "max", "l2"), 1e-08)
    base: dict[str, Any] = {
        "members": tuple(range(1, 11)),
        "factor": 2.0,
        "metrics": {"max_abs": 4e-7, "relative_l2": 2e-7},
        "statistics": {"mean": 1e-8, "std": 2e-8},
        "steps": tuple(
            StepEnvelope(step, dict(moments), median=1e-7, largest=1.5e-7 * (1 + step)) for step in (0, 1)
        ),
        "chaotic_from": None,
        "modes": (11,),
        "saturated": 0.0,
        "harness_version": "0.1.0",
        "date": "2026-01-01T00:00:00+00:00",
    }
    return Calibration(**{**base, **fields})


def first_reason(judged: Judgement | Comparison) -> str:
    """Return the most telling reason in words."""
    return text_of(judged.reasons[0])


def said(*texts: str) -> tuple[Failed, ...]:
    """Return reasons whose words are ``texts``, whatever these say."""
    return tuple(Failed("other", text) for text in texts)


@contextmanager
def refused(kind: type[HarnessError], told: str) -> Iterator[pytest.ExceptionInfo[HarnessError]]:
    """Expect an error of ``kind`` whose words, as a reader sees them, match ``told``."""
    with pytest.raises(kind) as caught:
        yield caught
    text = error_text(caught.value, Invocation())
    assert re.search(told, text, re.DOTALL), text


def cause(kind: Kind, title: str = "") -> Cause:
    """Return a cause whose title is ``title``."""
    return Cause(kind, Changed(Failed("other", title)))
