"""Comparing two arrays from anywhere: no case, no environment, no tier."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.baselines.baseline import Baseline
from harness.baselines.store import BaselineStore
from harness.cases.tolerance import Limits
from harness.cases.validation import limits_of
from harness.errors import UsageError
from harness.judgement.arrays import judge_arrays
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.metrics import check_exact
from harness.judgement.reasons import DtypeDiffers
from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.measurement import REAL_KINDS, Array

# Metrics are computed in float64, whose values have 8 bytes.
_BYTES = 8


@dataclass(frozen=True, eq=False)
class ComparedArrays:
    """The judgement on ``measured``, an array that is compared with ``reference``."""

    judgement: Judgement
    measured: Array
    reference: Array


def compare_arrays(
    measured: object, baseline: object, limits: Limits | Mapping[str, Any] | None
) -> ComparedArrays:
    """Return the judgement on ``measured``, an array, compared with ``baseline``.

    ``baseline`` is an array, a :class:`Baseline`, or the path of a baseline's JSON file. Other objects that
    numpy can convert to an array of real numbers are accepted too. If ``limits`` is None, the bits must be
    the same. Raises :class:`UsageError` for anything that cannot be compared, including a baseline with NaN,
    and BaselineError for a baseline that cannot be read.
    """
    if isinstance(baseline, str | os.PathLike):
        baseline = _stored(Path(baseline))
    context, stored = Judgement("", "array", Verdict.ERROR), None
    if isinstance(baseline, Baseline):
        path = None if baseline.path is None else str(baseline.path)
        context = Judgement(baseline.suite, baseline.case_id, Verdict.ERROR, baseline_path=path)
        stored, baseline = baseline.measurement.output_dtype, baseline.measurement.output
    ours, theirs = _array(measured, "the array"), _array(baseline, "the baseline")
    names = dtype_of(measured, ours), stored or dtype_of(baseline, theirs)
    if not np.isfinite(theirs).all():
        raise UsageError("the baseline has NaN or Inf: nothing can be held to it")
    asked = limits if limits is None or isinstance(limits, Limits) else limits_of(limits)
    if asked is not None:
        check_exact(ours, theirs)
    if ours.dtype == theirs.dtype and names[0] != names[1]:
        unlike = (DtypeDiffers("output", *names),)
        return ComparedArrays(replace(context, verdict=Verdict.DRIFT, reasons=unlike), ours, theirs)
    return ComparedArrays(judge_arrays(context, ours, theirs, asked, names[0]), ours, theirs)


def _stored(path: Path) -> Baseline:
    folder = path.absolute().parent
    if path.suffix != ".json":
        raise UsageError(f"{path}: is no baseline; name its file, as baselines/suite/case/cpu.json")
    return BaselineStore(folder.parent.parent).load(folder.parent.name, folder.name, path.stem)


def _array(value: object, whose: str) -> Array:
    """Return ``value`` as an array of a comparable dtype in this machine's byte order."""
    if isinstance(value, np.ma.MaskedArray):
        raise UsageError(f"{whose} is masked: fill it first, as what is masked would be compared, too")
    try:
        array = to_numpy(value)
    except Exception as error:  # noqa: BLE001  any object may be given, and say anything
        raise UsageError(f"{whose} cannot be made an array of numpy's: {error}") from None
    dtype = array.dtype
    if dtype.kind not in REAL_KINDS or dtype.itemsize > _BYTES:
        raise UsageError(
            f"{whose} has dtype {dtype}, which cannot be compared: convert both sides to float32, or to "
            "another real dtype of numpy's of at most 64 bits"
        )
    return array.astype(dtype.newbyteorder("="), copy=False)
