"""The float64 yardstick: what a cell should have computed, where its class and the dump alone say so.

That is so for matrix products (the weights are in the dump) and for functions without settings. The stride
and padding of a convolution, the epsilon of a norm and the axis of a softmax are not in a dump, so no such
cell is recomputed, and neither is one that other cells are called in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from harness.dumps.dump import Dump, DumpedCall, Tensor
from harness.measurement.measurement import Array

# The most products that are recomputed: about two seconds.
_MOST_PRODUCTS = 1 << 33
_LINEAR = ("Dense", "Linear")


def _sigmoid(x: Array) -> Array:
    half = np.tanh(0.5 * x)
    return np.asarray(0.5 + 0.5 * half)


_FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "SiLU": lambda x: np.asarray(x * _sigmoid(x)),
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "ReLU": lambda x: np.asarray(np.maximum(x, 0.0)),
}


def exactness(dump: Dump, call: DumpedCall) -> float | None:
    """Return the relative L2 distance of the output of ``call`` from its float64 result, on its own inputs.

    None if the class and the dump do not say what the result is.
    """
    recomputed = _recomputed(dump, call)
    if recomputed is None:
        return None
    found = np.asarray(dump.array(call.outputs[0]), np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distance, norm = float(np.linalg.norm(found - recomputed)), float(np.linalg.norm(recomputed))
    return distance / norm if norm else (0.0 if distance == 0 else math.inf)


def _recomputed(dump: Dump, call: DumpedCall) -> Array | None:
    if len(call.inputs) != 1 or len(call.outputs) != 1 or not _floats(*call.inputs, *call.outputs):
        return None
    (given,), (output,) = call.inputs, call.outputs
    operator = call.name.operator
    if operator in _FUNCTIONS and not call.parameters and given.shape == output.shape:
        with np.errstate(over="ignore", invalid="ignore"):
            return _FUNCTIONS[operator](np.asarray(dump.array(given), np.float64))
    parameters = {each.label: each for each in call.parameters}
    weight, bias = parameters.pop("weight", None), parameters.pop("bias", None)
    if operator not in _LINEAR or parameters or weight is None or not _floats(weight):
        return None
    fits = len(weight.shape) == 2 and given.shape[-1:] == weight.shape[1:]
    if not fits or output.shape != (*given.shape[:-1], weight.shape[0]):
        return None
    if bias is not None and (bias.shape != weight.shape[:1] or not _floats(bias)):
        return None
    if math.prod(given.shape) * weight.shape[0] > _MOST_PRODUCTS:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        product = np.asarray(dump.array(given), np.float64) @ np.asarray(dump.array(weight), np.float64).T
        return product if bias is None else np.asarray(product + np.asarray(dump.array(bias), np.float64))


def _floats(*tensors: Tensor) -> bool:
    return all("float" in each.dtype for each in tensors)
