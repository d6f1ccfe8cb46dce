"""The installed modules that may make a case's pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEY = "[tool.harness] factories"
_LARGEST = 1 << 20


def allowed_factories(folders: Iterable[Path]) -> tuple[str, ...]:
    """Return the modules named by `factories` in the table `tool.harness` of the folders' pyproject.toml.

    Raises :class:`UsageError` if such a file cannot be read, or names anything but modules.
    """
    found: list[str] = []
    for file in {folder.resolve() / "pyproject.toml": None for folder in folders}:
        try:
            text = read_foreign(file, limit=_LARGEST).decode()
            table = tomllib.loads(text).get("tool", {}).get("harness", {})
        except ForeignFileMissing:
            continue
        except ForeignFileError as error:
            raise UsageError(str(error)) from None
        except (ValueError, AttributeError, RecursionError) as error:
            raise UsageError(f"{file}: cannot be read: {error}") from error
        found += _modules(file, table)
    return tuple(found)


def _modules(file: Path, table: Any) -> list[str]:
    modules = table.get("factories", []) if isinstance(table, dict) else None
    if isinstance(modules, list) and all(
        isinstance(each, str) and all(part.isidentifier() for part in each.split(".")) for each in modules
    ):
        return modules
    raise UsageError(f'{file}: {_KEY} is not a list of modules, such as ["package.module"]')
