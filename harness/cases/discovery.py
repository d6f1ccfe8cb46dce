"""Find suite files: tell them from other YAML files, and list those in folders."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable
from pathlib import Path

from harness.cases.document import MAX_BYTES
from harness.cases.problems import Problem, SuiteError
from harness.foreign_files import ForeignFileError, open_foreign

SUFFIXES = (".yaml", ".yml")
# The keys that every suite has: the first two at the start of a line, or as the first key of a mapping in
# braces.
_TOP_LEVEL_KEY = re.compile(
    rb"""^(?:\xef\xbb\xbf)?(?:\{\s*)?(["']?)(suite|cases)\1[ \t]*:(?=\s|$)""", re.MULTILINE
)
_PIPELINE_KEY = re.compile(rb"""^[^#\n]*?(?<![\w'"-])(["']?)pipeline\1[ \t]*:(?=\s|$)""", re.MULTILINE)


def looks_like_suite(path: Path, *, named: bool = False) -> bool:
    """Return whether ``path`` is a .yaml or .yml file with two of the keys that every suite has.

    The keys are `suite:` and `cases:` at the top level, and `pipeline:` anywhere. Two are required because
    one may be misspelt in a suite, and many files of other tools have one. Reads the first MiB as bytes and
    parses nothing. A file that cannot be read counts as a suite, so that loading it says why. So does an
    empty or non-UTF-8 file with a suite beside it, or one that is ``named`` itself: it was most likely a
    suite, and nobody would notice that its cases are missing.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        return False
    try:
        content = _start_of(path)
        if _has_keys(content):
            return True
        if _says_something(content):
            return False
        if named:
            return True
        beside = (file for file in path.parent.iterdir() if file.suffix in SUFFIXES and file.is_file())
        return any(_has_keys(_start_of(file)) for file in beside)
    except (ForeignFileError, OSError):
        return True


def _start_of(path: Path) -> bytes:
    with open_foreign(path) as file:
        return file.read(MAX_BYTES)


def _has_keys(content: bytes) -> bool:
    keys = {match[2] for match in _TOP_LEVEL_KEY.finditer(content)}
    return len(keys) == 2 or (len(keys) == 1 and _PIPELINE_KEY.search(content) is not None)


def _says_something(content: bytes) -> bool:
    """Return whether ``content``, the first MiB of a file, is text and not blank."""
    try:
        # The cut may fall within a character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(content, len(content) < MAX_BYTES)
    except UnicodeDecodeError:
        return False
    return bool(text.strip())


def find_suites(paths: Iterable[Path]) -> list[Path]:
    """Return the suite files that ``paths`` name; folders are searched with their subfolders.

    Files come in the order of ``paths``, and by name within a folder. A file that is named twice is returned
    once. Hidden folders are skipped, and links to folders are not followed.

    Raises:
        SuiteError: a path does not exist, or a folder holds no suite.
    """
    found: dict[Path, Path] = {}
    problems = []
    for path in map(Path, paths):
        if path.is_dir():
            suites = _suites_in(path)
            if not suites:
                problems.append(Problem(path, None, None, "no suite (a .yaml with `suite:`) in this folder"))
        elif path.exists():
            suites = [path]
        else:
            suites = []
            problems.append(Problem(path, None, None, "no such file or folder; check the path"))
        for suite in suites:
            found.setdefault(suite.resolve(), suite)
    if problems:
        raise SuiteError(problems)
    return list(found.values())


def _suites_in(folder: Path) -> list[Path]:
    suites = []
    for parent, subfolders, files in os.walk(folder):
        subfolders[:] = (name for name in subfolders if not name.startswith("."))
        found = (Path(parent, name) for name in files if name.endswith(SUFFIXES))
        suites += [path for path in found if looks_like_suite(path)]
    return sorted(suites)
