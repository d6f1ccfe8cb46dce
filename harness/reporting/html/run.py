"""The report of a run: the views of its cases, and the two files made from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import harness
from harness.codec import parse_json
from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, read_foreign
from harness.history.history_record import surroundings
from harness.operations.destination import check_destination, write_result
from harness.reporting.html.document import report_page

PAGE, DATA = "index.html", "report.json"
_FORMAT, _VERSION = "harness-report", 1
# The file holds pictures; a hundred cases take a few MiB.
_LARGEST = 1 << 30


def report_folder(folder: Path) -> Path:
    """Make ``folder`` and return it; raises :class:`UsageError` if no page can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}; choose another folder") from None
    for name in (PAGE, DATA):
        check_destination(folder / name)
    return folder


def report_run(
    folder: Path, cases: Mapping[str, str], problems: Mapping[str, str], left_out: int = 0
) -> Path:
    """Write the report of a run, ``index.html`` and ``report.json``, into ``folder``, and return the page.

    ``cases`` has the views, as JSON, by the names of pytest's nodes. ``problems`` maps places to what kept
    cases from being judged: a suite that cannot be read, an error of harness. ``left_out`` is the number of
    nightly cases that were left out.
    """
    run = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "harness": harness.__version__,
        "problems": [{"where": where, "text": text} for where, text in problems.items()],
        "left_out": left_out,
    }
    return write_report(folder, run, list(cases.values()))


def write_report(folder: Path, run: dict[str, Any], cases: Sequence[str]) -> Path:
    """Write the data and the page, each whole or not at all; raises HarnessError if it cannot."""
    head = json.dumps({"format": _FORMAT, "version": _VERSION, "run": run})
    # The cases are JSON already, and may be large.
    data = head[:-1] + ', "cases": [\n' + ",\n".join(cases) + "\n]}\n"
    page = report_page(_with_index(run, cases), cases)
    write_result(folder / DATA, data.encode("ascii"))
    write_result(folder / PAGE, page.encode("utf-8"))
    return folder / PAGE


def render_again(data: Path, folder: Path | None = None) -> Path:
    """Write the page again from the ``report.json`` of an earlier run, next to it or into ``folder``.

    Raises :class:`UsageError` if ``data`` is not such a file or ``folder`` cannot be written to.
    """
    source = data / DATA if data.is_dir() else data
    try:
        report = parse_json(read_foreign(source, limit=_LARGEST))
        if report["format"] != _FORMAT or report["version"] != _VERSION:
            raise ValueError(f"its format is {report['format']} {report['version']}")
        run, cases = report["run"], [json.dumps(case, separators=(",", ":")) for case in report["cases"]]
        _with_index(run, cases)
    except ForeignFileError as error:
        raise UsageError(f"{error}; give a folder that pytest --harness-report wrote") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{source}: not a {DATA} of this version of harness ({error}); write one with pytest "
            "--harness-report"
        ) from None
    return write_report(source.parent if folder is None else report_folder(folder), run, cases)


def _with_index(run: dict[str, Any], cases: Sequence[str]) -> dict[str, Any]:
    """Return ``run`` with the list of cases: the page reads a case's own data when it is opened."""
    views = [json.loads(case) for case in cases]
    measured = [
        {row["name"]: row["measured"] for row in view["environment"] if row["measured"]} for view in views
    ]
    environments = Counter(json.dumps(surroundings(fields), sort_keys=True) for fields in measured)
    return {
        **run,
        "index": list(map(_entry, views)),
        "environments": [
            {"fields": json.loads(fields), "cases": count} for fields, count in environments.most_common()
        ],
    }


def _entry(view: dict[str, Any]) -> dict[str, Any]:
    case, judgement = view["case"], view["judgement"]
    reasons, causes = judgement["reasons"], view["causes"]
    why = causes[0]["title"] if causes else reasons[0].partition("\n")[0] if reasons else ""
    arguments = json.dumps(case["definition"]["arguments"], ensure_ascii=False)
    return {
        **{name: case[name] for name in ("suite", "id")},
        **{name: judgement[name] for name in ("verdict", "tier", "margin", "worst")},
        "expected": judgement.get("expected", False),
        "why": why[:300],
        "text": " ".join([case["definition"]["pipeline"], *case["tags"], arguments])[:2000],
    }
