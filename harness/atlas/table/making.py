"""Short ways to write entries down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.atlas.entry import DTYPES, Drawn, Entry

Dtypes = tuple[str, ...]
ALL: Dtypes = DTYPES
ONE: Dtypes = ("float32",)
HALVES: Dtypes = ("float32", "bfloat16")


def rows(*shape: int, domain: str = "normal", dtype: str | None = None, group: int | None = None) -> Drawn:
    """Return a drawn argument whose first axis is the batch."""
    return Drawn((1, *shape), domain, dtype, batch=True, group=group)


def fixed(*shape: int, domain: str = "normal", dtype: str | None = None, group: int | None = None) -> Drawn:
    """Return a drawn argument that stays as it is when the batch grows, such as weights."""
    return Drawn(shape, domain, dtype, group=group)


def weights(*shape: int) -> Drawn:
    """Return weights, as small as those that keep the size of what they multiply."""
    return Drawn(shape, "weights")


def each_of(
    operators: str | Iterable[str],
    model: str,
    *arguments: Any,
    dtypes: Iterable[str] = ONE,
    made_with: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Entry]:
    """Yield an entry for each operator (names separated by spaces) in each dtype."""
    names = operators.split() if isinstance(operators, str) else operators
    for operator in names:
        for dtype in dtypes:
            yield Entry(operator, model, dtype, arguments, options, made_with or {})
