"""CPU kernels for the primitives of ``mindspore.mint`` that MindSpore has only on Ascend."""

from __future__ import annotations

# Imported for the kernels that they add to the table.
from harness.kernels import (  # noqa: F401
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
    random,
    reductions,
    shapes,
    sorting,
    windows,
)
from harness.kernels.install import VERSION, install, replaced, reset, used
from harness.kernels.missing import TABLE_ADDRESS, missing_kernel
from harness.kernels.registry import KERNELS, Kernel

__all__ = [
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
