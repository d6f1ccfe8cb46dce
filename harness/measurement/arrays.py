"""Named arrays as bytes, and back: a safetensors file, with texts in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from harness.measurement.measurement import Array


class ArraysError(ValueError):
    """Arrays that cannot be stored, or bytes that hold none; the message does not name the file."""


def encode_arrays(arrays: Mapping[str, Array], texts: Mapping[str, str] | None = None) -> bytes:
    """Return ``arrays`` and ``texts`` in the safetensors format, the same bytes for the same ones.

    Raises :class:`ArraysError` for a dtype that the format does not have.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "fiubc" or array.dtype.itemsize > 8:
            raise ArraysError(f"{name} has dtype {array.dtype}, which cannot be stored")
    # safetensors reads the memory as it lies, so it must be dense and in C order.
    dense = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    return safetensors.numpy.save(dense, None if texts is None else dict(texts))


def decode_arrays(data: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the read-only arrays and the texts that :func:`encode_arrays` made ``data`` of.

    Raises :class:`ArraysError` where ``data`` is not safetensors.
    """
    try:
        arrays: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArraysError(f"it is not a safetensors file: {error}") from None
    for array in arrays.values():
        array.flags.writeable = False
    # https://huggingface.co/docs/safetensors: eight bytes of length, then the header in JSON. The library,
    # which has just read it, does not give its metadata for bytes.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return arrays, header.get("__metadata__", {})
