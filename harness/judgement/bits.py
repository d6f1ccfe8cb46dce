"""Bits: which parts of two measurements are not the very same, and where they first part."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np

from harness.measurement.measurement import Array, Draw, Measurement


def same_bits(a: Array | None, b: Array | None) -> bool:
    """Whether two arrays have the same dtype, shape and bytes; NaN payloads and the sign of 0 count."""
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.shape == b.shape and _bytes(a) == _bytes(b)


def differing_values(a: Array, b: Array) -> int:
    """Return the number of entries whose bytes differ in two arrays of one dtype and shape."""
    unsigned = f"u{a.dtype.itemsize}"
    left, right = (np.ascontiguousarray(x).view(unsigned) for x in (a, b))
    return int(np.count_nonzero(left != right))


def changed_parts(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    """Return what is not bitwise equal: output, latents, single images, statistics; one text each.

    The ledger and the checkpoint are not looked at here: in every tier they have to be equal.
    """
    parts = []
    if not same_bits(measured.output, baseline.output):
        parts.append(_output_change(measured.output, baseline.output))
    if (text := first_changed_step(measured, baseline)) is not None:
        parts.append(text)
    if not same_bits(measured.singles, baseline.singles):
        parts.append("the single images of the batch are not bitwise equal to the baseline's")
    names = measured.statistics.keys() | baseline.statistics.keys()
    changed = sorted(name for name in names if measured.statistics.get(name) != baseline.statistics.get(name))
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        parts.append(f"statistics differ: {', '.join(changed[:3])}{more}")
    return tuple(parts)


def _output_change(measured: Array, baseline: Array) -> str:
    if measured.dtype != baseline.dtype or measured.shape != baseline.shape:
        return "the output has another form than the baseline's"
    count = differing_values(measured, baseline)
    text = f"the output is not bitwise equal to the baseline's: {count} of {measured.size} values differ"
    if np.array_equal(measured, baseline):
        text += ", all of them only in the sign of 0"
    return text


def first_changed_step(measured: Measurement, baseline: Measurement) -> str | None:
    """Return the first step whose latents are not bitwise equal, as a sentence; None where all are."""
    total = len(baseline.trace)
    for ours, theirs in zip(measured.trace, baseline.trace, strict=False):
        if ours.sha256 != theirs.sha256:
            return (
                f"the latents differ from step {ours.step} on (of 0 to {total - 1}, timestep {ours.timestep})"
            )
    if len(measured.trace) != total:
        return f"{len(measured.trace)} steps were traced, {total} in the baseline"
    return None


def schedule_change(measured: Measurement, baseline: Measurement) -> str | None:
    """Return how the timesteps differ, which rounding cannot explain; None where they are the same."""
    ours, theirs = ([record.timestep for record in m.trace] for m in (measured, baseline))
    if len(ours) != len(theirs):
        return f"the schedule differs: {len(ours)} steps, the baseline has {len(theirs)}"
    for step, (timestep, reference) in enumerate(zip(ours, theirs, strict=True)):
        if timestep != reference:
            return f"the schedule differs: step {step} has timestep {timestep}, the baseline {reference}"
    return None


def checkpoint_change(measured: Measurement, baseline: Measurement) -> str | None:
    """Return which files of the weights that ran differ from the baseline's; None where all are the same."""
    ours, theirs = measured.checkpoint.files, baseline.checkpoint.files
    changed = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if not changed:
        return None
    name = changed[0]
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    return (
        f"the checkpoint {measured.checkpoint.source or '(of the pipeline itself)'} is not the one recorded: "
        f"{name}{more} has sha256 {ours.get(name, '(none)')}, the baseline's {theirs.get(name, '(none)')}"
    )


def ledger_change(measured: Measurement, baseline: Measurement) -> str | None:
    """Return the first draw of noise that is not the baseline's; None where all are.

    Noise is the same bits in every environment. Where in the code a draw was made does not count.
    """
    total = len(baseline.ledger)
    counts = f"the noise differs: {len(measured.ledger)} draws, {total} in the baseline"
    for index, (ours, theirs) in enumerate(zip_longest(measured.ledger, baseline.ledger)):
        if ours is None:
            return f"{counts}; missing: {_draw(theirs)}"
        if theirs is None:
            return f"{counts}; first new: {_draw(ours)}"
        if _form(ours) != _form(theirs):
            return f"the noise differs from draw {index} on: {_draw(ours)}, in the baseline {_draw(theirs)}"
        if ours.sha256 != theirs.sha256:
            return f"the noise differs from draw {index} on: {_draw(ours)} gave other values (another seed?)"
    return None


def changed_operators(measured: Measurement, baseline: Measurement) -> tuple[str, ...]:
    """Return the canary operators that both ran and that gave other bits, sorted."""
    ours, theirs = measured.canaries, baseline.canaries
    return tuple(sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]))


def same_draw(ours: Draw, theirs: Draw) -> bool:
    """Whether two draws gave the same values to the same call, wherever in the code it stands."""
    return _form(ours) == _form(theirs) and ours.sha256 == theirs.sha256


def _form(draw: Draw) -> tuple[object, ...]:
    return (draw.generator, draw.method, draw.shape, draw.dtype)


def _draw(draw: Draw) -> str:
    shape = "x".join(map(str, draw.shape)) or "scalar"
    return f"{draw.method} {shape} {draw.dtype} of generator {draw.generator} at {draw.site}"


def _bytes(array: Array) -> bytes:
    return array.tobytes()
