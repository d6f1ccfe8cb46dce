"""The history: runs in one SQLite file, appended one transaction each.

The rollback journal that SQLite has by default is kept, not the write-ahead log: the file is then whole by
itself whenever nobody writes, may be copied or kept as an artifact, and works on file systems of a network,
where the log's shared memory does not (https://www.sqlite.org/wal.html, section 1). Runs that end at the same
time wait for each other.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

from harness.baselines.git import Commit
from harness.errors import HarnessError, UsageError
from harness.history.history_record import CaseRecord, RunRecord

# Version 2 added runs.subject.
VERSION = 2
# "Hhis" in ASCII: what tells a history from other databases (PRAGMA application_id).
APPLICATION_ID = 0x48686973
# How long a run waits for others that are writing; a write takes milliseconds.
_BUSY_SECONDS = 60.0

_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE environments (
  id INTEGER PRIMARY KEY,
  fields TEXT NOT NULL UNIQUE
);
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  date TEXT NOT NULL, harness TEXT NOT NULL, door TEXT NOT NULL,
  git_commit TEXT, ended TEXT, subject TEXT
);
CREATE TABLE cases (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id),
  suite TEXT NOT NULL, case_id TEXT NOT NULL, verdict TEXT NOT NULL, case_hash TEXT NOT NULL,
  tier TEXT, worst TEXT, measured REAL, "limit" REAL, margin REAL,
  baseline_sha256 TEXT, output_sha256 TEXT, first_cause TEXT,
  environment INTEGER NOT NULL REFERENCES environments (id),
  UNIQUE (run, suite, case_id)
);
CREATE TABLE statistics (
  case_row INTEGER NOT NULL REFERENCES cases (id),
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (case_row, name)
) WITHOUT ROWID;
"""
# What else a record has is in tables of its own.
_COLUMNS = [each.name for each in fields(CaseRecord) if each.name not in ("environment", "statistics")]
_QUOTED = ", ".join(f'"{name}"' for name in _COLUMNS)


class History:
    """The runs in the file ``path``, oldest first by the time at which they were added."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def check_writable(self) -> None:
        """Raise :class:`UsageError` where no run could be appended; makes no file."""
        if self.path.exists() or self.path.is_symlink():
            with self._transaction("IMMEDIATE", UsageError) as connection:
                if not _is_empty(connection):
                    self._version(connection)

    def append(self, *runs: RunRecord) -> tuple[int, ...]:
        """Add ``runs``, all or none, and return their numbers; the file is made where there is none.

        Waits for other processes that write. Raises :class:`HarnessError` where they cannot be added.
        """
        # As a writer from its beginning it never has to give way when it comes to write.
        with self._transaction("IMMEDIATE", HarnessError, create=True) as connection:
            if _is_empty(connection):
                # Not executescript: that would commit before it begins.
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
            elif self._version(connection) == 1:
                connection.execute("ALTER TABLE runs ADD COLUMN subject TEXT")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            return tuple(_insert_run(connection, run) for run in runs)

    def runs(self) -> tuple[RunRecord, ...]:
        """Return all runs; raises :class:`UsageError` where the file is no history of this version."""
        if not self.path.is_file():
            raise UsageError(f"{self.path}: no such file; a run makes it: pytest suites/ --history FILE")
        # One transaction: what is added meanwhile is there whole or not at all.
        with self._transaction("DEFERRED", UsageError) as connection:
            subject = "NULL" if self._version(connection) == 1 else "subject"
            return tuple(_read(connection, subject))

    def _version(self, connection: sqlite3.Connection) -> int:
        if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
            raise UsageError(f"{self.path}: is a database, but no history of harness; name another file")
        version = _number(connection, "PRAGMA user_version")
        if version > VERSION:
            raise UsageError(
                f"{self.path}: is a history of version {version}, made by a newer harness (this one knows "
                f"version {VERSION}); update harness or name another file"
            )
        return version

    @contextmanager
    def _transaction(
        self, kind: str, failure: type[HarnessError], *, create: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction; what SQLite says against it is a ``failure`` that names it."""
        # Read-write also to read: what a process that was killed left is undone by the next that opens it.
        uri = f"{self.path.as_uri()}?mode={'rwc' if create else 'rw'}"
        if self.path.exists() and not self.path.is_file():
            raise failure(f"{self.path}: is no regular file; name another file")
        try:
            opened = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            with closing(opened) as connection, connection:
                connection.execute(f"BEGIN {kind}")
                yield connection
        except sqlite3.Error as error:
            raise failure(f"{self.path}: cannot be used as a history: {error}; name another file") from None


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether the database has no tables: a file of no bytes, or one that was never written to."""
    return _number(connection, "SELECT count(*) FROM sqlite_master") == 0


def _number(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)


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
    connection.execute("INSERT OR IGNORE INTO environments (fields) VALUES (?)", (environment,))
    row = connection.execute(
        f"INSERT INTO cases (run, {_QUOTED}, environment) "
        f"SELECT ?, {', '.join('?' for _ in _COLUMNS)}, id FROM environments WHERE fields = ?",
        (run, *(getattr(case, name) for name in _COLUMNS), environment),
    ).lastrowid
    # SQLite has no NaN and stores NULL for it.
    connection.executemany(
        "INSERT INTO statistics VALUES (?, ?, ?)",
        [(row, name, value) for name, value in case.statistics.items()],
    )


def _read(connection: sqlite3.Connection, subject: str) -> Iterator[RunRecord]:
    """Yield all runs; ``subject`` is the column of that name, NULL in a file that has none."""
    statistics: dict[int, dict[str, float]] = defaultdict(dict)
    for row, name, value in connection.execute("SELECT case_row, name, value FROM statistics"):
        statistics[row][name] = math.nan if value is None else value
    environments = {
        row: json.loads(fields) for row, fields in connection.execute("SELECT id, fields FROM environments")
    }
    cases: dict[int, list[CaseRecord]] = defaultdict(list)
    found = connection.execute(f"SELECT id, run, environment, {_QUOTED} FROM cases ORDER BY id")
    for row, run, environment, *values in found:
        columns = dict(zip(_COLUMNS, values, strict=True))
        ran_in = environments.get(environment, {})
        cases[run].append(CaseRecord(**columns, environment=ran_in, statistics=statistics[row]))
    for number, date, version, door, told, ended, named in connection.execute(
        f"SELECT id, date, harness, door, git_commit, ended, {subject} FROM runs ORDER BY id"
    ):
        commit = None if told is None else Commit.parse(told)
        yield RunRecord(date, version, door, tuple(cases[number]), commit, ended, named, number)
