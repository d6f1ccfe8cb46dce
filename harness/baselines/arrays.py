"""The arrays of a baseline: those listed in its JSON file, each with the dtype and shape given there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.baselines.baseline import Baseline
from harness.baselines.document import ArrayForm, BaselineDocument
from harness.baselines.errors import NotStorable
from harness.baselines.store import Damage, arrays_path
from harness.measurement.measurement import (
    REAL_KINDS,
    Array,
    ArraysError,
    Measurement,
    constants_in,
    decode_arrays,
)


def baseline_of(document: BaselineDocument, data: bytes, path: Path) -> Baseline:
    """Return the baseline of the JSON file at ``path`` and the bytes of its safetensors file.

    Raises :class:`Damage` if the bytes do not hold the arrays that the JSON file lists.
    """
    try:
        arrays = _listed_arrays(data, document.arrays.forms)
    except ArraysError as error:
        raise Damage(arrays_path(path), str(error)) from None
    return Baseline(
        suite=document.case.suite,
        case_id=document.case.id,
        device=document.device,
        measurement=Measurement(
            output=arrays["output"],
            statistics=document.statistics,
            trace=tuple(document.trace),
            ledger=tuple(document.ledger),
            fingerprint=document.fingerprint,
            checkpoint=document.checkpoint,
            code=document.code,
            output_dtype=document.output_dtype,
            facts=document.facts,
            constants=constants_in(arrays),
            canaries=document.canaries,
            replaced_kernels=document.replaced_kernels,
            latents=arrays.get("latents"),
            singles=arrays.get("singles"),
            host=document.host,
            decoder_input=arrays.get("decoder_input"),
        ),
        calibration=document.calibration,
        provenance=document.origin(),
        path=path,
    )


def _listed_arrays(data: bytes, forms: dict[str, ArrayForm]) -> dict[str, Array]:
    """Return the read-only arrays in ``data``.

    Raises :class:`ArraysError` if ``data`` is not safetensors, or if an array is missing, unexpected, or has
    a dtype or shape other than that in ``forms``.
    """
    arrays, _ = decode_arrays(data)
    if "output" not in forms:
        raise ArraysError("its JSON file lists no array 'output'")
    for name, form in forms.items():
        if name not in arrays:
            raise ArraysError(f"the array {name!r} is missing")
        found = ArrayForm.of(arrays[name])
        if found != form:
            raise ArraysError(
                f"the array {name!r} is {found.dtype} {list(found.shape)}, "
                f"its JSON file says {form.dtype} {list(form.shape)}"
            )
    if extra := sorted(arrays.keys() - forms.keys()):
        raise ArraysError(f"the array {extra[0]!r} is not in its JSON file")
    return arrays


def check_storable(name: str, measurement: Measurement) -> None:
    """Refuse a measurement that no later run could be compared with, such as one with NaN.

    Raises :class:`NotStorable`, which refers to the case as ``name``, for NaN, Inf, an empty array, or
    anything that is not a real number.
    """
    # A constant is compared as it is, and infinity is what some tables hold.
    for what, array in replace(measurement, constants={}).arrays.items():
        if array.dtype.kind not in REAL_KINDS:
            raise NotStorable(f"{what} has dtype {array.dtype}, which cannot be stored", about=(name,))
        if array.size == 0:
            raise NotStorable(f"{what} is empty: nothing could be compared with it", about=(name,))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = array.size - np.count_nonzero(np.isfinite(array))
            raise NotStorable(
                f"{what} holds NaN or Inf in {count} of {array.size} places: repair the case", about=(name,)
            )
    steps = ((f"latents of step {record.step}", record.statistics) for record in measurement.trace)
    for what, statistics in (("statistics", measurement.statistics), *steps):
        for key, value in statistics.items():
            if not np.isfinite(value):
                raise NotStorable(f"{what}: {key} is {value}: repair the case", about=(name,))
