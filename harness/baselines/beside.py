"""Records beside a baseline, bound to its measurement: what many runs proved, which invariances hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from harness.baselines.baseline import Baseline
from harness.baselines.document import canonical
from harness.baselines.errors import BaselineDamaged, BaselineError, shown
from harness.baselines.files import locked, sweep, write_durably
from harness.baselines.store import BaselineStore
from harness.codec import from_json, parse_json, to_json
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign

_MOST_BYTES = 1 << 20


class Bound(Protocol):
    """A record that belongs to the baseline of this identity."""

    @property
    def identity(self) -> str:
        """The identity of the baseline."""


R = TypeVar("R", bound=Bound)


@dataclass(frozen=True)
class Beside(Generic[R]):
    """One kind of record, in the file ``place`` of a baseline's JSON.

    ``empty`` makes the record that holds nothing, from an identity. ``again`` says how to make a record anew.
    """

    kind: type[R]
    format: int
    place: Callable[[Path], Path]
    empty: Callable[[str], R]
    again: str

    def path(self, store: BaselineStore, baseline: Baseline) -> Path:
        """Return the file of the record of ``baseline``."""
        return self.place(store.path(baseline.suite, baseline.case_id, baseline.device))

    def read(self, store: BaselineStore, baseline: Baseline) -> R:
        """Return the record of ``baseline``; an empty one if there is none, or only one of an older baseline.

        Raises :class:`BaselineDamaged` for a file that is not what was written.
        """
        path = self.path(store, baseline)
        try:
            found = self._parsed(read_foreign(path, limit=_MOST_BYTES, root=store.root))
        except ForeignFileMissing:
            return self.empty(baseline.identity)
        except ForeignFileError as error:
            raise BaselineDamaged(f"{shown(path)}: {error.reason}; remove it, and {self.again}") from None
        except ValueError as error:
            raise BaselineDamaged(f"{shown(path)}: {error}; remove it, and {self.again}") from None
        return found if found.identity == baseline.identity else self.empty(baseline.identity)

    def change(self, store: BaselineStore, baseline: Baseline, change: Callable[[], R]) -> R:
        """Write what ``change`` returns, during which no other process writes the record; return that.

        Raises :class:`BaselineError` if the file cannot be read or written.
        """
        path = self.path(store, baseline)
        try:
            with locked(path.parent):
                whole = change()
                sweep(path.parent, path.name)
                write_durably(path, self._text(whole).encode())
        except OSError as error:
            raise BaselineError(f"{shown(path)}: the record cannot be written: {error}") from None
        return whole

    def _text(self, record: R) -> str:
        data = {"format": self.format, **to_json(record)}
        return json.dumps({**data, "seal": _seal(data)}, indent=2, sort_keys=True, allow_nan=False) + "\n"

    def _parsed(self, data: bytes) -> R:
        found = parse_json(data.decode())
        if not isinstance(found, dict) or found.pop("seal", None) != _seal(found):
            raise ValueError("its content does not match its seal")
        if found.pop("format", None) != self.format:
            raise ValueError(f"its format is unknown; this version of harness reads {self.format}")
        return from_json(self.kind, found)


def _seal(data: object) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()
