"""A run held to the same case on another implementation: its distance from float64 against the original's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from samples import FINGERPRINT, make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.calibration import Calibration
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.reference import (
    DEFAULT_FACTOR,
    Distances,
    Reference,
    distances,
    held_to_reference,
    needed_factor,
)
from harness.judgement.reference_reasons import FartherThanReference, UnlikeReference, WithinReference
from harness.measurement.measurement import Measurement
from harness.reporting.reasons import text_of

CASE = make_case(pipeline="mindone:DDIMPipeline", reference="diffusers")
ON_TORCH = {**FINGERPRINT, "implementation": "diffusers"}
EXACT = make_measurement(keep=True)


def moved(measured: Measurement, *steps: float, output: float = 1e-7) -> Measurement:
    """Return ``measured``, farther away by such relative distances."""
    assert measured.latents is not None
    latents = np.stack(
        [each.astype(np.float64) * (1 + by) for each, by in zip(measured.latents, steps, strict=True)]
    )
    return replace(measured, latents=latents, output=measured.output.astype(np.float64) * (1 + output))


def held(
    port: Measurement,
    original: Measurement | None = None,
    calibration: Calibration | None = None,
    **changes: Any,
) -> Judgement:
    original = original or moved(EXACT, 1e-7, 2e-7)
    stored = [
        make_baseline(CASE, replace(each, fingerprint={**ON_TORCH, "dtype": dtype}))
        for each, dtype in ((original, "float32"), (EXACT, "float64"))
    ]
    judged = Judgement(CASE.suite, CASE.id, Verdict.IDENTICAL)
    return held_to_reference(replace(CASE, **changes), judged, port, Reference(*stored), calibration)


def test_distances_are_of_every_step_and_of_the_output() -> None:
    found = distances(moved(EXACT, 1e-3, 2e-3, output=4e-3), EXACT)
    assert found.steps == pytest.approx((1e-3, 2e-3), rel=1e-6)
    assert found.output == pytest.approx(4e-3, rel=1e-6)


@pytest.mark.parametrize(
    ("port", "spread", "factor"),
    [
        (Distances((4e-6, 1e-6), 1e-6), Distances((), 0.0), 4.0),
        (Distances((1e-6, 1e-6), 8e-6), Distances((), 0.0), 8.0),  # the output
        (Distances((4e-6, 1e-6), 1e-6), Distances((2e-6, 0.0), 0.0), 2.0),  # less what rounding makes of it
        (Distances((1e-6, 1e-6), 1e-6), Distances((2e-6, 2e-6), 2e-6), 0.0),
    ],
)
def test_the_factor_needed_is_that_of_the_worst_part(
    port: Distances, spread: Distances, factor: float
) -> None:
    assert needed_factor(port, Distances((1e-6, 1e-6), 1e-6), spread) == pytest.approx(factor)


def test_an_original_that_is_exact_by_chance_allows_a_rounding() -> None:
    needed = needed_factor(Distances((2.0**-24,), 0.0), Distances((0.0,), 0.0), Distances((), 0.0))
    assert needed == pytest.approx(2.0)


def test_within_is_a_note() -> None:
    judged = held(moved(EXACT, 3e-7, 2e-7))
    assert judged.verdict is Verdict.IDENTICAL
    (note,) = judged.notes
    assert isinstance(note, WithinReference)
    assert (note.device, note.step, note.factor) == ("diffusers-cpu", 0, DEFAULT_FACTOR)
    assert note.needed == pytest.approx(3, rel=1e-2)
    assert "within, 3 of at most 20 times as far from float64 as diffusers-cpu: " in text_of(note)


def test_farther_is_drift_whatever_the_own_baseline_says() -> None:
    judged = held(moved(EXACT, 1e-7, 5e-6))
    assert judged.verdict is Verdict.DRIFT
    (reason,) = judged.reasons
    assert isinstance(reason, FartherThanReference)
    assert (reason.step, reason.exceeded, reason.limited) == (1, 1, 3)
    assert reason.needed == pytest.approx(25, rel=1e-2)
    assert text_of(reason) == (
        "across implementations: the latents after step 1 are 5e-06 from float64, those of diffusers-cpu "
        "2e-07, 25 times as far; the limit is 20 times, which 1 of 3 parts exceed"
    )


def test_a_case_may_allow_more_and_less() -> None:
    assert held(moved(EXACT, 1e-7, 5e-6), reference_factor=30.0).verdict is Verdict.IDENTICAL
    assert held(moved(EXACT, 3e-7, 2e-7), reference_factor=2.0).verdict is Verdict.DRIFT


def test_the_envelope_is_added() -> None:
    # Step 1 is allowed 20 times 2e-7, and 1.5e-6 more.
    spread = make_calibration(steps=tuple(replace(each, largest=1.5e-6) for each in make_calibration().steps))
    assert held(moved(EXACT, 1e-7, 5e-6)).verdict is Verdict.DRIFT
    judged = held(moved(EXACT, 1e-7, 5e-6), calibration=spread)
    assert judged.verdict is Verdict.IDENTICAL
    assert "rounding alone moves them by 1.5e-06" in text_of(judged.notes[-1])


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"ledger": ()}, "draws"),
        ({"trace": EXACT.trace[:1]}, "schedule"),
        ({"latents": EXACT.latents[:, :, :1]}, "latents"),
        ({"output": EXACT.output[:, :4]}, "output"),
    ],
)
def test_two_runs_that_are_not_of_the_same_case_are_said_to_be(changed: dict[str, Any], what: str) -> None:
    judged = held(replace(moved(EXACT, 1e-7, 1e-7), **changed))
    assert judged.verdict is Verdict.DRIFT
    assert judged.reasons == (UnlikeReference(what, "diffusers-cpu"),)


def test_the_line_that_draws_is_another_programs() -> None:
    elsewhere = tuple(replace(each, site="torch_utils.py:79") for each in EXACT.ledger)
    assert held(replace(moved(EXACT, 1e-7, 1e-7), ledger=elsewhere)).verdict is Verdict.IDENTICAL


def test_nan_is_never_near() -> None:
    broken = moved(EXACT, 1e-7, float("nan"))
    assert held(broken).verdict is Verdict.DRIFT
