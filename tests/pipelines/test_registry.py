"""From a pipeline's name to something that can be called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import make_job
from small_checkpoint import WEIGHTS

from harness.cases import names
from harness.pipelines import registry
from harness.pipelines.calling import RESERVED_ARGUMENTS
from harness.pipelines.errors import CheckpointError, PipelineError

OWN = """
from types import SimpleNamespace
import numpy as np

def make(checkpoint, dtype, mode):
    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end, strength=1.0):
        return SimpleNamespace(images=np.full((batch_size, 2, 2, 1), strength, np.float32))
    call.made_with = (checkpoint, dtype, mode)
    return call

def make_open(checkpoint, dtype, mode):
    return lambda **arguments: arguments

def make_nothing(checkpoint, dtype, mode):
    return None

def make_of_nothing():
    return None
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a user's module that can be imported, new for every test."""
    name = "own_" + tmp_path.name.replace("-", "_").replace("[", "_").replace("]", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def load(pipeline: str, checkpoint: str | None, base: Path, **settings: Any) -> registry.LoadedPipeline:
    fields = {"pipeline": pipeline, "checkpoint": checkpoint, "base": str(base), "steps": 1}
    return registry.load(make_job(**fields | settings))


@pytest.mark.parametrize("pipeline", names.PIPELINES)
@pytest.mark.parametrize("mode", ["pynative", "graph"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_built_in_pipelines_load_in_every_mode_and_dtype(
    mindspore: Any, stored_checkpoint: Path, pipeline: str, mode: str, dtype: str
) -> None:
    loaded = load(pipeline, str(stored_checkpoint), Path(), dtype=dtype, mode=mode)
    assert loaded.revision is None
    assert "unet/config.json" in loaded.checkpoint_files
    assert loaded.call.unet.dtype == getattr(mindspore, dtype)
    # Not the model itself any more, but what mindspore.jit made of it.
    assert (loaded.call._predict is loaded.call.unet) == (mode == "pynative")
    generator = np.random.Generator(np.random.PCG64(0))
    assert loaded.call(generator=generator, num_inference_steps=1).images.shape == (1, 8, 8, 1)


def test_an_unknown_argument_is_refused_before_any_weights_are_read(mindspore: Any, checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(b"never read")
    with pytest.raises(PipelineError) as error:
        load("ddim", str(checkpoint), Path(), arguments={"eta": 0.1, "etaa": 0.1, "guidance_scale": 3})
    assert str(error.value) == (
        "ddim takes no argument etaa (did you mean eta?), guidance_scale; "
        "it takes: eta, output_type, use_clipped_model_output"
    )
    with pytest.raises(PipelineError, match="ddpm takes no argument eta; it takes: output_type"):
        load("ddpm", str(checkpoint), Path(), arguments={"eta": 0.1})


@pytest.mark.parametrize("name", RESERVED_ARGUMENTS)
def test_what_the_harness_passes_itself_is_refused(
    mindspore: Any, own: str, tmp_path: Path, name: str
) -> None:
    for pipeline in ("ddim", f"{own}:make", f"{own}:make_open"):
        with pytest.raises(PipelineError, match=f"the harness passes {name} itself"):
            load(pipeline, None, tmp_path, arguments={name: 1})


@pytest.mark.parametrize("name", ["weights.ckpt", "merges.txt", "text_encoder/model.safetensors"])
def test_every_file_that_a_factory_may_read_is_part_of_the_checkpoint(
    own: str, checkpoint: Path, name: str
) -> None:
    path = checkpoint / name
    path.parent.mkdir(exist_ok=True)
    hashes = []
    for content in (b"some", b"other"):
        path.write_bytes(content)
        hashes.append(load(f"{own}:make", "checkpoint", checkpoint.parent).checkpoint_files)
    assert hashes[0] != hashes[1]
    (checkpoint / ".cache").mkdir()
    (checkpoint / ".cache" / "note").write_bytes(b"the Hub client's own")
    assert load(f"{own}:make", "checkpoint", checkpoint.parent).checkpoint_files == hashes[1]


def test_a_component_that_is_a_link_is_part_of_the_checkpoint(own: str, checkpoint: Path) -> None:
    shared = checkpoint.parent / "shared"
    shared.mkdir()
    (checkpoint / "text_encoder").symlink_to(shared, target_is_directory=True)
    hashes = []
    for content in (b"some", b"other"):
        (shared / "model.safetensors").write_bytes(content)
        hashes.append(load(f"{own}:make", "checkpoint", checkpoint.parent).checkpoint_files)
    assert hashes[0]["text_encoder/model.safetensors"] != hashes[1]["text_encoder/model.safetensors"]


def test_a_factory_of_ones_own_is_called_with_folder_dtype_and_mode(own: str, checkpoint: Path) -> None:
    settings = {"dtype": "float16", "mode": "graph", "arguments": {"strength": 1}}
    loaded = load(f"{own}:make", "checkpoint", checkpoint.parent, **settings)
    assert loaded.call.made_with == (str(checkpoint), "float16", "graph")
    assert "unet/config.json" in loaded.checkpoint_files


def test_a_factory_may_bring_its_own_weights(own: str, tmp_path: Path) -> None:
    loaded = load(f"{own}:make", None, tmp_path)
    assert loaded.call.made_with == (None, "float32", "pynative")
    assert (loaded.checkpoint_files, loaded.revision) == ({}, None)


def test_arguments_of_ones_own_pipeline_are_checked_where_its_call_names_them(
    own: str, tmp_path: Path
) -> None:
    message = (
        rf"{own}:make takes no argument strenght \(did you mean strength\?\); it takes: output_type, stren"
    )
    with pytest.raises(PipelineError, match=message):
        load(f"{own}:make", None, tmp_path, arguments={"strenght": 1})
    load(f"{own}:make_open", None, tmp_path, arguments={"anything": 1})


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("dim", "unknown pipeline 'dim'; known: ddim, ddpm, mindone:ClassName, or package.module:factory"),
        ("no_such_package.module:make", "no module 'no_such_package'"),
        ("harness.no_such_module:make", "no module 'harness.no_such_module'"),
        ("harness.errors:make", "has no function 'make'"),
        ("sys:no_such_function", "sys has no function 'no_such_function'"),
        ("os:sep", "has no function 'sep'"),
        ("../x:make", "unknown pipeline '../x:make'"),
    ],
)
def test_a_pipeline_that_cannot_be_found_is_named(pipeline: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        load(pipeline, None, tmp_path)
    assert message in str(error.value)


def test_a_module_that_fails_to_import_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacks_something.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        load("lacks_something:make", None, tmp_path)


def test_a_factory_that_returns_nothing_to_call_is_refused(own: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="returned NoneType, which cannot be called"):
        load(f"{own}:make_nothing", None, tmp_path)


def test_a_factory_with_other_parameters_is_refused_with_its_place(own: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as error:
        load(f"{own}:make_of_nothing", None, tmp_path)
    line = OWN.splitlines().index("def make_of_nothing():") + 1
    assert str(error.value) == (
        f"{own}:make_of_nothing ({tmp_path / own}.py:{line}): "
        "a factory takes (checkpoint, dtype, mode), this one ()"
    )


def test_seeded_weights_are_for_the_built_in_pipelines(own: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="seeded weights lie in no folder"):
        load(f"{own}:make", "seeded:ddpm-cifar10-32", tmp_path)


def test_a_built_in_pipeline_needs_a_checkpoint(mindspore: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="pipeline ddim needs a checkpoint"):
        load("ddim", None, tmp_path)


@pytest.mark.parametrize(("setting", "value"), [("dtype", "bfloat16"), ("mode", "eager")])
def test_unknown_settings_are_refused(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(PipelineError, match=f"unknown {setting} '{value}'"):
        load("ddim", "builtin:ddpm-digits", tmp_path, **{setting: value})
