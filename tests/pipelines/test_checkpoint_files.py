"""The files of a checkpoint: nothing but regular ones, and no JSON beyond its bounds."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_checkpoint import FILES, WEIGHTS, edit_json

from harness.pipelines.checkpoints import resolve
from harness.pipelines.errors import CheckpointError
from harness.pipelines.folder import DiffusersFolder, folder_hashes, read_json


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file"),
        (b"", "cannot be read as JSON"),
        (b'{"sample_size": ', "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[1, 2]", "a JSON object is expected, found list"),
        (b"[" * 100_000, "cannot be read as JSON (it is nested more than 64 levels deep)"),
        (b'{"a": ' * 65 + b"1" + b"}" * 65, "cannot be read as JSON (it is nested more than 64 levels deep)"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "cannot be read as JSON"),
        (b" " * (1 << 20) + b"{}", "it is larger than 1 MiB"),
    ],
)
def test_a_configuration_that_is_none_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_no_fifo_and_no_device_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(CheckpointError, match="it is a FIFO, not a file"):
        read_json(tmp_path / "config.json")
    (tmp_path / "config.json").unlink()
    (tmp_path / "unet.safetensors").symlink_to("/dev/zero")
    with pytest.raises(CheckpointError, match="it is a device, not a file"):
        folder_hashes(tmp_path)


def test_a_link_that_leads_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    for name in "ab":  # two of them double at every level
        (tmp_path / "unet" / name).symlink_to(tmp_path)
    with pytest.raises(CheckpointError, match="leads back to a folder that it is in"):
        folder_hashes(tmp_path)


def test_links_that_multiply_are_refused_before_their_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for level in range(24):
        (tmp_path / f"{level}").mkdir()
        for name in "ab":
            (tmp_path / f"{level}" / name).symlink_to(tmp_path / f"{level + 1}")
    (tmp_path / "24").mkdir()
    listed, scandir = Counter[str](), os.scandir

    def counted(path: str) -> Any:
        listed.update(["folders"])
        # Without a bound there are 2 ** 25.
        assert listed.total() <= 10_000
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    with pytest.raises(CheckpointError, match="more than 10,000 files and folders in it, links followed"):
        folder_hashes(tmp_path / "0")


def test_components_may_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text("{}")
    (tmp_path / "other").symlink_to("vae")
    assert list(folder_hashes(tmp_path)) == ["other/config.json", "vae/config.json"]


def test_a_configuration_that_the_weights_cannot_be_of_is_refused_before_the_model_is_made(
    tmp_path: Path,
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    weights = tmp_path / WEIGHTS
    weights.write_bytes(bytes(100_000))
    DiffusersFolder(tmp_path).unet_config()
    edit_json(tmp_path / "unet/config.json", block_out_channels=[1024, 1024], layers_per_block=64)
    with pytest.raises(CheckpointError, match="is too small for the model that"):
        DiffusersFolder(tmp_path).unet_config()


def test_a_name_that_is_too_long_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        resolve("x" * 5_000, tmp_path)
    with pytest.raises(CheckpointError, match="no such folder"):
        DiffusersFolder(tmp_path / ("x" * 5_000))
