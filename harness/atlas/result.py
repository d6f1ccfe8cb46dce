"""What the atlas has of an entry, and the atlas of one environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from harness.atlas.entry import Entry

# The longest reason why an entry has no numbers.
LONGEST_REASON = 200
OWN_KERNEL = "mindspore"


class State(str, Enum):
    """Whether an entry has numbers: no such name in the release, no kernel, or what else ended it."""

    MEASURED = "measured"
    MISSING = "missing"
    NO_KERNEL = "no kernel"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class Exactness:
    """How far results are from a ``reference`` in float64: in ulp of the dtype, and as relative L2.

    ``reference`` is ``numpy``, or ``operator``: the operator itself, asked in float64.
    """

    reference: str
    ulp_max: float
    ulp_median: float
    relative_l2: float


@dataclass(frozen=True)
class Result:
    """What one entry computed in one environment.

    ``definition`` is the hash of the entry, ``kernel`` is whose kernel computed it: MindSpore's own, or the
    names of harness's. ``sha256`` is that of all outputs, and ``sample`` has the bytes of some values of the
    first one, as base64. Of ``runs``, in ``processes``, so many were ``deviating`` from the first one's bits.
    ``batches`` is the largest batch that was tried, 0 for none, and ``row_changes`` are those with another
    first row.
    """

    operator: str
    model: str
    dtype: str
    arguments: str
    definition: str
    state: State = State.MEASURED
    reason: str = ""
    kernel: str = OWN_KERNEL
    result_dtype: str = ""
    shape: tuple[int, ...] = ()
    sha256: str = ""
    sample: str = ""
    runs: int = 0
    processes: int = 0
    deviating: int = 0
    batches: int = 0
    row_changes: tuple[int, ...] = ()
    exactness: Exactness | None = None

    @property
    def name(self) -> str:
        """The name of the entry."""
        return f"{self.operator} {self.model} {self.dtype}"

    @property
    def measured(self) -> bool:
        """Whether it has numbers."""
        return self.state is State.MEASURED

    @classmethod
    def without(cls, entry: Entry, state: State, reason: str) -> Result:
        """Return the result of an entry that has no numbers."""
        words = " ".join(reason.split())
        if len(words) > LONGEST_REASON:
            words = f"{words[: LONGEST_REASON - 1]}…"
        return cls(entry.operator, entry.model, entry.dtype, entry.told(), entry.definition, state, words)

    def with_second(self, other: Result) -> Result:
        """Return this result with the runs that another process made of the same entry."""
        if not self.measured:
            return self
        if not other.measured:
            reason = f"in a second process: {other.reason}"[:LONGEST_REASON]
            return replace(self, state=other.state, reason=reason)
        same = other.sha256 == self.sha256
        deviating = other.deviating if same else other.runs - other.deviating
        rows = tuple(sorted({*self.row_changes, *other.row_changes}))
        return replace(
            self,
            runs=self.runs + other.runs,
            processes=self.processes + other.processes,
            deviating=self.deviating + deviating,
            row_changes=rows,
        )


@dataclass(frozen=True)
class Atlas:
    """The results of one environment, which the ``fingerprint`` describes."""

    fingerprint: dict[str, str]
    results: tuple[Result, ...]
    harness_version: str
    date: str = ""
    # The settings that the runs had, by name.
    settings: dict[str, int] = field(default_factory=dict)

    @property
    def release(self) -> str:
        """The release of MindSpore, and the device."""
        named = self.fingerprint.get("mindspore", "").partition(" ")[0]
        device = self.fingerprint.get("soc", self.fingerprint.get("device", ""))
        return f"{device} MindSpore {named}"

    @property
    def repeats(self) -> bool:
        """Whether no run of any entry deviated."""
        return not any(each.deviating for each in self.results)

    @property
    def complete(self) -> bool:
        """Whether no entry ended its process or took too long."""
        return not any(each.state in (State.CRASHED, State.TIMEOUT) for each in self.results)

    def by_name(self) -> dict[str, Result]:
        """Return the results by the names of their entries."""
        return {each.name: each for each in self.results}

    def measured(self) -> Iterable[Result]:
        """Return the results that have numbers."""
        return (each for each in self.results if each.measured)
