"""Formulas that are easily confused: activations, normalisations, embeddings of timesteps, and attention."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.explanation.hypotheses.attention import attention, attention_of_pixels
from harness.explanation.hypotheses.fitting import Candidate, Hypothesis, counts, fitting, relative
from harness.explanation.hypotheses.kinds import Family, Variant
from harness.measurement.measurement import Array

# How well a formula has to give the reference's values to count as what the reference computes. Frameworks
# approximate functions, and float32's timesteps lose digits.
_FORMULA = 2e-3
_EPSILONS = (0.0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
_EPS = ("eps", "epsilon", "variance_epsilon")
_USUAL = "usual"
# A formula is better than an earlier one only if it leaves clearly less.
_NO_BETTER = 0.7
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    result: Array = 0.5 * (1 + np.tanh(x / 2))
    return result


# https://docs.pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions; quick GELU is that
# of https://github.com/openai/CLIP.
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + _erf(x / math.sqrt(2))),
    "gelu-tanh": lambda x: x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "quick-gelu": lambda x: x * _sigmoid(1.702 * x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.logaddexp(0, x),
    "leaky-relu-0.01": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky-relu-0.2": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "squared-relu": lambda x: np.square(np.maximum(x, 0)),
}


def formulas(
    given: Sequence[tuple[str, Array]], settings: Mapping[str, Any], ours: Array, theirs: Array, dtype: str
) -> Iterator[Hypothesis]:
    """Yield the pairs of formulas of one family of which the reference has one and this side another."""
    for family, candidates in (
        *((Family.ACTIVATION, list(each)) for each in _activations(given, theirs)),
        *((Family.GATE, list(each)) for each in _gated(given, theirs)),
        *((Family.NORMALISATION, list(each)) for each in _normalisations(given, settings, theirs)),
        (Family.TIMESTEP, list(_timesteps(given, theirs))),
        (Family.ATTENTION, list(attention(given, settings, theirs))),
        (Family.ATTENTION, list(attention_of_pixels(given, theirs))),
    ):
        found = _pair(family, candidates, ours, theirs, dtype)
        if found is not None:
            yield found


def _pair(
    family: Family, candidates: Sequence[Candidate], ours: Array, theirs: Array, dtype: str
) -> Hypothesis | None:
    with np.errstate(all="ignore"):
        made = [(name, compute()) for name, compute in candidates]
    made = [(name, array) for name, array in made if array.shape == theirs.shape and np.isfinite(array).all()]
    if len(made) < 2:
        return None
    name, formula = made[0]
    missed = relative(formula, theirs)
    for other, array in made[1:]:
        if (left := relative(array, theirs)) < missed * _NO_BETTER:
            name, formula, missed = other, array, left
    if missed > min(_FORMULA, relative(ours, theirs) / 4):
        return None
    fits: list[tuple[int, Hypothesis]] = []
    for other, array in made:
        # What the formula misses in the reference's values, it misses in these, too.
        if other != name:
            ours_only = {key: value for key, value in other.items() if value != name.get(key)}
            theirs_only = {key: name.get(key, _USUAL) for key in ours_only}
            mistake = Variant(family, ours_only, theirs_only)
            if (fit := fitting(mistake, array + (theirs - formula), ours, theirs, dtype)) is not None:
                fits.append((len(ours_only), fit))
    best = min((fit.left for _, fit in fits), default=0.0)
    # Several may be the same formula in other words: the one that differs least from the reference's.
    near = [(count, fit) for count, fit in fits if fit.left * _NO_BETTER <= best]
    return min(near, key=lambda each: each[0])[1] if near else None


def _activations(given: Sequence[tuple[str, Array]], theirs: Array) -> Iterator[Iterator[Candidate]]:
    for _, x in given:
        if x.shape == theirs.shape and x.ndim:
            yield (({"function": name}, partial(f, x)) for name, f in _ACTIVATIONS.items())


def _gated(given: Sequence[tuple[str, Array]], theirs: Array) -> Iterator[Iterator[Candidate]]:
    for _, x in given:
        if theirs.ndim and x.shape == (*theirs.shape[:-1], 2 * theirs.shape[-1]):
            yield _gates(x)


def _gates(x: Array) -> Iterator[Candidate]:
    left, right = np.split(x, 2, axis=-1)
    for name, f in _ACTIVATIONS.items():
        yield {"function": name, "of": "second-half"}, partial(_gate, f, right, left)
        yield {"function": name, "of": "first-half"}, partial(_gate, f, left, right)


def _gate(f: Callable[[Array], Array], gate: Array, gated: Array) -> Array:
    return f(gate) * gated


def _normalisations(
    given: Sequence[tuple[str, Array]], settings: Mapping[str, Any], theirs: Array
) -> Iterator[Iterator[Candidate]]:
    for _, x in given:
        if x.shape == theirs.shape and x.ndim >= 2:
            groups = settings.get("num_groups")
            if counts(groups) and x.shape[1] % groups == 0:
                yield _norms(x, theirs, x.reshape(x.shape[0], groups, -1), 1, settings)
            yield _norms(x, theirs, x, x.ndim - 1, settings)


def _norms(
    x: Array, theirs: Array, grouped: Array, channels: int, settings: Mapping[str, Any]
) -> Iterator[Candidate]:
    """Yield normalisations whose scale and shift, per index of the axis ``channels``, are fitted."""
    mean = grouped.mean(axis=-1, keepdims=True)
    variance = grouped.var(axis=-1, keepdims=True)
    square = np.square(grouped).mean(axis=-1, keepdims=True)
    size = grouped.shape[-1]
    plain: dict[str, tuple[Array, Array]] = {
        "mean-and-variance": (grouped - mean, variance),
        "mean-square": (grouped, square),
        "unbiased-variance": (grouped - mean, variance * (size / max(size - 1, 1))),
    }
    # The affine part is the reference's, whichever of the formulas is the reference's: it is fitted once, for
    # the formula that fits best.
    best, affine = math.inf, None
    # The reference's own eps comes first: with a fitted scale, several may fit as well.
    epsilons = dict.fromkeys(
        [float(settings[name]) for name in _EPS if isinstance(settings.get(name), float)] + [*_EPSILONS]
    )
    made: list[tuple[dict[str, str], Array]] = []
    for (name, (centred, spread)), eps in itertools.product(plain.items(), epsilons):
        with np.errstate(all="ignore"):
            normed = (centred / np.sqrt(spread + eps)).reshape(x.shape)
        made.append(({"divides-by": name, "eps": f"{eps:g}"}, normed))
    for _, array in made:
        if not np.isfinite(array).all():
            continue
        scale, shift = _affine(array, theirs, channels)
        left = relative(array * scale + shift, theirs)
        if left < best * _NO_BETTER:
            best, affine = left, (scale, shift)
    if affine is not None:
        scale, shift = affine
        for naming, array in made:
            yield naming, partial(_scaled, array, scale, shift)


def _scaled(x: Array, scale: Array, shift: Array) -> Array:
    return x * scale + shift


def _affine(x: Array, theirs: Array, axis: int) -> tuple[Array, Array]:
    """Return the scale and shift per index of ``axis`` that bring ``x`` nearest to ``theirs``."""
    others = tuple(each for each in range(x.ndim) if each != axis)
    mean, goal = x.mean(axis=others, keepdims=True), theirs.mean(axis=others, keepdims=True)
    squares = np.square(x - mean).sum(axis=others, keepdims=True)
    products = ((x - mean) * (theirs - goal)).sum(axis=others, keepdims=True)
    scale = np.divide(products, squares, out=np.ones_like(squares), where=squares > 0)
    return scale, goal - scale * mean


def _timesteps(given: Sequence[tuple[str, Array]], theirs: Array) -> Iterator[Candidate]:
    """Yield sinusoidal embeddings (https://arxiv.org/abs/1706.03762, section 3.5) in diffusers' variants."""
    if theirs.ndim != 2 or theirs.shape[1] % 2:
        return
    half = theirs.shape[1] // 2
    for _, t in given:
        if t.size != theirs.shape[0]:
            continue
        for flip, shift, scale, period in itertools.product((True, False), (0, 1), (1, 1000), (10000, 1000)):
            if half - shift <= 0:
                continue

            def compute(
                t: Array = t, flip: bool = flip, shift: int = shift, scale: int = scale, period: int = period
            ) -> Array:
                rates = np.exp(-math.log(period) * np.arange(half) / (half - shift))
                angles = scale * t.reshape(-1, 1) * rates
                parts = (np.cos(angles), np.sin(angles)) if flip else (np.sin(angles), np.cos(angles))
                return np.concatenate(parts, axis=1)

            order = "cos-first" if flip else "sin-first"
            shifts = {"frequency-shift": str(shift), "scale": str(scale), "period": str(period)}
            yield {"order": order, **shifts}, compute
        return
