"""One cell as both sides of a comparison saw it: what it was given, and what each side made of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.codec import parse_json
from harness.measurement.measurement import Array, ArraysError, decode_arrays, encode_arrays
from harness.tracing.trace import TraceDamaged

_THEIRS, _OURS, _GIVEN = "theirs", "ours", "given"
_TEXT = "observed"


@dataclass(frozen=True)
class Observed:
    """What the cell of a finding was given, and the tensor that differs, on both sides.

    ``given`` are the cell's inputs and the results of the cells inside it, in the order in which it got them,
    each with its name: that of the argument, or the last part of the inner cell's path. Both sides had the
    same. ``theirs`` is the reference's tensor, of ``their_dtype``, and ``ours`` is this side's, of ``dtype``.
    ``settings`` are the reference's settings of the cell, and ``our_settings`` this side's. Arrays of
    bfloat16 are held in float32.
    """

    given: tuple[tuple[str, Array], ...]
    theirs: Array
    ours: Array
    dtype: str
    their_dtype: str = "float32"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    our_settings: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_bytes(self) -> bytes:
        """Return it as a safetensors file."""
        arrays = {f"{_GIVEN}/{index}": array for index, (_, array) in enumerate(self.given)}
        arrays |= {_THEIRS: self.theirs, _OURS: self.ours}
        names = [name for name, _ in self.given]
        settings = [dict(self.settings), dict(self.our_settings)]
        text = {"names": names, "dtypes": [self.dtype, self.their_dtype], "settings": settings}
        return encode_arrays(arrays, {_TEXT: json.dumps(text)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Observed:
        """Rebuild it from the data of :meth:`to_bytes`; raises :class:`TraceDamaged` for anything else."""
        try:
            arrays, texts = decode_arrays(data)
            text = parse_json(texts[_TEXT])
            names = map(str, text["names"])
            given = tuple((name, arrays[f"{_GIVEN}/{index}"]) for index, name in enumerate(names))
            ours, theirs = map(str, text["dtypes"])
            settings, our_settings = map(dict, text["settings"])
            return cls(given, arrays[_THEIRS], arrays[_OURS], ours, theirs, settings, our_settings)
        except (ArraysError, KeyError, TypeError, ValueError) as error:
            raise TraceDamaged(f"what a worker saw of a cell cannot be read: {error}") from None
