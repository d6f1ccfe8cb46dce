"""The history file: appended whole or not at all, by several at once, and never taken for what it is not."""

import json
import math
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from history_runs import RECORD, RUN
from samples import make_case, make_measurement

from harness.codec import from_json, to_json
from harness.errors import HarnessError, UsageError
from harness.history import database
from harness.history.database import History
from harness.history.history_record import CaseRecord
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement
from harness.measurement.figures import CodeIdentity
from harness.operations.history import find_history


def test_what_is_appended_is_read(tmp_path):
    kept = History(tmp_path / "a history?.sqlite")
    bare = replace(RUN, cases=(CaseRecord("guide", "two", "error", "e"),), git_commit=None, ended="stopping")
    assert (kept.append(RUN), kept.append(bare)) == ((1,), (2,))
    assert kept.runs() == (replace(RUN, number=1), replace(bare, number=2))
    # Whole by itself: no journal beside it.
    assert [path.name for path in tmp_path.iterdir()] == ["a history?.sqlite"]


def test_runs_of_one_matrix_are_added_together_or_not_at_all(tmp_path):
    kept = History(tmp_path / "h")
    runs = [replace(RUN, subject=name) for name in ("2.7.0", "2.8.0", "2.9.0")]
    assert kept.append(*runs) == (1, 2, 3)
    assert [run.subject for run in kept.runs()] == ["2.7.0", "2.8.0", "2.9.0"]
    with pytest.raises(HarnessError, match="UNIQUE"):
        kept.append(*runs[:2], replace(RUN, cases=(RECORD, RECORD)))
    assert len(kept.runs()) == 3


def test_a_folder_stands_for_its_only_history(tmp_path):
    with pytest.raises(UsageError, match=r"no history in this folder; create one with a run: pytest suites/"):
        find_history(tmp_path)
    (tmp_path / "notes.txt").write_text("SQLite format 3")
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE other (id)")
    History(tmp_path / "h").append(RUN)
    assert find_history(tmp_path) == find_history(tmp_path / "h") == tmp_path / "h"
    History(tmp_path / "g").append(RUN)
    with pytest.raises(UsageError, match=r"2 histories in this folder; name one of g, h$"):
        find_history(tmp_path)


# As version 1 made them.
_FIRST_RUNS = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, date TEXT NOT NULL, harness TEXT NOT NULL, door TEXT NOT NULL,
  git_commit TEXT, ended TEXT
)"""


def test_a_history_of_version_1_is_read_as_it_is_and_goes_on(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute("ALTER TABLE runs RENAME TO new_runs")
        connection.execute(_FIRST_RUNS)
        connection.execute("INSERT INTO runs SELECT id, date, harness, door, git_commit, ended FROM new_runs")
        connection.execute("DROP TABLE new_runs")
        connection.execute("ALTER TABLE cases DROP COLUMN code")
        connection.execute("DROP TABLE codes")
        connection.execute("PRAGMA user_version = 1")
    before = path.read_bytes()
    assert History(path).runs() == (replace(RUN, number=1),)
    History(path).check_writable()
    assert path.read_bytes() == before
    second = replace(RUN, subject="2.8.0")
    assert History(path).append(second) == (2,)
    assert History(path).runs() == (replace(RUN, number=1), replace(second, number=2))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (database.VERSION,)


def test_a_history_of_version_3_keeps_its_seals_and_goes_on(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE cases DROP COLUMN code")
        connection.execute("DROP TABLE codes")
        connection.execute("PRAGMA user_version = 3")
    assert History(path).runs() == (replace(RUN, number=1),)
    second = replace(RUN, cases=(replace(RECORD, code={"my_pkg/pipe.py": "1" * 12}),))
    assert History(path).append(second) == (2,)
    assert History(path).runs() == (replace(RUN, number=1), replace(second, number=2))
    # Where the hashes are those of another case, they are in the file once.
    third = replace(second, cases=(*second.cases, replace(second.cases[0], case_id="two")))
    assert History(path).append(third) == (3,)
    assert History(path).runs()[2] == replace(third, number=3)
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("SELECT count(*) FROM codes").fetchone() == (1,)
        connection.execute("UPDATE codes SET files = '{}'")
    with pytest.raises(HarnessError, match="does not match its seal"):
        History(path).runs()


def test_not_a_number_is_a_value(tmp_path):
    kept = History(tmp_path / "h")
    kept.append(replace(RUN, cases=(replace(RECORD, statistics={"mean": math.nan}),)))
    ((record,),) = (run.cases for run in kept.runs())
    assert math.isnan(record.statistics["mean"])


def test_a_record_crosses_processes():
    assert from_json(CaseRecord, to_json(RECORD)) == RECORD


def test_what_is_kept_of_a_check():
    measured = make_measurement(code=CodeIdentity({"my_pkg/pipe.py": "1" * 64}, {"unet": "2" * 64}))
    case = make_case()
    record = CaseRecord.of(case, Check(Judgement.error(case, HarnessError("why")), measured))
    assert record.name == "guide/two-steps"
    assert (record.verdict, record.tier, record.margin) == ("error", None, None)
    assert record.case_hash == case.hash()
    assert record.statistics == measured.statistics
    assert record.environment == measured.fingerprint
    assert record.code == {"my_pkg/pipe.py": "1" * 12, "weights unet": "2" * 12}
    assert len(record.output_sha256) == 64


def _append(path, count):
    for _ in range(count):
        History(path).append(RUN)


def test_runs_at_once_lose_nothing(tmp_path):
    path = tmp_path / "h"
    context = multiprocessing.get_context("spawn")
    # The file is not there yet: who comes first makes it.
    workers = [context.Process(target=_append, args=(path, 10)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    runs = History(path).runs()
    assert [run.number for run in runs] == list(range(1, 31))
    assert all(len(run.cases) == 1 for run in runs)


_KILLED_BEFORE_THE_END = """
import os, signal, sys
from pathlib import Path
from harness.history import database, rows
from history_runs import RECORD, RUN
from dataclasses import replace
real, count = rows._insert_case, [0]
def insert(connection, run, case):
    real(connection, run, case)
    # More than SQLite keeps in memory: some of it is in the file by now.
    connection.execute("PRAGMA cache_spill = 1")
    count[0] += 1
    if count[0] == 1500:
        os.kill(os.getpid(), signal.SIGKILL)
