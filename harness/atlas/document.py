"""The file of an atlas: JSON, sorted, one line per entry, sealed against edits and damage."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from harness.atlas.result import Atlas, Result, State
from harness.codec import from_json, parse_json, to_json
from harness.errors import HarnessError
from harness.foreign_files import ForeignFileError, read_foreign

FORMAT = 1
KIND = "harness atlas"
MOST_BYTES = 4 << 20
MOST_RESULTS = 20_000
# For a result of the entry's own dtype.
SAME = "="
# Left out of a line where they have these values, which keeps the file small.
_DEFAULTS: dict[str, Any] = {
    each.name: to_json(each.default)
    for each in dataclasses.fields(Result)
    if each.default is not dataclasses.MISSING
}


class AtlasUnusable(HarnessError):
    """A file is no atlas, or not the one that was written."""


def atlas_text(atlas: Atlas) -> str:
    """Return the file of ``atlas``; its results are sorted by name."""
    lines = [_line(_lean(to_json(each))) for each in sorted(atlas.results, key=lambda each: each.name)]
    head = to_json(dataclasses.replace(atlas, results=()))
    head |= {"format": FORMAT, "file": KIND}
    del head["results"]
    seal = _seal(head, lines)
    parts = [f" {_line(name)}: {_line(value)}" for name, value in sorted(head.items())]
    parts += [' "results": [\n  ' + ",\n  ".join(lines) + "\n ]" if lines else ' "results": []']
    return "{\n" + ",\n".join([*parts, f' "seal": {_line(seal)}']) + "\n}\n"


def read_atlas(path: Path) -> Atlas:
    """Return the atlas in the file ``path``; raises :class:`AtlasUnusable` for anything else."""
    try:
        return parse_atlas(read_foreign(path, limit=MOST_BYTES))
    except ForeignFileError as error:
        raise AtlasUnusable(str(error)) from None
    except ValueError as error:
        raise AtlasUnusable(f"{path}: {error}") from None


def parse_atlas(data: bytes) -> Atlas:
    """Return the atlas in ``data``; raises ValueError for anything else."""
    try:
        found = parse_json(data.decode())
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(found, dict) or found.get("file") != KIND:
        raise ValueError("it is no atlas; `harness atlas --out FILE` makes one")
    if found.get("format") != FORMAT:
        raise ValueError(f"its format is unknown; this version of harness reads {FORMAT}")
    results, seal = found.pop("results", None), found.pop("seal", None)
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise ValueError("it has no list of results")
    if len(results) > MOST_RESULTS:
        raise ValueError(f"it has {len(results):,} results, more than any atlas")
    if seal != _seal(found, list(map(_line, results))):
        raise ValueError("its content does not match its seal: it was edited or damaged; make it again")
    del found["file"], found["format"]
    atlas = from_json(Atlas, {**found, "results": list(map(_whole, results))})
    if len(atlas.by_name()) != len(results):
        raise ValueError("it has two results of the same name")
    _check(atlas)
    return atlas


def _check(atlas: Atlas) -> None:
    from harness.atlas.comparing import sample_of

    for each in atlas.results:
        if each.state is State.MEASURED and each.sha256 == "":
            raise ValueError(f"{each.name} is measured, but has no hash")
        sample_of(each)


def _lean(result: dict[str, Any]) -> dict[str, Any]:
    lean = {
        name: value for name, value in result.items() if name not in _DEFAULTS or value != _DEFAULTS[name]
    }
    if lean.get("result_dtype") == result["dtype"]:
        lean["result_dtype"] = SAME
    return lean


def _whole(result: dict[str, Any]) -> dict[str, Any]:
    whole = {**_DEFAULTS, **result}
    return whole | {"result_dtype": whole.get("dtype")} if whole["result_dtype"] == SAME else whole


def _seal(head: dict[str, Any], lines: list[str]) -> str:
    digest = hashlib.sha256(_line(head).encode())
    for line in lines:
        digest.update(b"\n" + line.encode())
    return digest.hexdigest()


def _line(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
