"""Members kept on disk until a calibration is complete, so that an interrupted one can be resumed."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from harness import __version__
from harness.baselines.baseline import Baseline
from harness.baselines.files import keep_out_of_git, write_durably
from harness.codec import from_json
from harness.foreign_files import ForeignFileError, read_foreign
from harness.judgement.calibration.envelope import Member
from harness.measurement.figures import LARGEST_ARRAYS
from harness.measurement.sealed import decode_sealed, encode_sealed

_FOLDER = ".members"
_IGNORE = ".gitignore"


class KeptMembers:
    """The members of one case that have run so far, below ``root``, the folder of the baselines.

    They belong to the exact bits of the baseline and to this version of harness; others are not found.
    ``unit`` is the dtype by one unit of which their noise was moved, if that is not the case's own.
    """

    def __init__(self, root: Path, baseline: Baseline, unit: str | None = None) -> None:
        self._root = root / _FOLDER
        self._folder = self._root / baseline.suite / baseline.case_id / baseline.device
        self._unit = "" if unit is None else f"-{unit}"
        self._key = f"{__version__} {baseline.identity}{self._unit}"

    def load(self, seed: int) -> Member | None:
        """Return the member with ``seed``; None if it has not run or its file is unusable."""
        path = self._folder / f"{seed}{self._unit}.safetensors"
        # A kept member that cannot be used runs again.
        with suppress(ForeignFileError, ValueError, TypeError):
            arrays, (key, figures) = decode_sealed(read_foreign(path, limit=LARGEST_ARRAYS))
            member = from_json(Member, {**figures, **arrays})
            return member if key == self._key and member.seed == seed else None
        return None

    def save(self, member: Member) -> None:
        """Save ``member``; if the folder is not writable, only time is lost."""
        figures = {name: value for name, value in vars(member).items() if name != "output"}
        data = encode_sealed({"output": member.output}, [self._key, figures])
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            # Baselines are committed, members are not.
            keep_out_of_git(self._root)
            write_durably(self._folder / f"{member.seed}{self._unit}.safetensors", data)

    def clear(self) -> None:
        """Remove the members of this case, and any folders that are empty as a result."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):
            for folder in (self._folder.parent, self._folder.parent.parent):
                folder.rmdir()
            if [file.name for file in self._root.iterdir()] == [_IGNORE]:
                shutil.rmtree(self._root)
