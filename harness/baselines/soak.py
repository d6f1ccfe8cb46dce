"""What many runs proved of a baseline: ``<device>.soak.json`` beside it, bound to its measurement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from harness import __version__
from harness.baselines.baseline import Baseline
from harness.baselines.document import canonical
from harness.baselines.errors import BaselineDamaged, BaselineError, shown
from harness.baselines.files import locked, sweep, write_durably
from harness.baselines.store import BaselineStore, soak_path
from harness.baselines.tally import Tallies, Tally, merged
from harness.codec import from_json, parse_json, to_json
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign

FORMAT = 1
_MOST_BYTES = 1 << 20


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


def read_soak(store: BaselineStore, baseline: Baseline) -> SoakRecord:
    """Return what is proven of ``baseline``; no runs if there is nothing, or only something of an older one.

    Raises :class:`BaselineDamaged` for a file that is not what was written.
    """
    path = soak_path(store.path(baseline.suite, baseline.case_id, baseline.device))
    try:
        found = _parsed(read_foreign(path, limit=_MOST_BYTES, root=store.root))
    except ForeignFileMissing:
        return SoakRecord(baseline.identity)
    except ForeignFileError as error:
        raise BaselineDamaged(f"{shown(path)}: {error.reason}; remove it, and soak the case again") from None
    except ValueError as error:
        raise BaselineDamaged(f"{shown(path)}: {error}; remove it, and soak the case again") from None
    return found if found.identity == baseline.identity else SoakRecord(baseline.identity)


def add_soak(store: BaselineStore, baseline: Baseline, new: SoakRecord, *, anew: bool = False) -> SoakRecord:
    """Add the runs of ``new`` to what is stored, or put them in its place; return what is stored then.

    Raises :class:`BaselineError` if the file cannot be read or written.
    """
    path = soak_path(store.path(baseline.suite, baseline.case_id, baseline.device))
    new = replace(new, date=datetime.now(timezone.utc).isoformat(timespec="seconds"))
    try:
        with locked(path.parent):
            whole = new if anew else read_soak(store, baseline) + new
            sweep(path.parent, path.name)
            write_durably(path, _text(whole).encode())
    except OSError as error:
        raise BaselineError(f"{shown(path)}: what was proven cannot be written: {error}") from None
    return whole


def _text(record: SoakRecord) -> str:
    data = {"format": FORMAT, **to_json(record)}
    return json.dumps({**data, "seal": _seal(data)}, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _parsed(data: bytes) -> SoakRecord:
    found = parse_json(data.decode())
    if not isinstance(found, dict) or found.pop("seal", None) != _seal(found):
        raise ValueError("its content does not match its seal")
    if found.pop("format", None) != FORMAT:
        raise ValueError(f"its format is unknown; this version of harness reads {FORMAT}")
    return from_json(SoakRecord, found)


def _seal(data: object) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()
