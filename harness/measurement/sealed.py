"""Arrays and facts about them in one sealed file, to be kept between two runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.codec import parse_json, to_json
from harness.measurement.measurement import Array, ArraysError, array_sha256, decode_arrays, encode_arrays


def encode_sealed(arrays: Mapping[str, Array], facts: Any) -> bytes:
    """Return ``arrays`` and ``facts``, which :func:`harness.codec.to_json` accepts, as a safetensors file.

    Raises :class:`ArraysError` as :func:`encode_arrays` does.
    """
    text = json.dumps(to_json(facts), sort_keys=True, allow_nan=False)
    return encode_arrays(arrays, {"facts": text, "seal": _seal(arrays, text)})


def decode_sealed(data: bytes) -> tuple[dict[str, Array], Any]:
    """Return the read-only arrays and the facts (as JSON values) from data of :func:`encode_sealed`.

    Raises :class:`ArraysError` if ``data`` does not come from that function.
    """
    arrays, texts = decode_arrays(data)
    if texts.keys() != {"facts", "seal"} or texts["seal"] != _seal(arrays, texts["facts"]):
        raise ArraysError("its content does not match its seal")
    try:
        return arrays, parse_json(texts["facts"])
    except ValueError as error:
        raise ArraysError(str(error)) from None


def _seal(arrays: Mapping[str, Array], facts: str) -> str:
    parts = [facts, {name: array_sha256(array) for name, array in arrays.items()}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
