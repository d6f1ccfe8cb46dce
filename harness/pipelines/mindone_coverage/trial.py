"""One trial: build a pipeline class from its sample, call it twice with one seed, and say what happened."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np

from harness.pipelines.mindone_coverage.samples import SEED, STEPS, Sample
from harness.pipelines.mindone_coverage.weights import seed_weights

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trial:
    """What came out of a pipeline class: its arrays, and whether a second call gave the same bits."""

    shapes: tuple[tuple[int, ...], ...]
    sha256: str
    repeats: bool


class NotFinite(ValueError):
    """A pipeline's output holds NaN or infinity."""


def build(cls: Any, sample: Sample) -> Any:
    """Return the pipeline ``cls`` with the sample's components, their weights drawn from a seed."""
    seed_weights(sample.components, SEED)
    asked = inspect.signature(cls.__init__).parameters.values()
    absent = {p.name: None for p in asked if p.default is p.empty and p.name != "self"}
    pipeline = cls(**{**absent, **sample.components})
    pipeline.set_progress_bar_config(disable=True)
    if sample.prepare is not None:
        sample.prepare(pipeline)
    return pipeline


def call(pipeline: Any, sample: Sample) -> list[Array]:
    """Return the arrays that one seeded call of ``pipeline`` gives; raises NotFinite where one is not."""
    taken = inspect.signature(type(pipeline).__call__).parameters
    usual = {
        "num_inference_steps": STEPS,
        "output_type": "np",
        "generator": sample.generator(),
    }
    arguments = {name: value for name, value in usual.items() if name in taken}
    out = list(_arrays(pipeline(**{**arguments, **sample.arguments})))
    if not out:
        raise ValueError("the call returned no array")
    for array in out:
        if not np.isfinite(array).all():
            raise NotFinite(f"{np.count_nonzero(~np.isfinite(array))} of {array.size} values are NaN or Inf")
    return out


def attempt(cls: Any, sample: Sample) -> Trial:
    """Build ``cls`` and call it twice with one seed; raises whatever the class raises."""
    pipeline = build(cls, sample)
    first, second = call(pipeline, sample), call(pipeline, sample)
    return Trial(tuple(array.shape for array in first), digest(first), digest(first) == digest(second))


def digest(arrays: list[Array]) -> str:
    """Return the SHA-256 of the arrays' dtypes, shapes and bytes."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _arrays(value: Any) -> Iterator[Array]:
    """Yield the arrays in a pipeline's result, pictures and tensors among them, in the order they stand."""
    if isinstance(value, ms.Tensor):
        value = value.float().asnumpy() if value.dtype == ms.bfloat16 else value.asnumpy()
    elif hasattr(value, "getbands"):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _arrays(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _arrays(item)
