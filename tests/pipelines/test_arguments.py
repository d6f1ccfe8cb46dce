"""Arguments that are files: pictures and arrays."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.pipelines.arguments import Arguments
from harness.pipelines.errors import PipelineError


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((3, 2), 7, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURE = _picture()


def test_plain_values_stay_as_they_are(tmp_path: Path) -> None:
    plain = {"prompt": "a", "sizes": [8, 8], "nested": {"file": "x", "other": 1}}
    arguments = Arguments(plain, tmp_path, tmp_path)
    assert (arguments.values(), arguments.hashes) == (plain, {})


def test_a_picture_is_read_in_rgb_and_its_bytes_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "grey.png"
    Image.fromarray(np.full((3, 2), 7, np.uint8)).save(path)
    arguments = Arguments({"image": [{"file": "images/grey.png"}]}, tmp_path, tmp_path)
    (picture,) = arguments.values()["image"]
    assert (picture.mode, picture.size, picture.getpixel((0, 0))) == ("RGB", (2, 3), (7, 7, 7))
    assert arguments.hashes == {
        "argument image: images/grey.png": hashlib.sha256(path.read_bytes()).hexdigest()
    }


def test_an_array_becomes_a_tensor(mindspore: Any, tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.save(tmp_path / "latents.npy", array)
    arguments = Arguments({"latents": {"file": "latents.npy"}}, tmp_path, tmp_path)
    latents = arguments.values()["latents"]
    assert isinstance(latents, mindspore.Tensor)
    np.testing.assert_array_equal(latents.asnumpy(), array)
    assert len(arguments.hashes) == 1


def test_a_file_is_read_once_and_its_content_is_new_in_every_call(mindspore: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    np.save(tmp_path / "latents.npy", np.zeros(2, np.float32))
    arguments = Arguments(
        {"image": {"file": "a.png"}, "latents": [{"file": "latents.npy"}]}, tmp_path, tmp_path
    )
    for path in tmp_path.iterdir():
        path.unlink()
    for _ in range(2):
        values = arguments.values()
        assert values["image"].getpixel((0, 0)) == (7, 7, 7)
        np.testing.assert_array_equal(values["latents"][0].asnumpy(), [0, 0])
        # What a pipeline may do to what it is handed.
        values["image"].putpixel((0, 0), (1, 1, 1))
        values["latents"][0][0] = 1.0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "missing.png",
            None,
            "no such file; it is looked for at .*missing.png",
        ),
        ("text.txt", b"a", r"give a picture \(.png, .jpg, .jpeg, .webp, .bmp\) or an array \(.npy\)"),
        ("broken.png", b"no picture", "cannot be read as .png"),
        ("broken.npy", b"no array", "cannot be read as .npy"),
        ("empty.npy", b"", "cannot be read as .npy"),
        ("archive.npy", b"PK\x03\x04", "cannot be read as .npy"),
        ("cut.png", PICTURE[:40], "cannot be read as .png"),
    ],
)
def test_a_file_that_does_not_do_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PipelineError, match=f"argument image: {name}: {message}"):
        Arguments({"image": {"file": name}}, tmp_path, tmp_path)


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(PipelineError, match=r"cannot be read as .npy \(it has dtype object"):
        Arguments({"latents": {"file": "objects.npy"}}, tmp_path, tmp_path)


def _npy(shape: tuple[int, ...], values: bytes, *, version: bytes = b"\1\0", dtype: str = "<f4") -> bytes:
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + values


def _png(width: int, height: int) -> bytes:
    """Return a picture of that size, which is nearly all in its header: it is cut off behind that."""
    size = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    chunks = (size, b"IDAT" + zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (len(each) - 4).to_bytes(4, "big") + each + zlib.crc32(each).to_bytes(4, "big") for each in chunks
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", _npy((9_000_000_000_000,), b"1234"), "has not the 32.7 TiB of values"),
        ("a.npy", _npy((1 << 62, 1 << 62), b""), "has not the"),
        ("a.npy", _npy((-1, -1), b"1234"), "has not the"),
        ("a.npy", _npy((9_000_000_000_000,), b"", dtype="<U0"), "it has dtype <U0"),
        ("a.npy", _npy((1,), b"1234", version=b"\3\0"), "its version is neither"),
        ("a.npy", _npy((1,), b"1234", dtype="(" * 3000), "cannot be read as .npy"),
        ("a.png", _png(20_000, 20_000), "could be decompression bomb"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be read as .png"),
    ],
)
def test_what_is_too_large_is_refused_by_its_header(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with _little_memory(), pytest.raises(PipelineError, match=f"argument image: {name}: .*{message}"):
        Arguments({"image": {"file": name}}, tmp_path, tmp_path)


def test_files_that_are_too_large_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.pipelines.arguments.LARGEST", 1 << 20)
    np.save(tmp_path / "a.npy", np.zeros(50_000, np.float32))
    Arguments({"latents": {"file": "a.npy"}}, tmp_path, tmp_path)
    with pytest.raises(PipelineError, match="more than 1 MiB, which is the limit"):
        Arguments({"latents": [{"file": "a.npy"}] * 3}, tmp_path, tmp_path)


def test_pictures_count_as_what_they_take_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png(9_000, 9_000))
    with _little_memory(), pytest.raises(PipelineError, match="more than 1 GiB, which is the limit"):
        Arguments({"image": [{"file": "a.png"}] * 5}, tmp_path, tmp_path)


def test_only_files_of_the_project_are_read(tmp_path: Path) -> None:
    project, suites = tmp_path / "project", tmp_path / "project" / "suites"
    suites.mkdir(parents=True)
    for folder in (tmp_path, project, suites, project):
        (folder / "a.png").write_bytes(PICTURE)
    (suites / "link.png").symlink_to(tmp_path / "a.png")
    outside = [f"{suites}/a.png", f"{tmp_path}/a.png", "../../a.png", "x/../../../a.png", "../../no.png"]
    for name in ("a.png", "../a.png", "../suites/a.png", "link.png"):
        assert len(Arguments({"image": {"file": name}}, suites, project).hashes) == 1
    for name in outside:
        with pytest.raises(PipelineError, match=f"argument image: {name}: lies outside the project"):
            Arguments({"image": [{"file": name}]}, suites, project)
    # Run from elsewhere, a suite has its own folder.
    assert len(Arguments({"image": {"file": "a.png"}}, suites, Path("/usr")).hashes) == 1
    for name in ("../a.png", *outside):
        with pytest.raises(PipelineError, match=f"argument image: {name}: lies outside the project"):
            Arguments({"image": {"file": name}}, suites, Path("/usr"))


def test_no_fifo_and_no_device_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.npy")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name, kind in (("fifo.npy", "a FIFO"), ("zero.png", "a device")):
        with pytest.raises(PipelineError, match=f"argument image: {name}: it is {kind}, not a file"):
            Arguments({"image": {"file": name}}, tmp_path, tmp_path)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let nothing of more than about 1 GiB be allocated."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
