"""How far a run is, and how long such runs took before.

The times are in a file of the user's cache folder, which all processes share. They decide nothing: a file
that is damaged, or cannot be written, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.cases.job import Job
from harness.foreign_files import ForeignFileError, read_foreign

_MOST_TIMES = 2_000
_LARGEST = 1 << 20
# What does not change how long a run takes, and the seeds, of which only the number does.
_NOT_TIMED = (
    "name", "place", "root", "seeds", "keep_latents", "perturbation", "fault", "isolate", "timeout",
    "decodings", "second_call", "bits_only", "conditions",
)  # fmt: skip


@dataclass(frozen=True)
class UnderWay:
    """A run that has begun: ``done`` of its ``steps`` are finished, after ``seconds``; None if not known.

    ``expected`` is how many seconds it took last time.
    """

    name: str
    steps: int | None
    done: int | None
    seconds: float
    expected: float | None

    @property
    def left(self) -> float | None:
        """About how many seconds it still takes: by the last time, or, beyond that, by its steps."""
        if self.expected is not None and self.expected > self.seconds:
            return self.expected - self.seconds
        if self.done and self.steps is not None and self.done <= self.steps:
            return self.seconds / self.done * (self.steps - self.done)
        return None


class Times:
    """How many seconds runs took, the last time, on ``device``."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._new: dict[str, float] = {}
        self._known: dict[str, float] | None = None

    def expected(self, job: Job) -> float | None:
        """Return how many seconds ``job`` took last time; None if that is not known."""
        if self._known is None:
            self._known = _read()
        key = self._key(job)
        return self._new.get(key, self._known.get(key))

    def took(self, job: Job, seconds: float) -> None:
        """Keep how many seconds ``job`` took."""
        self._new[self._key(job)] = round(max(seconds, 0.0), 3)

    def save(self) -> None:
        """Add the new times to the file, which is replaced as a whole."""
        file = _file()
        if not self._new or file is None:
            return
        # Those of other processes, too; the latest come last, and the oldest are dropped.
        there = {**{key: value for key, value in _read().items() if key not in self._new}, **self._new}
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".times-", delete=False) as new:
                try:
                    json.dump(dict(list(there.items())[-_MOST_TIMES:]), new)
                    new.flush()
                    Path(new.name).replace(file)
                except BaseException:
                    Path(new.name).unlink(missing_ok=True)
                    raise
            self._new.clear()

    def _key(self, job: Job) -> str:
        wire = {key: value for key, value in job.to_wire().items() if key not in _NOT_TIMED}
        text = json.dumps([self._device, len(job.seeds), wire], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file() -> Path | None:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111  never raises
    return folder / "harness" / "times.json" if folder.is_absolute() else None


def _read() -> dict[str, float]:
    """Return the times of the file; none if any part of it is damaged."""
    file = _file()
    if file is None:
        return {}
    with suppress(ForeignFileError, ValueError, TypeError, AttributeError, RecursionError):
        found = json.loads(read_foreign(file, limit=_LARGEST))
        times = {str(key)[:64]: float(value) for key, value in found.items()}
        if len(times) <= _MOST_TIMES and all(math.isfinite(each) and each >= 0 for each in times.values()):
            return times
    return {}
