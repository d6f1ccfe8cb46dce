"""Canaries: operators on fixed inputs; their hashes show which operator differs between environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.measurement.measurement import array_sha256


def run_canaries() -> dict[str, str]:
    """Return the sha256 of each operator's float32 result on inputs drawn from PCG64(0).

    These are the operators on which diffusion models spend their time, with shapes large enough to use the
    same kernels as the models. With 32 channels, for example, the change of the 3x3 convolution from
    MindSpore 2.8 to 2.9 does not show; with 64 it does. All together take a few milliseconds once the kernels
    are loaded.
    """
    import mindspore as ms
    from mindspore import ops

    rng = np.random.Generator(np.random.PCG64(0))

    def draw(*shape: int) -> Any:
        return ms.Tensor(rng.standard_normal(shape, dtype=np.float32))

    image, kernel3, kernel1 = draw(1, 64, 16, 16), draw(64, 64, 3, 3), draw(64, 64, 1, 1)
    left, right = draw(64, 96), draw(96, 48)
    batch_left, batch_right = draw(4, 32, 48), draw(4, 48, 32)
    rows, scale, shift = draw(64, 96), draw(96), draw(96)

    def group_norm() -> Any:
        grouped = image.reshape((1, 16, 4 * 16 * 16))
        mean = ops.ReduceMean(keep_dims=True)(grouped, 2)
        centred = grouped - mean
        variance = ops.ReduceMean(keep_dims=True)(centred * centred, 2)
        return (centred / ops.sqrt(variance + 1e-5)).reshape(image.shape)

    operators: dict[str, Callable[[], Any]] = {
        "conv2d_3x3": lambda: ops.Conv2D(64, 3, pad_mode="pad", pad=1)(image, kernel3),
        "conv2d_3x3_stride2": lambda: ops.Conv2D(64, 3, pad_mode="pad", pad=1, stride=2)(image, kernel3),
        "conv2d_1x1": lambda: ops.Conv2D(64, 1)(image, kernel1),
        "matmul": lambda: ops.MatMul()(left, right),
        "batch_matmul": lambda: ops.BatchMatMul()(batch_left, batch_right),
        "softmax": lambda: ops.Softmax(axis=-1)(rows),
        "group_norm": group_norm,
        "layer_norm": lambda: ops.LayerNorm(begin_norm_axis=1, begin_params_axis=1)(rows, scale, shift)[0],
        "silu": lambda: rows * ops.Sigmoid()(rows),
        "gelu": lambda: ops.GeLU()(rows),
        "exp": lambda: ops.Exp()(rows),
        "sin": lambda: ops.Sin()(rows),
        "sqrt": lambda: ops.Sqrt()(ops.Abs()(rows)),
        "interpolate_nearest": lambda: ops.ResizeNearestNeighbor((32, 32))(image),
        "reduce_sum": lambda: ops.ReduceSum()(rows, 1),
        "reduce_mean": lambda: ops.ReduceMean()(image, (2, 3)),
    }
    return {name: array_sha256(run().asnumpy()) for name, run in operators.items()}
