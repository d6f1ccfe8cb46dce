"""The atlas of an environment: every entry measured in two processes, whatever single entries do to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness import __version__
from harness.atlas.comparing import Comparison, compare
from harness.atlas.document import read_atlas
from harness.atlas.drawing import generator
from harness.atlas.entry import DTYPES, Entry
from harness.atlas.probe import Probe
from harness.atlas.result import Atlas, Result, State
from harness.atlas.table import selected
from harness.errors import UsageError
from harness.execution.messages import Context
from harness.execution.runner import Runner
from harness.execution.watch import WorkerOutOfMemory
from harness.execution.worker_process import CaseFailed, WorkerCrashed, WorkerTimeout
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers

RUNS, SECONDS, BATCHES = 20, 0.05, 4
_INTERRUPTED = "nothing was written"
# Sets of memory under which an entry runs in turn, and of how many blocks each is.
_MEMORIES, _BLOCKS, _LARGEST = 3, 6, 1 << 19
_MOST_FILES = 1_000


@dataclass(frozen=True)
class Wanted:
    """Which entries are measured, and how often.

    ``patterns`` and ``dtypes`` select entries (none: all). Each is run ``runs`` times, half of
    them in each of two processes, or as often as ``seconds`` in each allow, but at least twice there.
    """

    patterns: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    runs: int = RUNS
    seconds: float = SECONDS

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries; raises UsageError if there are none."""
        for dtype in self.dtypes:
            if dtype not in DTYPES:
                raise UsageError(f"--dtype {dtype}: the atlas has {', '.join(DTYPES)}")
        if self.runs < 1:
            raise UsageError(f"--runs {self.runs}: an operator runs at least once")
        found = selected(self.patterns, self.dtypes)
        if not found:
            named = " ".join([*self.patterns, *self.dtypes])
            raise UsageError(f"{named}: no operator of the atlas matches; `conv2d` and `ops.* sd15-*` do")
        return found


def make_atlas(wanted: Wanted, workers: Workers, progress: Progress[Any] = SILENT) -> Atlas:
    """Measure the entries that are ``wanted``, and return the atlas of the workers' environment.

    The second process has the opposite order, so that another entry precedes each. An entry that ends its
    worker is recorded as such, and the next gets a fresh one. ``progress`` gets each :class:`Result`.
    Raises :class:`HarnessError` if no worker starts.
    """
    chosen = wanted.entries()
    with stage(progress, "measuring", 2 * len(chosen), interrupted=_INTERRUPTED), workers.runner() as runner:
        fingerprint = runner.describe(Context.of_operators(DTYPES[0])).fingerprint
        first = _pass(chosen, wanted, runner, progress, 0)
        runner.restart()
        measured = [entry for entry in reversed(chosen) if first[entry.name].measured]
        second = _pass(measured, wanted, runner, progress, 2 * len(chosen) - len(measured))
    results = [
        first[each.name].with_second(second[each.name]) if each.name in second else first[each.name]
        for each in chosen
    ]
    return Atlas(
        fingerprint,
        tuple(sorted(results, key=lambda each: each.name)),
        __version__,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        {"runs": wanted.runs, "batches": BATCHES},
    )


def _pass(
    entries: Sequence[Entry], wanted: Wanted, runner: Runner, progress: Progress[Any], begun: int
) -> dict[str, Result]:
    """Measure ``entries`` in one process, as far as it survives; the first pass asks for more of each."""
    found = {}
    for done, entry in enumerate(entries):
        progress.started(entry.name)
        whole = begun == 0
        probe = Probe(
            entry, (wanted.runs + whole) // 2, wanted.seconds, exact=whole, batches=BATCHES if whole else 0,
            blocks=_memories(entry), timeout=min(runner.timeout, 300.0),
        )  # fmt: skip
        found[entry.name] = _asked(runner.probe, probe)
        progress.finished(found[entry.name])
        progress.advanced(begun + done + 1)
    return found


def _asked(ask: Callable[[Probe], Result], probe: Probe) -> Result:
    try:
        return ask(probe)
    except (WorkerCrashed, WorkerOutOfMemory) as error:
        return Result.without(probe.entry, State.CRASHED, error.message.partition("\n")[0])
    except WorkerTimeout:
        return Result.without(probe.entry, State.TIMEOUT, f"no result after {probe.timeout:g} s")
    except CaseFailed as error:
        return Result.without(probe.entry, State.FAILED, error.message)


def _memories(entry: Entry) -> tuple[tuple[int, ...], ...]:
    rng = generator("atlas", entry.name, "memory")
    sizes = 2 * rng.integers(16, _LARGEST // 2, (_MEMORIES, _BLOCKS)) + 1
    return tuple(tuple(map(int, each)) for each in sizes)


def compare_files(first: Path, second: Path) -> Comparison:
    """Compare the atlases in two files; raises :class:`harness.atlas.document.AtlasUnusable`."""
    return compare(read_atlas(first), read_atlas(second))


def stored_atlas(path: Path) -> Atlas:
    """Return the atlas in a file; raises :class:`harness.atlas.document.AtlasUnusable`."""
    return read_atlas(path)


def atlases_in(paths: Sequence[Path]) -> tuple[Atlas, ...]:
    """Return the atlases in these files, and in the .json files of these folders.

    Raises :class:`harness.atlas.document.AtlasUnusable` for a file that is none, and UsageError for a folder
    without any.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json"))[:_MOST_FILES] if path.is_dir() else [path]
        if not inside:
            raise UsageError(f"--atlas {path}: there is no atlas in this folder")
        files += inside
    return tuple(map(read_atlas, files))
