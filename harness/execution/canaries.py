"""Canaries: operators on fixed inputs; their hashes show which operator differs between environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.measurement.measurement import Array, array_sha256

# The inputs, in the order in which they are drawn.
_SHAPES = {
    "image": (1, 64, 16, 16), "kernel3": (64, 64, 3, 3), "kernel1": (64, 64, 1, 1),
    "left": (64, 96), "right": (96, 48),
    "batch_left": (4, 32, 48), "batch_right": (4, 48, 32),
    "rows": (64, 96), "scale": (96,), "shift": (96,),
}  # fmt: skip


Operators = Callable[[Mapping[str, Array]], Mapping[str, Callable[[], Array]]]


def mindspore_operators(inputs: Mapping[str, Array]) -> Mapping[str, Callable[[], Array]]:
    """Return the operators of MindSpore."""
    import mindspore as ms
    from mindspore import ops

    given = {name: ms.Tensor(array) for name, array in inputs.items()}
    image, rows, kernel = given["image"], given["rows"], given["kernel3"]

    def group_norm() -> Any:
        grouped = image.reshape((1, 16, 4 * 16 * 16))
        mean = ops.ReduceMean(keep_dims=True)(grouped, 2)
        centred = grouped - mean
        variance = ops.ReduceMean(keep_dims=True)(centred * centred, 2)
        return (centred / ops.sqrt(variance + 1e-5)).reshape(image.shape)

    operators: dict[str, Callable[[], Any]] = {
        "conv2d_3x3": lambda: ops.Conv2D(64, 3, pad_mode="pad", pad=1)(image, kernel),
        "conv2d_3x3_stride2": lambda: ops.Conv2D(64, 3, pad_mode="pad", pad=1, stride=2)(image, kernel),
        "conv2d_1x1": lambda: ops.Conv2D(64, 1)(image, given["kernel1"]),
        "matmul": lambda: ops.MatMul()(given["left"], given["right"]),
        "batch_matmul": lambda: ops.BatchMatMul()(given["batch_left"], given["batch_right"]),
        "softmax": lambda: ops.Softmax(axis=-1)(rows),
        "group_norm": group_norm,
        "layer_norm": lambda: ops.LayerNorm(begin_norm_axis=1, begin_params_axis=1)(
            rows, given["scale"], given["shift"]
        )[0],
        "silu": lambda: rows * ops.Sigmoid()(rows),
        "gelu": lambda: ops.GeLU()(rows),
        "exp": lambda: ops.Exp()(rows),
        "sin": lambda: ops.Sin()(rows),
        "sqrt": lambda: ops.Sqrt()(ops.Abs()(rows)),
        "interpolate_nearest": lambda: ops.ResizeNearestNeighbor((32, 32))(image),
        "reduce_sum": lambda: ops.ReduceSum()(rows, 1),
        "reduce_mean": lambda: ops.ReduceMean()(image, (2, 3)),
    }
    return {name: lambda run=run: run().asnumpy() for name, run in operators.items()}  # type: ignore[misc]


def run_canaries(operators: Operators = mindspore_operators) -> dict[str, str]:
    """Return the sha256 of each operator's float32 result on inputs drawn from PCG64(0).

    ``operators`` makes them from these inputs, under the same names for every framework. They are the
    operators on which diffusion models spend their time, with shapes large enough to use the same kernels as
    the models. With 32 channels, for example, the change of the 3x3 convolution from MindSpore 2.8 to 2.9
    does not show; with 64 it does. All together take a few milliseconds once the kernels are loaded.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    inputs = {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in _SHAPES.items()}
    return {name: array_sha256(run()) for name, run in operators(inputs).items()}
