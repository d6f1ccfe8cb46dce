"""A checkpoint chooses among mindone's classes, and runs no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.pipelines.errors import CheckpointError

# Importing mindone warns.
pytestmark = [pytest.mark.mindone, pytest.mark.filterwarnings("ignore")]

CHECKPOINTS = sorted((Path(__file__).parents[2] / "suites" / "mindone").rglob("model_index.json"))


def check(entries: dict[str, Any], folder: Path) -> None:
    from harness.pipelines.components import check_components
    from harness.pipelines.mindone import MINDONE

    check_components(entries, folder, MINDONE)


def test_a_readme_does_not_name_further_pipelines(mindspore: Any, tmp_path: Path) -> None:
    from mindone.diffusers import KandinskyCombinedPipeline

    from harness.pipelines.mindone import MINDONE

    (tmp_path / "model_index.json").write_text('{"_class_name": "KandinskyCombinedPipeline"}')
    (tmp_path / "README.md").write_text("---\nprior:\n- /elsewhere\n---\n")
    with pytest.raises(CheckpointError, match="further pipelines that README"):
        MINDONE.load_pipeline(
            "mindone:KandinskyCombinedPipeline", KandinskyCombinedPipeline, tmp_path, "float32", None
        )


def test_every_checkpoint_of_the_shipped_suites_is_allowed(mindspore: Any) -> None:
    assert len(CHECKPOINTS) > 90
    for index in CHECKPOINTS:
        check(json.loads(index.read_text()), index.parent)


@pytest.mark.parametrize("library", ["diffusers", "mindone.diffusers"])
def test_a_class_of_mindone_is_allowed_by_both_names(mindspore: Any, library: str, tmp_path: Path) -> None:
    check({"unet": [library, "UNet2DModel"], "safety_checker": [None, None], "flag": True}, tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        ["subprocess", "Popen"],
        ["os.path", "join"],
        ["my_package", "Model"],
        ["..", "Model"],
        ["", "Model"],
        ["diffusers", "StableDiffusionPipeline"],
        ["diffusers", "utils"],
        ["diffusers", "__name__"],
        ["transformers", "AutoModel"],
        ["transformers", "pipeline"],
        ["transformers", "TrainingArguments"],
        ["stable_diffusion", "StableDiffusionPipeline"],
        ["diffusers", "FlaxStableDiffusionPipeline"],
        ["pipeline_utils", "os"],
        ["pipeline_utils", "PushToHubMixin"],
        ["mindone.data", "Dataset"],
    ],
)
def test_anything_else_is_refused_by_name(mindspore: Any, value: list[str], tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match="which is not a model, scheduler, tokenizer or processor"
    ) as error:
        check({"unet": value}, tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'model_index.json'}: unet is [{value[0]}, {value[1]}]")


@pytest.mark.parametrize(
    "value", [["diffusers"], [1, 2], ["diffusers", None], ["a", "b", "c"], [["x"], "Y"], [], "ab"]
)
def test_what_is_no_library_and_class_is_refused(mindspore: Any, value: list[Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"unet is not \[library, class\]"):
        check({"unet": value}, tmp_path)


@pytest.mark.parametrize("library", ["my_unet", "diffusers", "transformers"])
def test_a_python_file_beside_the_weights_is_never_run(mindspore: Any, library: str, tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / f"{library}.py").write_text("raise SystemExit('ran')")
    with pytest.raises(CheckpointError, match=rf"unet is in unet/{library}.py, and no Python file"):
        check({"unet": [library, "UNet2DModel"]}, tmp_path)


def test_the_file_that_mindone_takes_for_a_pipeline_is_never_run(mindspore: Any, tmp_path: Path) -> None:
    (tmp_path / "None.py").write_text("raise SystemExit('ran')")
    with pytest.raises(CheckpointError, match=r"has a file None\.py, and no Python file"):
        check({"_class_name": "DDIMPipeline"}, tmp_path)


def test_a_processor_of_a_pipelines_own_is_allowed(mindspore: Any, tmp_path: Path) -> None:
    check({"image_processor": ["blip_diffusion", "BlipImageProcessor"]}, tmp_path)


@pytest.mark.parametrize("made_for", [["pipeline", "MyPipe"], 3, {"a": 1}])
def test_a_pipeline_of_its_own_is_refused(mindspore: Any, made_for: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="_class_name is not a string"):
        check({"_class_name": made_for}, tmp_path)
