"""`harness init`: a first suite for each kind of checkpoint, from its configuration alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_hub import COMMIT, HubServer, files_of, hub_environment, serving
from small_checkpoint import FILES, edit_json
from user_project import Project

from harness.cases.case import Case
from harness.cases.load import load_suite
from harness.errors import HarnessError, UsageError
from harness.operations.first_suite import first_suite
from harness.reporting.first_suite import first_suite_text

pytestmark = pytest.mark.mindone

SHIPPED = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
# The checkpoints of this project, with the pipelines that run them and their usual numbers of steps.
EXPECTED: dict[str, tuple[str, Any]] = {
    "builtin:ddpm-digits": ("ddpm", 1000),
    "seeded:ddpm-cifar10-32": ("ddim", 50),
    "seeded:ddpm-cifar10-32-random": ("ddim", 50),
    str(SHIPPED / "ddim"): ("ddim", 50),
    str(SHIPPED / "stable-diffusion"): ("mindone:StableDiffusionPipeline", 50),
    str(SHIPPED / "unclip"): ("mindone:UnCLIPPipeline", [25, 25, 7]),
}
NAMES = [Path(spec).name.rpartition(":")[2] for spec in EXPECTED]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """The configuration of a checkpoint, without weights."""
    for name, content in FILES.items():
        path = tmp_path / "described" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return tmp_path / "described"


def written(spec: str, output: Path | None = None) -> tuple[Case, ...]:
    """Return the cases of the suite for ``spec``, read from what would be in the file."""
    place, suite = first_suite(spec, output)
    place.write_text(first_suite_text(suite, place))
    return load_suite(place).cases


def steps(case: Case) -> Any:
    several = [value for name, value in case.arguments.items() if name.endswith("num_inference_steps")]
    return several or case.steps


@pytest.mark.parametrize("spec", EXPECTED, ids=NAMES)
def test_the_suite_of_each_shipped_checkpoint(spec: str) -> None:
    pipeline, published = EXPECTED[spec]
    quick, batch, usual = cases = written(spec)
    assert [case.id for case in cases] == ["two-steps", "batch-of-two", "published-steps"]
    assert {case.pipeline for case in cases} == {pipeline}
    assert steps(quick) == steps(batch) == ([2] * len(published) if isinstance(published, list) else 2)
    assert steps(usual) == published
    assert (quick.seeds, batch.seeds, usual.seeds) == ((0,), (0, 1), (0,))
    assert ("prompt" in quick.arguments) is pipeline.startswith("mindone:")
    # Chaotic by design: no limits could judge it elsewhere.
    assert quick.strict is spec.endswith("random")
    if spec.startswith("/"):
        assert quick.checkpoint is not None
        assert (quick.path.parent / quick.checkpoint).resolve() == Path(spec)


@pytest.mark.slow
@pytest.mark.parametrize("spec", EXPECTED, ids=NAMES)
def test_the_suite_records_calibrates_and_passes(spec: str, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    for words in (["init", spec], ["record", "suites", "--calibrate", "--members", "3"]):
        done = project.harness(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert set(project.compare().verdicts.values()) == {"identical"}


def test_it_reads_no_weights(described: Path) -> None:
    assert [case.pipeline for case in written("described")] == ["ddpm"] * 3
    # What the built-in pipelines do not support is left to mindone's.
    edit_json(
        described / "unet" / "config.json", resnet_time_scale_shift="scale_shift", attention_head_dim=3.5
    )
    assert written("described", Path("other.yaml"))[0].pipeline == "mindone:DDPMPipeline"


def test_classes_without_batches_get_no_batch(described: Path) -> None:
    # Its generator is MindSpore's.
    edit_json(described / "model_index.json", _class_name="AmusedPipeline")
    assert [case.id for case in written("described")] == ["two-steps", "published-steps"]
    # This one makes an image per prompt.
    edit_json(described / "model_index.json", _class_name="LDMTextToImagePipeline")
    batch = written("described", Path("other.yaml"))[1]
    assert (len(batch.arguments["prompt"]), len(batch.seeds)) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "StableDiffusionImg2ImgPipeline",
            "which needs image. harness init writes suites for DDIMPipeline and",
        ),
        ("KandinskyV22Pipeline", "which needs image_embeds, negative_image_embeds. harness init writes"),
        (
            "NoSuchPipeline",
            "is for NoSuchPipeline, which mindone does not have. harness init writes suites for",
        ),
        (3, "`_class_name` is not the name of a class"),
        ("../evil", "`_class_name` is not the name of a class"),
    ],
)
def test_what_cannot_be_run(described: Path, kind: object, message: str) -> None:
    edit_json(described / "model_index.json", _class_name=kind)
    with pytest.raises(HarnessError, match=message.replace(".", r"\.")):
        first_suite("described", None)
    assert not list(Path().rglob("*.yaml"))


def test_nothing_is_overwritten(described: Path) -> None:
    place = Path("suites/described.yaml")
    place.parent.mkdir()
    place.symlink_to("nowhere")
    for _ in range(2):
        with pytest.raises(UsageError, match=r"exists; nothing was written. Name another file with -o, or"):
            first_suite("described", None)
        place.unlink(missing_ok=True)
        place.write_text("mine")
    assert place.read_text() == "mine"
    assert first_suite("described", None, replace=True)[0] == place


def test_names_become_names_of_suites_and_paths_stay_paths(described: Path) -> None:
    folder = Path("It's 1: A_model")
    shutil.move(described, folder)
    (case, *_) = written(str(folder))
    assert (case.suite, str(case.path)) == ("it-s-1-a-model", "suites/it-s-1-a-model.yaml")
    (case, *_) = written(str(folder), Path("here.yaml"))
    assert case.checkpoint == f"./{folder}"


@pytest.mark.parametrize("name", ["123", "007", "1e3", "0x1f", "null", "true", "on", "2024-01-01"])
def test_a_name_that_yaml_takes_for_something_else_stays_a_name(described: Path, name: str) -> None:
    (case, *_) = written("described", Path(f"{name}.yaml"))
    assert case.suite == name


@pytest.mark.parametrize("name", ["a\x7fb", "a\u0085b", "a\u2028b", "a\nb", "a\u200bb"])
def test_a_folder_that_no_suite_can_name_is_refused(described: Path, name: str) -> None:
    shutil.move(described, name)
    with pytest.raises(UsageError, match="a suite cannot name this path"):
        first_suite(name, Path("suites/x.yaml"))
    assert not Path("suites").exists()


def test_a_place_where_no_suite_can_be_is_refused_before_anything_is_made(described: Path) -> None:
    Path("file").touch()
    for place, message in (("x.txt", "ends in .yaml or .yml"), ("file/x.yaml", "cannot be written: ")):
        with pytest.raises(UsageError, match=message):
            first_suite("described", Path(place))
    with pytest.raises(HarnessError):
        first_suite("no-such-folder", None)
    assert not Path("suites").exists()


@pytest.fixture
def hub(described: Path) -> Iterator[HubServer]:
    files = files_of(described) | {"unet/diffusion_pytorch_model.safetensors": b"weights"}
    with serving({"someone/digits": files}) as server:
        yield server


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "hub:someone/digits",
            "suites/digits.yaml: 3 cases for ddpm; record their baselines: harness record",
        ),
        ("hub:someone/digits@v1", "suites/digits.yaml: 3 cases for ddpm"),
        ("hub:someone/missing", "hub:someone/missing@main: no such repository, or a private one"),
        ("hub:nonsense", "hub:nonsense@main: write hub:OWNER/NAME@REVISION"),
        ("someone/digits", "someone/digits: no such folder"),
    ],
)
def test_a_repository_of_the_hub_is_pinned(hub: HubServer, tmp_path: Path, spec: str, said: str) -> None:
    environment = hub_environment(f"http://127.0.0.1:{hub.server_port}", tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "init", spec],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    place = Path("suites/digits.yaml")
    assert place.exists() is (done.returncode == 0)
    if place.exists():
        assert {case.checkpoint for case in load_suite(place).cases} == {f"hub:someone/digits@{COMMIT}"}
    assert not any(request.endswith(".safetensors") for request in hub.requests)
