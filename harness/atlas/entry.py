"""An entry of the atlas: one operator at one shape in one dtype, as data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from harness.codec import to_json

DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Drawn:
    """An argument that is drawn: its shape, from where its values come, and a dtype of its own if it has one.

    ``batch`` is whether its first axis is the batch, which has one row. ``group`` is the number of the list
    of tensors that it belongs to, for operators that take a list.
    """

    shape: tuple[int, ...]
    domain: str = "normal"
    dtype: str | None = None
    batch: bool = False
    group: int | None = None


@dataclass(frozen=True)
class Entry:
    """One operator by its public name, at the shapes of one place in a ``model``, in one ``dtype``.

    ``arguments`` are drawn tensors and plain values, in order, and ``options`` are those by name. A class is
    made with ``made_with`` (``options`` then belong to its call), and its parameters are drawn, too.
    """

    operator: str
    model: str
    dtype: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    made_with: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The name by which the atlas has it."""
        return f"{self.operator} {self.model} {self.dtype}"

    @property
    def subject(self) -> str:
        """The name without the dtype: with other dtypes, entries get the same numbers, rounded."""
        return f"{self.operator} {self.model}"

    @property
    def drawn(self) -> tuple[Drawn, ...]:
        """The arguments that are drawn."""
        return tuple(each for each in self.arguments if isinstance(each, Drawn))

    @property
    def definition(self) -> str:
        """A short hash of all that decides what is computed."""
        text = json.dumps(to_json(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def told(self) -> str:
        """Return the arguments as one line."""
        words = [_told(each) for each in self.arguments]
        words += [f"{name}={_plain(value)}" for name, value in {**self.made_with, **self.options}.items()]
        return ", ".join(words)

    def in_dtype(self, dtype: str) -> Entry:
        """Return the same entry in another dtype."""
        return replace(self, dtype=dtype)

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Entry:
        """Return the entry that :func:`harness.codec.to_json` made ``wire`` of."""
        arguments = tuple(_argument(each) for each in wire["arguments"])
        return cls(**{**wire, "arguments": arguments})


def _argument(value: Any) -> Any:
    if isinstance(value, dict):
        return Drawn(**{**value, "shape": tuple(value["shape"])})
    return tuple(map(_argument, value)) if isinstance(value, list) else value


def _told(value: Any) -> str:
    if not isinstance(value, Drawn):
        return _plain(value)
    shape = "x".join(map(str, value.shape)) or "number"
    return f"{shape} {value.dtype}" if value.dtype else shape


def _plain(value: Any) -> str:
    return f"({', '.join(map(_plain, value))})" if isinstance(value, tuple | list) else str(value)
