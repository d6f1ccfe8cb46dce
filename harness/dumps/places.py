"""Where a dump is: the folder that holds ``dump.json``, and the step and rank that it is of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.dumps.names import DUMP, RANK, STEP
from harness.errors import HarnessError

_MOST_ENTRIES = 10_000


class DumpNotFound(HarnessError):
    """A folder has no dump."""


@dataclass(frozen=True)
class Place:
    """The folder of one dump; ``step`` is None if no folder's name says so.

    ``rank`` is the name of the folder (``rank0``), empty if it has another name, such as that of a process.
    """

    folder: Path
    step: int | None
    rank: str


def dumps_in(path: Path) -> tuple[Place, ...]:
    """Return the dumps in ``path``: a folder of one, of a step, of several steps, or a ``dump.json``.

    Raises :class:`DumpNotFound` if there are none.
    """
    try:
        if path.name == DUMP and not path.is_dir():
            path = path.parent
        found = tuple(_within(path))
    except OSError as error:
        raise DumpNotFound(f"{path}: {error.strerror}; name a folder with a dump of msprobe") from None
    if not found:
        raise DumpNotFound(
            f"{path}: there is no {DUMP} in it, nor in step<N>/rank<M> below it; name a folder with a dump "
            "of msprobe"
        )
    return found


def _within(path: Path) -> Iterator[Place]:
    if _has_dump(path):
        yield _place(path)
        return
    for name in _folders(path):
        if RANK.fullmatch(name) and _has_dump(path / name):
            yield _place(path / name)
        elif STEP.fullmatch(name):
            for inner in _folders(path / name):
                if RANK.fullmatch(inner) and _has_dump(path / name / inner):
                    yield _place(path / name / inner)


def _place(folder: Path) -> Place:
    whole = folder.absolute()  # the names as given, also of links
    step = STEP.fullmatch(whole.parent.name)
    rank = whole.name if whole.name.startswith("rank") and RANK.fullmatch(whole.name) else ""
    return Place(folder, None if step is None else int(step[1]), rank)


def _has_dump(folder: Path) -> bool:
    return os.path.lexists(folder / DUMP)


def _folders(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(each.name for each in islice(entries, _MOST_ENTRIES) if each.is_dir())
