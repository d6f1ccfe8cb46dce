"""The history: runs in one SQLite file, each appended in one transaction.

It uses SQLite's default rollback journal rather than a write-ahead log. The file is then complete by itself
whenever nobody writes, can be copied or kept as an artifact, and works on network file systems, where the
shared memory of the write-ahead log does not (https://www.sqlite.org/wal.html, section 1). Runs that end at
the same time wait for each other.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from harness.errors import HarnessError, UsageError
from harness.foreign_files import ForeignFileError, open_foreign, size_text
from harness.history.history_record import RunRecord
from harness.history.rows import RowsDamaged, insert_runs, read_runs, seal_runs

# Version 2 added runs.subject, version 3 runs.seal, version 4 cases.code with its table.
VERSION = 4
# "Hhis" in ASCII: distinguishes a history from other databases (PRAGMA application_id).
APPLICATION_ID = 0x48686973
# 100,000 runs of ten cases.
_LARGEST = 1 << 30
# How long a run waits for others that are writing; a write takes milliseconds.
_BUSY_SECONDS = 60.0

# The hashes of a case's code are those of the run before, until somebody edits it.
_CODES = """\
CREATE TABLE codes (
  id INTEGER PRIMARY KEY,
  files TEXT NOT NULL UNIQUE
)"""
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
CREATE TABLE environments (
  id INTEGER PRIMARY KEY,
  fields TEXT NOT NULL UNIQUE
);
{_CODES};
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  date TEXT NOT NULL, harness TEXT NOT NULL, door TEXT NOT NULL,
  git_commit TEXT, ended TEXT, subject TEXT, seal TEXT
);
CREATE TABLE cases (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id),
  suite TEXT NOT NULL, case_id TEXT NOT NULL, verdict TEXT NOT NULL, case_hash TEXT NOT NULL,
  tier TEXT, worst TEXT, measured REAL, "limit" REAL, margin REAL,
  baseline_sha256 TEXT, output_sha256 TEXT, first_cause TEXT,
  environment INTEGER NOT NULL REFERENCES environments (id), code INTEGER REFERENCES codes (id),
  UNIQUE (run, suite, case_id)
);
CREATE TABLE statistics (
  case_row INTEGER NOT NULL REFERENCES cases (id),
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY (case_row, name)
) WITHOUT ROWID;
"""
# The columns that later versions added to which table, in that order, one for each version.
_ADDED = (("runs", "subject TEXT"), ("runs", "seal TEXT"), ("cases", "code INTEGER REFERENCES codes (id)"))


