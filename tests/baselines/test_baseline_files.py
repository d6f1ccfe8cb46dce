"""Durable writes, and what is left of those that were killed."""

import fcntl
import os
import secrets
import threading

import pytest

from harness.baselines.files import sweep, write_durably


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path):
    kept = ["a.json", "a.json.backup.tmp", "a.json.tmp", "b.json.7.tmp", "c.7.tmp"]
    # The first two as earlier versions named them.
    left = ("a.json.7.tmp", "a.json.123456.tmp", "a.json.7.0123456789abcdef.tmp", f"a.json.7.{'1' * 16}.tmp")
    for name in (*kept, *left):
        (tmp_path / name).write_text("left")
    sweep(tmp_path, "a.json")
    assert names(tmp_path) == kept
    sweep(tmp_path)
    assert names(tmp_path) == ["a.json", "a.json.backup.tmp", "a.json.tmp"]


def test_what_somebody_is_writing_now_stays(tmp_path):
    pending = tmp_path / "a.json.7.tmp"
    with pending.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep(tmp_path)
        assert pending.exists()
    sweep(tmp_path)
    assert not pending.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_left_alone(tmp_path, make):
    make(tmp_path / "a.json.7.tmp")
    sweep(tmp_path)
    sweep(tmp_path / "nowhere")
    assert names(tmp_path) == ["a.json.7.tmp"]


def test_a_writer_whose_file_is_swept_before_it_is_locked_makes_it_anew(tmp_path, monkeypatch):
    original, swept = fcntl.flock, []

    def slow(file, operation):
        if not swept and operation == fcntl.LOCK_EX:
            swept.append(True)
            sweep(tmp_path)
        original(file, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    write_durably(tmp_path / "a.json", b"whole")
    assert swept
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"whole"


def test_writers_with_one_process_number_mix_nothing(tmp_path, monkeypatch):
    path, contents, fsync = tmp_path / "a.json", (b"A" * 1000, b"B" * 400), os.fsync
    second = threading.Thread(target=write_durably, args=(path, contents[1]))
    seen = []

    def interrupted(descriptor):
        # The second writes all of its own while the first is about to rename its file.
        if second.ident is None:
            second.start()
            second.join(60)
            seen.append(path.read_bytes() if path.exists() else None)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted)
    write_durably(path, contents[0])
    second.join(60)
    assert [*seen, path.read_bytes()] == [contents[1], contents[0]]
    assert names(tmp_path) == ["a.json"]


def test_a_writer_follows_no_link_in_the_place_of_its_own_file(tmp_path, monkeypatch):
    (tmp_path / "other").write_bytes(b"other")
    monkeypatch.setattr(secrets, "token_hex", lambda count: "0" * 2 * count)
    temporary = tmp_path / f"a.json.{os.getpid()}.{'0' * 16}.tmp"
    temporary.symlink_to("other")
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "a.json", b"whole")
    assert (tmp_path / "other").read_bytes() == b"other"


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    write_durably(tmp_path / "a.json", b"before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(tmp_path / "a.json", b"after")
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == b"before"
