"""Guidance in two calls: a denoising model gets each half of a doubled batch by itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any

from harness.frameworks.framework import current, is_tensor
from harness.pipelines.compiled import denoising_models
from harness.pipelines.errors import PipelineError


class NeverDoubled(PipelineError):
    """No denoising model of the pipeline was called with twice as many rows as there are images."""


@contextmanager
def halved(name: str, pipeline: Any, images: int) -> Iterator[None]:
    """Call the denoising models of ``pipeline`` with one half of a batch of 2 x ``images`` after the other.

    Pipelines of diffusers with classifier-free guidance call their model once with both halves. Raises
    :class:`NeverDoubled` at the end if none of them did.
    """
    models = [cell for _, cell in denoising_models(pipeline)]
    # In graph mode a model has its compiled function as an attribute of its own.
    method = current().method
    before = [vars(cell).get(method) for cell in models]
    calls = [0]
    for cell in models:
        setattr(cell, method, _in_halves(getattr(cell, method), 2 * images, calls))
    try:
        yield
    finally:
        for cell, own in zip(models, before, strict=True):
            delattr(cell, method)
            if own is not None:
                setattr(cell, method, own)
    if not calls[0]:
        raise NeverDoubled(f"{name} calls no denoising model with {2 * images} rows for {images} images")


def _in_halves(construct: Callable[..., Any], rows: int, calls: list[int]) -> Callable[..., Any]:
    # Pipelines look at the signature to see what a model takes.
    @functools.wraps(construct)
    def call(*args: Any, **kwargs: Any) -> Any:
        # The latents are the first argument, whatever their name is.
        latents: Any = next(iter((*args, *kwargs.values())), None)
        if not is_tensor(latents) or latents.ndim < 2 or latents.shape[0] != rows:
            return construct(*args, **kwargs)
        calls[0] += 1
        given = (args, kwargs)
        first, second = (
            construct(*each[0], **each[1])
            for each in (_part(given, rows, slice(0, rows // 2)), _part(given, rows, slice(rows // 2, rows)))
        )
        return _joined(first, second)

    return call


def _part(value: Any, rows: int, half: slice) -> Any:
    """Return ``value`` with that ``half`` of each tensor in it that has so many ``rows``."""
    if is_tensor(value):
        return value[half] if value.ndim and value.shape[0] == rows else value
    if isinstance(value, dict):
        return {key: _part(each, rows, half) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_part(each, rows, half) for each in value)
    return value


def _joined(first: Any, second: Any) -> Any:
    """Return the results of both halves as that of one call."""
    if is_tensor(first):
        return current().joined((first, second)) if first.ndim else first
    if isinstance(first, dict):
        return type(first)({key: _joined(each, second[key]) for key, each in first.items()})
    if is_dataclass(first) and not isinstance(first, type):
        parts = {each.name: getattr(first, each.name) for each in fields(first)}
        return replace(first, **{key: _joined(each, getattr(second, key)) for key, each in parts.items()})
    if type(first) in (list, tuple):
        return type(first)(_joined(*pair) for pair in zip(first, second, strict=True))
    return first