class History:
    """The runs in the file ``path``, oldest first by the time at which they were added."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def check_writable(self) -> None:
        """Raise :class:`UsageError` if no run could be appended; creates no file and reads no runs."""
        if self.path.exists() or self.path.is_symlink():
            with self._transaction("IMMEDIATE", UsageError) as connection:
                if not _is_empty(connection):
                    self._checked_version(connection)

    def append(self, *runs: RunRecord) -> tuple[int, ...]:
        """Add ``runs``, all or none, and return their numbers; the file is created if it does not exist.

        Waits for other processes that write. Raises :class:`HarnessError` if they cannot be added. The cost
        does not depend on the existing runs, which are only checked by :meth:`runs`.
        """
        # A transaction that begins as a writer never has to give way when it comes to writing.
        with self._transaction("IMMEDIATE", HarnessError, create=True) as connection:
            if _is_empty(connection):
                # Not executescript, which commits before it begins.
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
            elif (version := self._checked_version(connection)) < VERSION:
                # Runs from before there were seals are sealed as they are, so that any later change is
                # noticed.
                there = self._read(connection)
                connection.execute(_CODES)
                for table, column in _ADDED[version - 1 :]:
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
                seal_runs(connection, there)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            return insert_runs(connection, runs)

    def runs(self) -> tuple[RunRecord, ...]:
        """Return all runs, after checking every row.

        Raises :class:`UsageError` if the file is not a history of this version, or was damaged or edited.
        """
        if not self.path.is_file():
            raise UsageError(
                f"{self.path}: no such file; create it with a run: pytest suites/ --history FILE"
            )
        # A single transaction, so that runs added meanwhile are read completely or not at all.
        with self._transaction("DEFERRED", UsageError) as connection:
            return self._read(connection)

    def _read(self, connection: sqlite3.Connection) -> tuple[RunRecord, ...]:
        """Return all runs; RowsDamaged if the file is not intact."""
        version = self._checked_version(connection)
        if (found := connection.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            raise RowsDamaged(f"the file is not whole: {found}")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise RowsDamaged("it has rows of cases or runs that are not there")
        return read_runs(connection, version)

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        """Return the file's version, after checking that the tables are those of that version."""
        if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
            raise UsageError(f"{self.path}: this database is not a history of harness; name another file")
        version = _number(connection, "PRAGMA user_version")
        if not 1 <= version <= VERSION:
            raise UsageError(
                f"{self.path}: this history has version {version}, from a newer harness (this one reads "
                f"version {VERSION}); update harness or name another file"
            )
        # A view or a trigger would run code that somebody else wrote.
        if _schema_of(connection) != _normalised(_schema_in(version)):
            raise RowsDamaged("its tables are not those of a history")
        return version

    @contextmanager
    def _transaction(
        self, kind: str, failure: type[HarnessError], *, create: bool = False
    ) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction; errors of SQLite become a ``failure`` that names the file."""
        # Read-write even for reading: what a killed process left behind is undone by the next one to open the
        # file.
        uri = f"{self.path.as_uri()}?mode={'rwc' if create else 'rw'}"
        if self.path.exists():
            if not self.path.is_file():
                raise failure(f"{self.path}: not a regular file; name another file")
            if self.path.stat().st_size > _LARGEST:
                raise failure(f"{self.path}: larger than {size_text(_LARGEST)}; start a new file")
        try:
            opened = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            with closing(opened) as connection, connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute(f"BEGIN {kind}")
                yield connection
        except RowsDamaged as damage:
            raise failure(f"{self.path}: {damage}; restore a copy of it, or name another file") from None
        # If damaged text is not valid UTF-8, SQLite's own message is not either.
        except (sqlite3.Error, UnicodeError) as error:
            raise failure(f"{self.path}: cannot be used as a history: {error}; name another file") from None


def is_history(path: Path) -> bool:
    """Return whether the beginning of the file says that it is a history."""
    try:
        with open_foreign(path) as file:
            header = file.read(72)
    except ForeignFileError:
        return False
    # https://www.sqlite.org/fileformat.html, section 1.3
    return header[:16] == b"SQLite format 3\0" and header[68:] == APPLICATION_ID.to_bytes(4, "big")


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Return whether the database has no tables: it has no bytes, or was never written to."""
    return _number(connection, "SELECT count(*) FROM sqlite_master") == 0


def _number(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)


def _schema_in(version: int) -> str:
    """Return the schema of an earlier ``version``."""
    schema = _SCHEMA if version == VERSION else _SCHEMA.replace(_CODES, "")
    for _, column in _ADDED[version - 1 :]:
        schema = schema.replace(f", {column}", "")
    return schema


def _schema_of(connection: sqlite3.Connection) -> set[str]:
    # The names of what SQLite itself adds for AUTOINCREMENT and UNIQUE begin like this.
    own = "(type IN ('table', 'index') AND name GLOB 'sqlite_*')"
    texts = connection.execute(f"SELECT coalesce(sql, name) FROM sqlite_master WHERE NOT {own}")
    return _normalised(";".join(text for (text,) in texts))


def _normalised(schema: str) -> set[str]:
    """Return the CREATE statements without whitespace, which ALTER TABLE leaves in other places."""
    statements = (re.sub(r"\s", "", each) for each in schema.split(";"))
    return {each for each in statements if each and not each.startswith("PRAGMA")}
