"""Judge what follows the last step by itself: the host's processing, and the decoder.

Both would be drowned by the rounding of all the steps before them. The host computes in float32 whatever the
dtype of the model, from an array of the same run, so float32's limits apply in every tier. The decoder runs
on the input that the baseline stored, so its limits are those of rounding in the decoder alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.baselines.baseline import Baseline
from harness.cases.tolerance import Calibrated
from harness.judgement.reasons import Reason
from harness.judgement.reasons_after_steps import DecoderDiffers, HostDiffers, HostNotObserved
from harness.judgement.rows import Row
from harness.judgement.tiers import choose_tier, safety_factor
from harness.measurement.figures import HOST_LIMIT, HostProcessing
from harness.measurement.measurement import Measurement, array_sha256

_FIGURES = ("max_abs", "relative_l2")
# One unit in the last place of float32: a decoder that swallows the move of its input rounds all the same.
_LEAST = 2.0**-23


def host_rows(measured: Measurement, stored: Measurement) -> list[Row]:
    """Return the row that says how far the output is from what made the baseline's output of the same array.

    The list is empty if one of the two was not observed. Of several recipes that gave the baseline's output,
    the nearest counts: without values beyond the bounds, a clamp does nothing.
    """
    differences = _of_baseline(measured, stored)
    return [_host_row(min(differences))] if differences else []


def possible_host_rows(stored: Measurement) -> list[Row]:
    """Return the rows of :func:`host_rows` that a run can have, as if it gave the baseline's output."""
    return [] if _giving_output(stored) is None else [_host_row(0.0)]


def _host_row(difference: float) -> Row:
    return Row("relative_max", difference, HOST_LIMIT, difference <= HOST_LIMIT, part="host")


def host_reasons(rows: Sequence[Row], stored: Measurement) -> list[Reason]:
    """Return why those ``rows`` of :func:`host_rows` fail; empty if they do not."""
    host = stored.host
    figures = [row.measured for row in rows if not row.passed and row.measured is not None]
    return [] if host is None else [HostDiffers(host.source, each, HOST_LIMIT) for each in figures]


def host_not_observed(measured: Measurement, stored: Measurement) -> HostNotObserved | None:
    """Return that this run does not show what the baseline's host processing started from, if so."""
    host = _giving_output(stored)
    return None if host is None or _of_baseline(measured, stored) else HostNotObserved(host.source)


def _of_baseline(measured: Measurement, stored: Measurement) -> list[float]:
    """Return by how much this run deviates from each recipe that gave the baseline's output."""
    ours, theirs = measured.host, _giving_output(stored)
    if ours is None or theirs is None or ours.source != theirs.source:
        return []
    return [ours.differences[name] for name in theirs.differences if name in ours.differences]


def _giving_output(stored: Measurement) -> HostProcessing | None:
    return None if stored.host is None else stored.host.giving_output


def decoder_envelope(unperturbed: Measurement) -> dict[str, float] | None:
    """Return the envelope of the decoder that a run of the case measured; None if it could not."""
    found = unperturbed.decoder
    return None if found is None else {name: getattr(found, name) for name in _FIGURES}


def decoder_rows(
    measured: Measurement, stored: Measurement, envelope: Mapping[str, float] | None, factor: float
) -> Iterator[Row]:
    """Yield the figures of the decoder on the baseline's input, with ``factor`` times ``envelope`` as limits.

    A limit is never below the rounding of the output itself. Yields nothing if the decoder did not run on
    that input, or has no envelope.
    """
    found, given = measured.decoder, stored.decoder_input
    if found is None or given is None or found.inputs != array_sha256(given):
        return
    for row in possible_rows(stored, envelope, factor):
        value = getattr(found, row.figure)
        assert row.limit is not None
        yield replace(row, measured=value, passed=value <= row.limit)


def possible_rows(stored: Measurement, envelope: Mapping[str, float] | None, factor: float) -> Iterator[Row]:
    """Yield the rows of :func:`decoder_rows` that a run can have, as if it gave the baseline's output."""
    if envelope is None or stored.decoder_input is None:
        return
    for name in _FIGURES:
        yield Row(name, 0.0, max(envelope[name] * factor, _LEAST), passed=True, part="decoder")


def decoder_reasons(rows: Sequence[Row], stored: Measurement) -> list[Reason]:
    """Return the worst of those ``rows`` of :func:`decoder_rows` that fail; empty if none does."""
    failed = [row for row in rows if not row.passed]
    if not failed or stored.host is None:
        return []
    worst = max(failed, key=lambda row: row.used or 0.0)
    assert worst.measured is not None
    assert worst.limit is not None
    return [DecoderDiffers(stored.host.source, worst.figure, worst.measured, worst.limit)]


def proven(measured: Measurement, baseline: Baseline) -> list[Reason]:
    """Return what is wrong after the last step, whatever happened before it: host processing, decoder.

    The decoder's limits are those of the tier of the two environments.
    """
    stored, calibration = baseline.measurement, baseline.calibration
    found = host_reasons(host_rows(measured, stored), stored)
    if calibration is not None:
        factor = safety_factor(
            choose_tier(measured.fingerprint, stored.fingerprint), Calibrated(), calibration
        )
        found += decoder_reasons(list(decoder_rows(measured, stored, calibration.decoder, factor)), stored)
    return found
