"""The safetensors side of a baseline: the output array, and latents and single images where there are any."""

from __future__ import annotations

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from harness.baselines.document import ArrayForm
from harness.measurement.measurement import Array, Measurement


class ArraysError(ValueError):
    """The bytes do not hold the arrays they should; the message does not name the file."""


def stored_arrays(measurement: Measurement) -> dict[str, Array]:
    """Return the arrays of ``measurement`` by the names they are stored under."""
    named = {"output": measurement.output, "latents": measurement.latents, "singles": measurement.singles}
    return {name: array for name, array in named.items() if array is not None}


def encode_arrays(arrays: dict[str, Array]) -> bytes:
    """Return ``arrays`` in the safetensors format, the same bytes for the same arrays.

    Raises :class:`ArraysError` for a dtype that the format does not have.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise ArraysError(f"{name} has dtype {array.dtype}, which cannot be stored")
    # safetensors reads the memory as it lies, so it must be dense and in C order.
    return safetensors.numpy.save({name: np.require(a, requirements="C") for name, a in arrays.items()})


def decode_arrays(data: bytes, forms: dict[str, ArrayForm]) -> dict[str, Array]:
    """Return the read-only arrays that ``data`` holds.

    Raises :class:`ArraysError` where ``data`` is not safetensors, or an array is missing, unexpected, or of
    another dtype or shape than ``forms`` says.
    """
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArraysError(f"it is not a safetensors file: {error}") from None
    if "output" not in forms:
        raise ArraysError("its JSON file lists no array 'output'")
    for name, form in forms.items():
        if name not in arrays:
            raise ArraysError(f"the array {name!r} is missing")
        found = ArrayForm.of(arrays[name])
        if found != form:
            raise ArraysError(
                f"the array {name!r} is {found.dtype} {list(found.shape)}, "
                f"its JSON file says {form.dtype} {list(form.shape)}"
            )
    if extra := sorted(arrays.keys() - forms.keys()):
        raise ArraysError(f"the array {extra[0]!r} is not in its JSON file")
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
