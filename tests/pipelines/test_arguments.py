"""Arguments that are files: pictures and arrays."""

from __future__ import annotations

import hashlib
import io
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
    arguments = Arguments(plain, tmp_path)
    assert (arguments.values(), arguments.hashes) == (plain, {})


def test_a_picture_is_read_in_rgb_and_its_bytes_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "grey.png"
    Image.fromarray(np.full((3, 2), 7, np.uint8)).save(path)
    arguments = Arguments({"image": [{"file": "images/grey.png"}]}, tmp_path)
    (picture,) = arguments.values()["image"]
    assert (picture.mode, picture.size, picture.getpixel((0, 0))) == ("RGB", (2, 3), (7, 7, 7))
    assert arguments.hashes == {
        "argument image: images/grey.png": hashlib.sha256(path.read_bytes()).hexdigest()
    }


def test_an_array_becomes_a_tensor(mindspore: Any, tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.save(tmp_path / "latents.npy", array)
    arguments = Arguments({"latents": {"file": "latents.npy"}}, tmp_path)
    latents = arguments.values()["latents"]
    assert isinstance(latents, mindspore.Tensor)
    np.testing.assert_array_equal(latents.asnumpy(), array)
    assert len(arguments.hashes) == 1


def test_a_file_is_read_once_and_its_content_is_new_in_every_call(mindspore: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    np.save(tmp_path / "latents.npy", np.zeros(2, np.float32))
    arguments = Arguments({"image": {"file": "a.png"}, "latents": [{"file": "latents.npy"}]}, tmp_path)
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
            r"cannot be read \(No such file or directory\); it is looked for at .*missing.png",
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
        Arguments({"image": {"file": name}}, tmp_path)


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(PipelineError, match=r"cannot be read as .npy \(Object arrays cannot be loaded"):
        Arguments({"latents": {"file": "objects.npy"}}, tmp_path)
