"""Mistakes that show as fewer digits: something is computed in half precision."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.explanation.hypotheses.fitting import Hypothesis, relative
from harness.explanation.hypotheses.kinds import Rounded, RoundedInside
from harness.measurement.bfloat16 import to_bfloat16
from harness.measurement.measurement import Array

# bfloat16 first: float16 has most of its values, but not the other way round.
_NARROWER = {"float32": ("bfloat16", "float16"), "float64": ("bfloat16", "float16", "float32")}
# Half a unit in the last place, of 1.
_HALF_UNITS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# Rounding once leaves a relative L2 of about 0.4 of that, and sums of rounded values stay around it; so much
# more or less, as a factor, counts as well.
_USUAL, _AROUND = 0.4, 3.0
# What a chain of such roundings may come to.
_MOST = 32.0
# So few values may have few digits by their nature: a half, a linear slope.
_FEWEST = 8


def values_of(ours: Array, theirs: Array, dtype: str) -> Iterator[Hypothesis]:
    """Yield the dtype with fewer digits that has all of our values, if that is all that differs."""
    for narrow in _NARROWER.get(dtype, ()):
        if _has(ours, narrow) and not _has(theirs, narrow):
            if relative(ours, np.asarray(theirs, np.float64)) <= _MOST * _HALF_UNITS[narrow]:
                yield Hypothesis(Rounded(narrow), 0.0)
            return


def fewer_digits(ours: Array, theirs: Array, dtype: str, their_dtype: str) -> Iterator[Hypothesis]:
    """Yield the dtype with fewer digits in which this side may compute; arrays in their own dtype."""
    if dtype in _NARROWER.get(their_dtype, ()):
        yield Hypothesis(Rounded(dtype), 0.0)
        return
    narrower = _NARROWER.get(dtype, ())
    found = relative(ours, np.asarray(theirs, np.float64))
    if narrower and np.count_nonzero(ours != theirs) >= _FEWEST:
        far = {narrow: abs(math.log(found / (_USUAL * _HALF_UNITS[narrow]))) for narrow in narrower}
        nearest = min(narrower, key=far.__getitem__)
        if far[nearest] <= math.log(_AROUND):
            yield Hypothesis(RoundedInside(nearest), 0.0)


def _has(values: Array, dtype: str) -> bool:
    """Return whether ``dtype`` has every one of ``values``, of which some are neither 0 nor integers."""
    if len(np.unique(values[values != np.round(values)])) < _FEWEST:
        return False
    with np.errstate(over="ignore"):
        narrow = to_bfloat16(values) if dtype == "bfloat16" else values.astype(dtype).astype(values.dtype)
    return bool(np.array_equal(narrow, values))
