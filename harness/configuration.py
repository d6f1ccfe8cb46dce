"""The table `[tool.harness]` of a project's pyproject.toml: what every command line would repeat.

Its keys are named as the options are. It knows no option itself: the doors take defaults from it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign

_NAME = "pyproject.toml"
_LARGEST = 1 << 20
_BOUNDS = (0.001, 1e6)


@dataclass(frozen=True)
class Configuration:
    """The ``values`` of the table in ``file``, by key, checked; paths are absolute."""

    file: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def refused_program(self, option: str) -> UsageError:
        """Return why the interpreter that the file names is not started if no user code may run."""
        return UsageError(
            f"{self.file}: without user code, the interpreter that this file names is not started; "
            f"name it with {option}"
        )


def find_configuration(folder: Path) -> Configuration:
    """Return the table of the next pyproject.toml that has one, from ``folder`` upwards; empty without one.

    Raises :class:`UsageError` as :func:`read_configuration` does, and for a file above ``folder`` of another
    user: what it names may run code, and anyone can write to a folder such as /tmp.
    """
    folder = folder.resolve()
    own = (None, 0, os.geteuid(), _owner(folder))
    for place in (folder, *folder.parents):
        foreign = place != folder and _owner(place / _NAME) not in own
        try:
            found = read_configuration(place)
        except UsageError:
            if foreign:
                continue  # whatever it is, it is not for this user
            raise
        if found.file is None:
            continue
        if foreign:
            raise UsageError(
                f"{found.file}: it has settings for harness and belongs to another user; "
                f"run harness in {place} if you trust it"
            )
        return found
    return Configuration()


def _owner(path: Path) -> int | None:
    """Return the user whose ``path`` is, a link itself and not what it leads to; None if it is not there."""
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def read_configuration(folder: Path) -> Configuration:
    """Return the table of the pyproject.toml in ``folder``; empty if there is none.

    Raises :class:`UsageError` with file and line for a file that cannot be read, a key that does not exist,
    and a value of another type than its key takes.
    """
    file = folder.resolve() / _NAME
    try:
        content = read_foreign(file, limit=_LARGEST)
    except ForeignFileMissing:
        return Configuration()
    except ForeignFileError as error:
        raise UsageError(str(error)) from None
    if b"harness" not in content:
        return Configuration()  # The file of another project, which need not be sound.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = content.decode()
        tool = tomllib.loads(text).get("tool", {})
        table = tool.get("harness") if isinstance(tool, dict) else None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None
    if table is None:
        return Configuration()
    if not isinstance(table, dict):
        raise UsageError(f"{_place(file, text, 'harness')}: tool.harness is not a table")
    return Configuration(file, {key: _value(file, text, key, value) for key, value in table.items()})


def _value(file: Path, text: str, key: str, value: Any) -> Any:
    if key not in _KEYS:
        from harness.cases.wording import quoted, suggestion

        meant = suggestion(key, _KEYS)
        raise UsageError(f"{_place(file, text, key)}: [tool.harness] has no key {quoted(key)}; {meant}")
    read, wanted = _KEYS[key]
    try:
        return read(file.parent, value)
    except (TypeError, ValueError):
        raise UsageError(f"{_place(file, text, key)}: [tool.harness] {key} is not {wanted}") from None


def _place(file: Path, text: str, key: str) -> str:
    """Return where ``key`` is written, as far as that is on a line of its own below the table's name."""
    lines = text.splitlines()
    header = next(
        (n for n, line in enumerate(lines) if re.match(r"\s*\[\s*tool\s*\.\s*harness\s*[\].]", line)), None
    )
    own = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    line = next((n for n, line in enumerate(lines) if n > (header or 0) and own.match(line)), header)
    return str(file) if line is None else f"{file}:{line + 1}"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    return value


def _path(folder: Path, value: Any) -> Path:
    return Path(os.path.normpath(folder / _text(value)))


def _program(folder: Path, value: Any) -> str:
    """Return a path, or a bare name, which is searched for as a shell does."""
    return str(_path(folder, value)) if os.sep in _text(value) else value


def _device(_: Path, value: Any) -> str:
    if value not in ("CPU", "Ascend", "CUDA"):
        raise ValueError
    return str(value)


def _number(_: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _BOUNDS[0] <= value <= _BOUNDS[1]:
        raise ValueError
    return float(value)


def _whole(_: Path, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError
    return value


def _flag(_: Path, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _modules(_: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(each, str) and all(part.isidentifier() for part in each.split(".")) for each in value
    ):
        raise ValueError
    return tuple(value)


# For each key, what reads its value, and the end of the sentence "… is not".
_KEYS: dict[str, tuple[Callable[[Path, Any], Any], str]] = {
    "baseline-dir": (_path, 'the path of a folder, such as "baselines"'),
    "device": (_device, '"CPU", "Ascend" or "CUDA"'),
    "device-id": (_whole, "the number of an NPU, from 0"),
    "python": (_program, 'the path of an interpreter, such as ".venv/bin/python"'),
    "timeout": (_number, f"a number of seconds from {_BOUNDS[0]} to {_BOUNDS[1]:.0f}"),
    "worker-memory": (_number, f"a number of GiB from {_BOUNDS[0]} to {_BOUNDS[1]:.0f}"),
    "no-user-code": (_flag, "true or false"),
    "history": (_path, 'the path of a file, such as "history.sqlite"'),
    "policy": (_path, 'the path of a file, such as "policy.yaml"'),
    "factories": (_modules, 'a list of modules, such as ["package.module"]'),
}
