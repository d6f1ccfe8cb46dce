"""Gaussian noise drawn on the host from numpy generators."""

from __future__ import annotations

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from harness.pipelines.errors import PipelineError

GeneratorArgument = np.random.Generator | Sequence[np.random.Generator] | None


def randn_tensor(
    shape: Sequence[int], generator: GeneratorArgument = None, dtype: ms.Type | None = None
) -> Tensor:
    """Return standard normal noise of ``shape`` in ``dtype``, the same on every device.

    ``generator`` is one ``numpy.random.Generator`` for the whole batch, or a list with one per image. With a
    list, image *i* depends on generator *i* alone; a list of one counts as a single generator. Without a
    generator the noise comes from a new, unseeded one and cannot be reproduced.

    numpy draws float64, and the result is cast to ``dtype``; with ``None`` it stays float64.
    ``mindone.diffusers`` does the same. Drawing float32 would use the bit stream differently and give other
    numbers, so the dtype of the draw is part of the contract.

    Raises :class:`PipelineError` if the list does not have one generator per image.
    """
    shape = tuple(shape)
    if generator is None or isinstance(generator, np.random.Generator):
        return _draw(shape, generator, dtype)
    generators = list(generator)
    if len(generators) == 1:
        return _draw(shape, generators[0], dtype)
    if len(generators) != shape[0]:
        raise PipelineError(
            f"{len(generators)} generators for a batch of {shape[0]}: give one generator, or one per image"
        )
    return ops.concat([_draw((1, *shape[1:]), one, dtype) for one in generators], axis=0)


def _draw(shape: tuple[int, ...], generator: np.random.Generator | None, dtype: ms.Type | None) -> Tensor:
    source = np.random.default_rng() if generator is None else generator
    return ms.tensor(source.standard_normal(shape), dtype=dtype)
