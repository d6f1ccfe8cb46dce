"""Runs as rows of the history's tables, each run with a seal, and back with every value checked."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from harness.baselines.git import Commit
from harness.codec import from_json, parse_json, to_json
from harness.history.history_record import CaseRecord, RunRecord

# The other fields of a record are in separate tables, or JSON.
_MAPPINGS = ("environment", "code", "statistics")
_COLUMNS = [each.name for each in fields(CaseRecord) if each.name not in _MAPPINGS]
_QUOTED = ", ".join(f'"{name}"' for name in _COLUMNS)
# The columns of a run, and the version that added each.
_OF_RUNS = {"date": 1, "harness": 1, "door": 1, "git_commit": 1, "ended": 1, "subject": 2, "seal": 3}
# The version that added the table ``codes``, and the column of that name to the cases.
_CODE_SINCE = 4


class RowsDamaged(ValueError):
    """The rows are not what was recorded; the message does not name the file."""


def insert_runs(connection: sqlite3.Connection, runs: Iterable[RunRecord]) -> tuple[int, ...]:
    """Add ``runs`` and return their numbers."""
    numbers = [_insert_run(connection, run) for run in runs]
    for number in numbers:
        # The seal is over what is read back: SQLite has no NaN and stores NULL for it.
        seal_runs(connection, [run for run, _ in _read(connection, _CODE_SINCE, number)])
    return tuple(numbers)


def seal_runs(connection: sqlite3.Connection, runs: Iterable[RunRecord]) -> None:
    """Add seals to ``runs``, which are already stored."""
    sealed = [(_seal(run), run.number) for run in runs]
    connection.executemany("UPDATE runs SET seal = ? WHERE id = ?", sealed)


def read_runs(connection: sqlite3.Connection, version: int) -> tuple[RunRecord, ...]:
    """Return all runs of a history of that ``version``; runs have seals from version 3 on.

    Raises :class:`RowsDamaged` if they are not what was added.
    """
    found = []
    for run, seal in _read(connection, version):
        if version >= _OF_RUNS["seal"] and seal != _seal(run):
            raise RowsDamaged(f"run {run.number} is not what was recorded: it does not match its seal")
        found.append(run)
    counted = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'runs'").fetchone()
    added = 0 if counted is None else counted[0]
    if len(found) != added or any(run.number != place for place, run in enumerate(found, 1)):
        raise RowsDamaged(f"{added} runs were added to it, and not all of them are there")
    return tuple(found)


def _seal(run: RunRecord) -> str:
    sealed = to_json(run)
    for case in sealed["cases"]:
        # As before there was such a column.
        if not case["code"]:
            del case["code"]
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()


def _insert_run(connection: sqlite3.Connection, run: RunRecord) -> int:
    commit = None if run.git_commit is None else str(run.git_commit)
    number = connection.execute(
        "INSERT INTO runs (date, harness, door, git_commit, ended, subject) VALUES (?, ?, ?, ?, ?, ?)",
        (run.date, run.harness, run.door, commit, run.ended, run.subject),
    ).lastrowid
    assert number is not None
    for case in run.cases:
        _insert_case(connection, number, case)
    return number


def _insert_case(connection: sqlite3.Connection, run: int, case: CaseRecord) -> None:
    environment = json.dumps(case.environment, sort_keys=True)
    code = json.dumps(case.code, sort_keys=True) if case.code else None
    connection.execute("INSERT OR IGNORE INTO environments (fields) VALUES (?)", (environment,))
    if code is not None:
        connection.execute("INSERT OR IGNORE INTO codes (files) VALUES (?)", (code,))
    row = connection.execute(
        f"INSERT INTO cases (run, {_QUOTED}, code, environment) "
        f"SELECT ?, {', '.join('?' for _ in _COLUMNS)}, (SELECT id FROM codes WHERE files = ?), id "
        "FROM environments WHERE fields = ?",
        (run, *(getattr(case, name) for name in _COLUMNS), code, environment),
    ).lastrowid
    connection.executemany(
        "INSERT INTO statistics VALUES (?, ?, ?)",
        [(row, name, value) for name, value in case.statistics.items()],
    )


def _read(
    connection: sqlite3.Connection, version: int, only: int | None = None
) -> Iterator[tuple[RunRecord, str | None]]:
    """Yield all runs, or the run ``only``, with seals, from tables of that ``version``."""
    columns = [name for name, since in _OF_RUNS.items() if since <= version]
    code = "code" if version >= _CODE_SINCE else "NULL"
    # With these conditions, each query finds the rows of that run through an index.
    this = of_case = of_run = of_environment = of_code = ""
    if only is not None:
        this = f"WHERE id = {only}"
        of_run = f"WHERE run = {only}"
        of_case = f"WHERE case_row IN (SELECT id FROM cases {of_run})"
        of_environment = f"WHERE id IN (SELECT environment FROM cases {of_run})"
        of_code = f"WHERE id IN (SELECT code FROM cases {of_run})"
    statistics: dict[int, dict[str, Any]] = defaultdict(dict)
    for row, name, value in connection.execute(f"SELECT case_row, name, value FROM statistics {of_case}"):
        statistics[row][name] = "nan" if value is None else value
    environments = dict(connection.execute(f"SELECT id, fields FROM environments {of_environment}"))
    codes: dict[int | None, str] = {None: "{}"}
    if version >= _CODE_SINCE:
        codes |= dict(connection.execute(f"SELECT id, files FROM codes {of_code}"))
    cases: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row, run, environment, files, *values in connection.execute(
        f"SELECT id, run, environment, {code}, {_QUOTED} FROM cases {of_run} ORDER BY id"
    ):
        case = dict(zip(_COLUMNS, values, strict=True))
        case |= {"environment": environments.get(environment), "code": codes.get(files)}
        case["statistics"] = statistics[row]
        cases[run].append(case)
    chosen = f"SELECT id, {', '.join(columns)} FROM runs {this} ORDER BY id"
    for number, *values in connection.execute(chosen):
        run = {**dict.fromkeys(_OF_RUNS), **dict(zip(columns, values, strict=True)), "number": number}
        seal, commit = run.pop("seal"), run["git_commit"]
        try:
            for case in cases[number]:
                case["environment"] = parse_json(case["environment"])
                case["code"] = parse_json(case["code"])
            run["git_commit"] = None if commit is None else vars(Commit.parse(commit))
            yield from_json(RunRecord, {**run, "cases": cases[number]}), seal
        except (ValueError, TypeError, AttributeError) as error:
            raise RowsDamaged(f"run {number} is not what was recorded: {error}") from None
