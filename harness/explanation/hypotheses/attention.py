"""Attentions that are easily confused: by their scale, their mask, and what they do with heads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from harness.explanation.hypotheses.fitting import Candidate, counts
from harness.measurement.measurement import Array

_MOST_HEADS = 64
# The most scores of an attention that is computed again, dozens of times.
_MOST_SCORES = 1 << 22


def attention(
    given: Sequence[tuple[str, Array]], settings: Mapping[str, Any], theirs: Array
) -> Iterator[Candidate]:
    """Yield attentions over the results of ``to_q``, ``to_k`` and ``to_v`` (or ``q_proj`` and so on).

    Attention over a picture and a text has a second set of these, whose rows come before or after.
    """
    named = dict(given)
    heads = next((settings[name] for name in ("heads", "num_heads", "n_heads") if name in settings), None)
    parts = [_named(named, f"to_{each}", f"{each}_proj", each) for each in "qkv"]
    if theirs.ndim != 3 or not counts(heads) or any(each is None or each.ndim != 3 for each in parts):
        return
    added = [_named(named, f"add_{each}_proj") for each in "qkv"]
    for joint_name, (q, k, v) in _joined(parts, added):
        if not _can_attend(q, k, v, heads):
            continue
        for where, rows in _rows(q.shape[1], theirs.shape[1]):
            for name, compute in _attentions(given, q, k, v, heads):
                yield {**name, **joint_name, **where}, partial(_sliced, compute, rows)


def attention_of_pixels(given: Sequence[tuple[str, Array]], theirs: Array) -> Iterator[Candidate]:
    """Yield attentions with one head over the pixels of a picture, as autoencoders have them."""
    qkv = _named(dict(given), "to_qkv")
    if qkv is None or qkv.ndim != 4 or theirs.ndim != 4 or qkv.shape[1] != 3 * theirs.shape[1]:
        return
    batch, _, height, width = qkv.shape
    q, k, v = np.split(qkv.reshape(batch, -1, height * width).swapaxes(1, 2), 3, axis=-1)
    if theirs.shape != (batch, v.shape[2], height, width) or not _can_attend(q, k, v, 1):
        return
    for name, compute in _attentions((), q, k, v, 1):
        yield name, partial(_as_picture, compute, theirs.shape)


def _as_picture(compute: Callable[[], Array], shape: tuple[int, ...]) -> Array:
    return compute().swapaxes(1, 2).reshape(shape)


def _can_attend(q: Array, k: Array, v: Array, heads: int) -> bool:
    """Return whether the shapes are those of attention whose queries and keys have as many heads."""
    alike = q.shape[0] == k.shape[0] == v.shape[0] and k.shape[1] == v.shape[1] and q.shape[2] == k.shape[2]
    few = q.shape[0] * heads * q.shape[1] * k.shape[1] <= _MOST_SCORES
    return alike and few and not q.shape[2] % heads and not v.shape[2] % heads


def _named(given: Mapping[str, Array], *names: str) -> Array | None:
    return next((given[name] for name in names if name in given), None)


def _joined(
    parts: Sequence[Array | None], added: Sequence[Array | None]
) -> Iterator[tuple[dict[str, str], list[Array]]]:
    own = [each for each in parts if each is not None]
    # Queries may be of the picture alone.
    pairs = [(each, more) for each, more in zip(own, added, strict=True)]
    if not any(more is not None for more in added):
        yield {}, own
        return
    if any(more is not None and more.shape[::2] != each.shape[::2] for each, more in pairs):
        return
    for order in ("added-first", "added-last"):
        joined = [
            each
            if more is None
            else np.concatenate((more, each) if order == "added-first" else (each, more), 1)
            for each, more in pairs
        ]
        yield {"order-of-added": order}, joined


def _rows(length: int, wanted: int) -> Iterator[tuple[dict[str, str], slice]]:
    if wanted == length:
        yield {}, slice(None)
    elif wanted < length:
        yield {"rows": "first"}, slice(wanted)
        yield {"rows": "last"}, slice(length - wanted, None)


def _sliced(compute: Callable[[], Array], rows: slice) -> Array:
    return compute()[:, rows]


def _attentions(
    given: Sequence[tuple[str, Array]], q: Array, k: Array, v: Array, heads: int
) -> Iterator[Candidate]:
    width = q.shape[-1] // heads
    masks = [("none", None), ("causal", np.where(np.tril(np.ones((q.shape[1], k.shape[1]))), 0, -np.inf))]
    masks += [("given", each) for each in _masks(given, q, k, heads)]
    for scale_name, scale in (
        ("1/sqrt(head-width)", width**-0.5),
        ("1", 1.0),
        ("1/head-width", 1 / width),
        ("1/sqrt(width)", q.shape[-1] ** -0.5),
        ("1/sqrt(heads)", heads**-0.5),
        ("sqrt(head-width)", width**0.5),
    ):
        for (mask_name, mask), layout in itertools.product(masks, ("apart", "interleaved", "not-moved")):
            name = {"scale": scale_name, "mask": mask_name, "heads": layout, "number-of-heads": str(heads)}
            yield name, partial(_attended, q, k, v, heads, scale, mask, layout)
    # Another number of heads, with its own scale.
    for count in range(1, min(q.shape[-1], _MOST_HEADS) + 1):
        if count != heads and _can_attend(q, k, v, count):
            name = {
                "number-of-heads": str(count),
                "scale": "1/sqrt(head-width)",
                "mask": "none",
                "heads": "apart",
            }
            scale = (q.shape[-1] // count) ** -0.5
            yield name, partial(_attended, q, k, v, count, scale, None, "apart")


def _masks(given: Sequence[tuple[str, Array]], q: Array, k: Array, heads: int) -> Iterator[Array]:
    """Yield the mask among what was given as something to add to scores ``[batch, heads, queries, keys]``."""
    shape = (q.shape[0], heads, q.shape[1], k.shape[1])
    for name, mask in given:
        if "mask" not in name or mask.ndim < 2 or mask.shape[-1] != k.shape[1]:
            continue
        whole = mask
        if mask.ndim == 2:
            whole = mask[:, None, None]
        elif mask.ndim == 3:
            batch = q.shape[0]
            by_head = mask.shape[0] > batch and mask.shape[0] % batch == 0
            whole = mask.reshape(batch, -1, *mask.shape[1:]) if by_head else mask[:, None]
        if whole.ndim == 4 and all(own in (1, full) for own, full in zip(whole.shape, shape, strict=True)):
            # Zeros and ones say what to keep; anything else is added.
            keeps = bool(np.isin(whole, (0, 1)).all() and whole.any())
            yield np.where(whole > 0, 0, -np.inf) if keeps else whole
        return


def _attended(
    q: Array, k: Array, v: Array, heads: int, scale: float, mask: Array | None, layout: str
) -> Array:
    def split(x: Array) -> Array:
        batch, length, width = x.shape
        if layout == "apart":
            return x.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)
        if layout == "interleaved":
            return x.reshape(batch, length, width // heads, heads).transpose(0, 3, 1, 2)
        # The axis of heads is taken from the rows.
        return x.reshape(batch, heads, length, width // heads)

    scores = split(q) @ split(k).swapaxes(-1, -2) * scale
    if mask is not None:
        scores = scores + mask
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    made = (weights / weights.sum(axis=-1, keepdims=True)) @ split(v)
    if layout != "not-moved":
        made = made.transpose((0, 2, 1, 3) if layout == "apart" else (0, 2, 3, 1))
    result: Array = made.reshape(q.shape[0], q.shape[1], -1)
    return result
