"""From a case's words to a checkpoint: what is found, its hash, and what is said when it is not there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from small_checkpoint import WEIGHTS, edit_json

from harness.cases import names
from harness.pipelines.checkpoints import BUILTIN_CHECKPOINTS, SEEDED_CHECKPOINTS, resolve
from harness.pipelines.errors import CheckpointError, PipelineError
from harness.pipelines.folder import DiffusersFolder


def load(folder: Path) -> Any:
    from harness.pipelines.unconditional import DDIMPipeline

    return DDIMPipeline.from_pretrained(folder)


def test_suites_know_the_same_names() -> None:
    assert set(names.BUILTIN_CHECKPOINTS) == set(BUILTIN_CHECKPOINTS)
    assert set(names.SEEDED_CHECKPOINTS) == set(SEEDED_CHECKPOINTS)


def test_a_path_is_relative_to_the_suite(checkpoint: Path) -> None:
    for base, spec in (
        (checkpoint.parent, "checkpoint"),
        (checkpoint / "unet", ".."),
        (Path("/"), str(checkpoint)),
    ):
        found = resolve(spec, base)
        assert found.folder is not None
        assert found.folder.samefile(checkpoint)
        assert found.revision is None
        assert found.open().unet_config().sample_size == 8


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("builtin:ddpm-digit", "builtin:ddpm-digit: no such checkpoint; known: builtin:ddpm-digits"),
        ("seeded:x", "known: seeded:ddpm-cifar10-32, seeded:ddpm-cifar10-32-random"),
        ("hub:google/ddpm-cifar10-32", "write hub:OWNER/NAME@REVISION"),
        ("hub:ddpm@main", "write hub:OWNER/NAME@REVISION"),
        ("hub:../../etc@main/../x y", "write hub:OWNER/NAME@REVISION"),
        ("no/such/folder", "no/such/folder: no such folder"),
    ],
)
def test_what_cannot_be_found_is_said_without_loading(spec: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as error:
        resolve(spec, tmp_path)
    assert message in str(error.value)


def test_builtin_digits_load_and_are_small(mindspore: Any) -> None:
    from harness.pipelines.unconditional import DDPMPipeline

    found = resolve("builtin:ddpm-digits", Path("/nowhere"))
    assert found.folder is not None
    assert sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file()) < 2_500_000
    pipe = DDPMPipeline.from_pretrained("builtin:ddpm-digits")
    assert 300_000 < sum(parameter.size for parameter in pipe.unet.get_parameters()) < 600_000


def test_the_hashes_are_those_of_sha256sum_for_the_files_used(mindspore: Any, checkpoint: Path) -> None:
    names = ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", WEIGHTS]
    printed = subprocess.run(
        ["sha256sum", *names], cwd=checkpoint, capture_output=True, check=True, text=True
    ).stdout
    hashes = {name: sha256 for sha256, name in (line.split() for line in printed.splitlines())}
    assert load(checkpoint).checkpoint_files == hashes
    (checkpoint / "README.md").write_text("not used")
    assert load(checkpoint).checkpoint_files == hashes
    edit_json(checkpoint / "scheduler" / "scheduler_config.json", beta_end=0.021)
    changed = load(checkpoint).checkpoint_files
    assert [name for name in names if changed[name] != hashes[name]] == ["scheduler/scheduler_config.json"]


def test_seeded_weights_repeat_and_their_kinds_differ(mindspore: Any) -> None:
    from harness.pipelines.models.unet2d import UNet2DModel

    model = UNet2DModel(SEEDED_CHECKPOINTS["ddpm-cifar10-32"].unet_config())
    assert sum(parameter.size for parameter in model.get_parameters()) == 35_746_307
    first, again, random = (
        SEEDED_CHECKPOINTS[name].load_into(model)
        for name in ("ddpm-cifar10-32", "ddpm-cifar10-32", "ddpm-cifar10-32-random")
    )
    assert first == again
    assert first != random


def test_the_flat_layout_of_early_checkpoints_loads_alike(
    mindspore: Any, checkpoint: Path, tmp_path: Path
) -> None:
    """As google/ddpm-cifar10-32 is laid out on the Hub: everything beside model_index.json."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in checkpoint.rglob("*.*"):
        shutil.copy(path, flat / path.name)
    ours, theirs = load(flat), load(checkpoint)
    for left, right in zip(ours.unet.get_parameters(), theirs.unet.get_parameters(), strict=True):
        assert left.asnumpy().tobytes() == right.asnumpy().tobytes()


def test_pickled_weights_are_never_loaded(checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).rename(checkpoint / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError) as error:
        DiffusersFolder(checkpoint)
    assert "diffusion_pytorch_model.bin holds pickled weights, which are never loaded" in str(error.value)


@pytest.mark.parametrize(
    "name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", WEIGHTS]
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "binary"])
def test_a_damaged_file_is_named(mindspore: Any, checkpoint: Path, name: str, damage: str) -> None:
    path = checkpoint / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"truncated": content[:-9], "empty": b"", "binary": b"\xff\xfe" + content}[damage])
    with pytest.raises(CheckpointError) as error:
        load(checkpoint)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_json_of_another_kind_is_named(mindspore: Any, checkpoint: Path, name: str) -> None:
    (checkpoint / name).write_text(json.dumps(["a list"]))
    with pytest.raises(CheckpointError, match=name):
        load(checkpoint)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"unet": ["diffusers", "UNet2DConditionModel"]},
            "unet is 'UNet2DConditionModel', supported: UNet2DModel",
        ),
        ({"unet": None}, "unet is None, supported: UNet2DModel"),
        (
            {"scheduler": ["diffusers", "PNDMScheduler"]},
            "scheduler is 'PNDMScheduler', supported: DDIMScheduler",
        ),
        ({"vae": ["diffusers", "AutoencoderKL"]}, "component 'vae' is not supported"),
    ],
)
def test_other_components_are_refused_by_name(
    checkpoint: Path, changes: dict[str, Any], message: str
) -> None:
    edit_json(checkpoint / "model_index.json", **changes)
    with pytest.raises(CheckpointError) as error:
        DiffusersFolder(checkpoint)
    assert str(checkpoint / "model_index.json") in str(error.value)
    assert message in str(error.value)


def test_a_field_of_the_scheduler_that_is_not_known_is_refused_with_its_file(checkpoint: Path) -> None:
    path = checkpoint / "scheduler" / "scheduler_config.json"
    edit_json(path, sigma_min=0.1)
    with pytest.raises(PipelineError) as error:
        DiffusersFolder(checkpoint).scheduler_config()
    assert str(error.value) == f"{path}: unknown field 'sigma_min'"
