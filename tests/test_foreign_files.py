"""Files that somebody else wrote: no FIFO, no device, nothing unbounded, nothing outside its folder."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from harness.foreign_files import (
    ForeignFileError,
    ForeignFileMissing,
    hash_foreign,
    open_foreign,
    read_foreign,
)


def test_a_regular_file_is_read_and_hashed(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 3_000_000)
    assert read_foreign(file, limit=3_000_000) == file.read_bytes()
    assert hash_foreign(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_larger_file_is_refused_before_it_is_read(tmp_path: Path):
    file = tmp_path / "file"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    for read in (read_foreign, hash_foreign):
        with pytest.raises(ForeignFileError, match="larger than 1 MiB"):
            read(file, limit=1 << 20)


@pytest.mark.parametrize("direct", [True, False], ids=["itself", "through a link"])
def test_only_regular_files_are_opened(tmp_path: Path, direct: bool):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
        for target, kind in (
            (tmp_path / "fifo", "a FIFO"),
            (tmp_path / "socket", "a socket"),
            (tmp_path, "a folder"),
            (Path("/dev/zero"), "a device"),
        ):
            link = tmp_path / f"link-to-{target.name}"
            link.symlink_to(target)
            with pytest.raises(ForeignFileError, match=f"it is {kind}, not a file"):
                read_foreign(target if direct else link, limit=10)


@pytest.mark.parametrize("name", ["missing", "dangling"])
def test_what_is_missing_has_an_error_of_its_own(tmp_path: Path, name: str):
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ForeignFileMissing, match=f"{name}: no such file"):
        read_foreign(tmp_path / name, limit=10)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5_000, "loop", "file/below"], ids=repr)
def test_a_name_that_no_file_can_have_is_an_error(tmp_path: Path, name: str):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()
    with pytest.raises(ForeignFileError, match="cannot be read"):
        read_foreign(tmp_path / name, limit=10)


def test_a_link_may_not_lead_out_of_the_root(tmp_path: Path):
    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "root" / "own").write_bytes(b"own")
    (tmp_path / "root" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "in").symlink_to("own")
    (tmp_path / "linked").symlink_to("root")
    for root in (tmp_path / "root", tmp_path / "linked"):
        assert read_foreign(root / "in", limit=10, root=root) == b"own"
        for outside in (root / "out", root / ".." / "secret"):
            with pytest.raises(ForeignFileError, match="outside the folder"):
                read_foreign(outside, limit=10, root=root)


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "file"
    file.write_bytes(b"four")
    stat = os.fstat

    def before_it_grew(descriptor: int) -> os.stat_result:
        values = list(stat(descriptor))
        values[6] = 3
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", before_it_grew)
    for read in (read_foreign, hash_foreign):
        with pytest.raises(ForeignFileError, match="changed while it was read"):
            read(file, limit=10)


def test_no_descriptor_is_left(tmp_path: Path):
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(ForeignFileError), open_foreign(tmp_path):
        pass
    (tmp_path / "file").touch()
    read_foreign(tmp_path / "file", limit=1)
    assert set(Path("/proc/self/fd").iterdir()) == before
