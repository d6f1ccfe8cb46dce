"""What many runs proved of a baseline: ``<device>.soak.json`` beside it, bound to its measurement."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from harness import __version__
from harness.baselines.baseline import Baseline
from harness.baselines.beside import Beside
from harness.baselines.store import BaselineStore, soak_path
from harness.baselines.tally import Tallies, Tally, merged

FORMAT = 1


@dataclass(frozen=True)
class SoakRecord:
    """The runs of a case that were compared, bit by bit, with the baseline of this ``identity``.

    ``tallies`` counts them by the settings under which they ran. ``streams`` has, for each seed from which
    settings were drawn, how many runs were made with it. ``date`` is that of the last run.
    """

    identity: str
    runs: Tally = field(default_factory=Tally)
    tallies: Tallies = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    harness_version: str = __version__
    date: str = ""

    def __add__(self, other: SoakRecord) -> SoakRecord:
        """Return the runs of both; ``other`` is the later one, of the same baseline."""
        seeds = {**self.streams, **other.streams}
        streams = {seed: self.streams.get(seed, 0) + other.streams.get(seed, 0) for seed in seeds}
        runs, tallies = self.runs + other.runs, merged(self.tallies, other.tallies)
        return replace(other, runs=runs, tallies=tallies, streams=streams, date=other.date or self.date)


_RECORDS = Beside(SoakRecord, FORMAT, soak_path, SoakRecord, "soak the case again")


def read_soak(store: BaselineStore, baseline: Baseline) -> SoakRecord:
    """Return what is proven of ``baseline``; no runs if there is nothing, or only something of an older one.

    Raises :class:`BaselineDamaged` for a file that is not what was written.
    """
    return _RECORDS.read(store, baseline)


def add_soak(store: BaselineStore, baseline: Baseline, new: SoakRecord, *, anew: bool = False) -> SoakRecord:
    """Add the runs of ``new`` to what is stored, or put them in its place; return what is stored then.

    Raises :class:`BaselineError` if the file cannot be read or written.
    """
    new = replace(new, date=datetime.now(timezone.utc).isoformat(timespec="seconds"))
    return _RECORDS.change(store, baseline, lambda: new if anew else read_soak(store, baseline) + new)
