"""Weights drawn from a seed, so that a sample is the same model in every process."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn


def seed_weights(components: dict[str, Any], seed: int) -> None:
    """Draw the floating-point parameters of all cells anew, in an order that their names decide.

    Matrices and kernels are normal with variance 1 / fan-in (so that signals keep their size), scales of
    normalisations near 1, other vectors and scalars near 0.
    """
    for component, cell in sorted(components.items()):
        if not isinstance(cell, nn.Cell):
            continue
        for number, (name, parameter) in enumerate(sorted(cell.parameters_dict().items())):
            if parameter.dtype not in (ms.float16, ms.float32, ms.bfloat16):
                continue
            rng = np.random.default_rng([seed, number, *component.encode()])
            parameter.set_data(ms.Tensor(_draw(rng, name, parameter.shape), parameter.dtype))


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    drawn = rng.standard_normal(shape, dtype=np.float32)
    if len(shape) > 1:
        return drawn / np.float32(np.sqrt(np.prod(shape[1:])))
    near = 1.0 if name.endswith(("weight", "gamma", "moving_variance", "running_var", "_std")) else 0.0
    return near + np.float32(0.02) * drawn
