"""The names and files of a dump of msprobe at level L0.

A dump is a folder ``step<N>/rank<M>`` (``proc<PID>`` without ranks) with ``dump.json``, ``stack.json``,
``construct.json`` and a folder of arrays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DUMP, STACK, CONSTRUCT = "dump.json", "stack.json", "construct.json"
ARRAYS = "dump_tensor_data"
STEP = re.compile(r"step(0|[1-9]\d{0,8})")
RANK = re.compile(r"(?:rank|proc)\d{1,9}")
# What a name begins with that belongs to a cell or a module; all others belong to single operators.
PREFIXES = ("Cell", "Module")
_NAME = re.compile(rf"({'|'.join(PREFIXES)})\.(?:(.+)\.)?([^.]+)\.forward\.(0|[1-9]\d{{0,8}})")


@dataclass(frozen=True)
class CallName:
    """The name of one forward call: ``Cell.mid_block.norm.GroupNorm.forward.0``.

    ``path`` is that of the cell in its model (empty for the model itself), ``operator`` its class, and
    ``index`` counts the calls of the path.
    """

    prefix: str
    path: str
    operator: str
    index: int

    @classmethod
    def parse(cls, text: str) -> CallName | None:
        """Return the name in ``text``; None if it is not that of a forward call of a cell or module."""
        found = _NAME.fullmatch(text)
        return None if found is None else cls(found[1], found[2] or "", found[3], int(found[4]))

    def __str__(self) -> str:
        path = f"{self.path}." if self.path else ""
        return f"{self.prefix}.{path}{self.operator}.forward.{self.index}"