rows._insert_case = insert
cases = tuple(replace(RECORD, case_id=str(i), first_cause="x" * 3000) for i in range(2000))
database.History(Path(sys.argv[1])).append(replace(RUN, cases=cases))
"""


def test_a_run_that_is_killed_while_it_is_added_leaves_nothing(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    size = path.stat().st_size
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_BEFORE_THE_END, str(path)], env=environment, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert path.stat().st_size > 2 * size  # it had begun to write into the file
    assert History(path).runs() == (replace(RUN, number=1),)
    assert History(path).append(RUN) == (2,)


def test_a_run_with_one_bad_case_leaves_nothing(tmp_path):
    path = tmp_path / "h"
    with pytest.raises(HarnessError, match="UNIQUE"):
        History(path).append(replace(RUN, cases=(RECORD, RECORD)))
    History(path).append(RUN)
    assert [run.cases for run in History(path).runs()] == [(RECORD,)]


def test_a_writer_waits_for_another(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    with_lock = sqlite3.connect(path, isolation_level=None)
    with_lock.execute("BEGIN IMMEDIATE")
    worker = multiprocessing.get_context("spawn").Process(target=_append, args=(path, 1))
    worker.start()
    time.sleep(1)
    with_lock.execute("ROLLBACK")
    with_lock.close()
    worker.join()
    assert worker.exitcode == 0
    assert len(History(path).runs()) == 2


def newer(path):
    History(path).append(RUN)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {database.VERSION + 1}")
    connection.close()


def other_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER)")
    connection.close()


def no_text(path):
    History(path).append(RUN)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE runs", b"CREATE TABLE \xff\xfe\xff\xfe"))


NOT_OPENED = "unable to open database file|no such file"
BAD = {
    "text": (lambda path: path.write_text("no database\n" * 100), "file is not a database"),
    "json": (lambda path: path.write_text(json.dumps({"a": 1})), "file is not a database"),
    "newer": (newer, "from a newer harness"),
    "another database": (other_database, "this database is not a history of harness"),
    "a schema that is no text": (no_text, "cannot be used as a history"),
    "a folder": (lambda path: path.mkdir(), "not a regular file|no such file"),
    "a link to nothing": (
        lambda path: path.symlink_to("nowhere/h"),
        NOT_OPENED,
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_history_is_wrong_usage_and_left_as_it_is(tmp_path, kind):
    make, message = BAD[kind]
    path = tmp_path / "h"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for use in (History(path).check_writable, History(path).runs):
        with pytest.raises(UsageError, match=message):
            use()
    with pytest.raises(HarnessError):
        History(path).append(RUN)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_damaged_history_is_told(tmp_path):
    path = tmp_path / "h"
    History(path).append(replace(RUN, cases=tuple(replace(RECORD, case_id=str(i)) for i in range(200))))
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * 8192 + data[4096 + 8192 :])
    with pytest.raises(UsageError, match=r"malformed|not whole"):
        History(path).runs()


def test_looking_whether_one_could_be_written_makes_none(tmp_path):
    History(tmp_path / "h").check_writable()
    assert list(tmp_path.iterdir()) == []
    # A file of no bytes is one that was made for it.
    (tmp_path / "h").touch()
    History(tmp_path / "h").check_writable()
    assert History(tmp_path / "h").append(RUN) == (1,)


def test_a_history_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="no such file; create it with a run"):
        History(tmp_path / "h").runs()


def change(statement):
    def changed(path):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executescript(statement)

    return changed


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE cases SET verdict = 'identical'",
            "run 1 is not what was recorded: it does not match its seal",
        ),
        ("UPDATE runs SET date = 7 WHERE id = 2", "run 2 is not what was recorded"),
        ("UPDATE statistics SET value = value + 1e-9", "run 1 is not what was recorded"),
        ("UPDATE environments SET fields = '{}'", "run 1 is not what was recorded"),
        ("UPDATE environments SET fields = 'no JSON'", "run 1 is not what was recorded"),
        ("DELETE FROM statistics WHERE name = 'mean'", "run 1 is not what was recorded"),
        ("DELETE FROM cases", "rows of cases or runs that are not there"),
        ("DELETE FROM statistics; DELETE FROM cases WHERE run = 2", "run 1 is not what was recorded"),
        ("DELETE FROM statistics; DELETE FROM cases; DELETE FROM runs", "not all of them are there"),
        ("UPDATE runs SET seal = NULL", "run 1 is not what was recorded"),
        ("CREATE VIEW other AS SELECT 1", "its tables are not those of a history"),
        ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END", "its tables are not"),
        ("ALTER TABLE runs ADD COLUMN other TEXT", "its tables are not"),
        ("PRAGMA user_version = 0", "version 0"),
    ],
)
def test_a_history_that_was_edited_is_refused(tmp_path, statement, told):
    path = tmp_path / "h"
    History(path).append(RUN, RUN)
    change(statement)(path)
    with pytest.raises(UsageError, match=told):
        History(path).runs()
    # An edit of rows is told when they are read; a run that is added mends nothing.
    if statement.startswith(("UPDATE", "DELETE")):
        History(path).check_writable()
        with suppress(HarnessError):
            History(path).append(RUN)
        with pytest.raises(UsageError, match=r"not what was recorded|are not there|not all of them"):
            History(path).runs()
    else:
        with pytest.raises(UsageError, match=told):
            History(path).check_writable()
        with pytest.raises(HarnessError, match=told):
            History(path).append(RUN)


def test_what_adding_a_run_costs_does_not_grow_with_the_history(tmp_path, monkeypatch):
    steps, connect = Counter(), sqlite3.connect

    def counted(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_progress_handler(lambda: steps.update(["steps"]), 1)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counted)

    def taken(use, *arguments):
        steps.clear()
        use(*arguments)
        return steps.total()

    kept = History(tmp_path / "h")
    kept.append(RUN)
    few = [taken(kept.check_writable), taken(kept.append, RUN), taken(kept.runs)]
    kept.append(*[RUN] * 50)
    many = [taken(kept.check_writable), taken(kept.append, RUN), taken(kept.runs)]
    assert many[:2] == pytest.approx(few[:2], rel=0.1)
    assert many[2] > 10 * few[2]


def test_a_history_without_seals_is_read_and_sealed_when_it_goes_on(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    columns = "ALTER TABLE runs DROP COLUMN seal; ALTER TABLE cases DROP COLUMN code"
    change(f"{columns}; DROP TABLE codes; PRAGMA user_version = 2")(path)
    before = path.read_bytes()
    History(path).check_writable()
    assert History(path).runs() == (replace(RUN, number=1),)
    assert path.read_bytes() == before
    # What no type allows is refused there, too.
    change("UPDATE cases SET margin = 'wide'")(path)
    with pytest.raises(UsageError, match="run 1 is not what was recorded"):
        History(path).runs()
    change("UPDATE cases SET margin = 0.5")(path)
    assert History(path).append(RUN) == (2,)
    assert len(History(path).runs()) == 2
    change("UPDATE cases SET margin = 0.25 WHERE run = 1")(path)
    with pytest.raises(UsageError, match="run 1 is not what was recorded: it does not match its seal"):
        History(path).runs()


def test_a_history_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "h"
    History(path).append(RUN)
    with path.open("r+b") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(UsageError, match="larger than 1 GiB; start a new file"):
        History(path).runs()
