"""What a worker is asked for: to measure one entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.atlas.entry import Entry
from harness.codec import to_json
from harness.errors import HarnessError

KEY = "probe"


class ProbeError(HarnessError):
    """What a worker received asks for no entry of this version of harness."""


@dataclass(frozen=True)
class Probe:
    """One entry to measure: ``runs`` times, or as often as ``seconds`` allow, but at least twice.

    ``exact`` is whether it is also computed in float64, and ``batches`` is the largest batch of which the
    first row is compared. ``blocks`` are sizes of memory under which the runs take place in turn
    (:class:`harness.cases.job.Conditions`). ``timeout`` is the time limit of the whole.
    """

    entry: Entry
    runs: int
    seconds: float
    exact: bool = True
    batches: int = 4
    blocks: tuple[tuple[int, ...], ...] = ()
    timeout: float = 120.0

    @property
    def name(self) -> str:
        """The name for messages."""
        return self.entry.name

    def to_wire(self) -> dict[str, Any]:
        """Return it as plain data, which a worker tells apart from a job by its one key."""
        return {KEY: to_json(self), "timeout": self.timeout}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Probe:
        """Return the probe of which :meth:`to_wire` made ``wire``; raises :class:`ProbeError`."""
        try:
            found = dict(wire[KEY])
            found["entry"] = Entry.from_wire(found["entry"])
            found["blocks"] = tuple(map(tuple, found["blocks"]))
            return cls(**found)
        except (KeyError, TypeError, ValueError) as error:
            raise ProbeError(f"this is no entry of the atlas: {error!r}") from None
