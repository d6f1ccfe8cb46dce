"""CPU kernels for the primitives of ``mindspore.mint`` that MindSpore has on Ascend only."""

from __future__ import annotations

from harness.pipelines.mint import (
    activations,
    attention,
    convolution,
    creation,
    elementwise,
    indexing,
    inplace,
    interpolation,
    linear,
    losses,
    normalisation,
    padding,
    random,
    reductions,
    shapes,
    sorting,
    windows,
)
from harness.pipelines.mint.install import VERSION, install, replaced, reset, used
from harness.pipelines.mint.missing import TABLE_ADDRESS, missing_kernel
from harness.pipelines.mint.registry import KERNELS, Kernel

FAMILIES = (
    activations,
    attention,
    convolution,
    creation,
    elementwise,
    indexing,
    inplace,
    interpolation,
    linear,
    losses,
    normalisation,
    padding,
    random,
    reductions,
    shapes,
    sorting,
    windows,
)

__all__ = [
    "FAMILIES",
    "KERNELS",
    "TABLE_ADDRESS",
    "VERSION",
    "Kernel",
    "install",
    "missing_kernel",
    "replaced",
    "reset",
    "used",
]
