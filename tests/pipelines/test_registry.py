"""From a pipeline's name to something that can be called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import make_job
from small_checkpoint import WEIGHTS

from harness.cases import names
from harness.pipelines import registry
from harness.pipelines.calling import RESERVED_ARGUMENTS
from harness.pipelines.errors import CheckpointError, PackageMissing, PipelineError
from harness.pipelines.factory import UserCode

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

def make_by_name(*, checkpoint, dtype, mode):
    return None

from shutil import rmtree

class Making:
    def __init__(self, checkpoint, dtype, mode): ...
"""
# Where a test's own modules lie; installed packages and Python's own modules are still none of the user's.
ANYWHERE = UserCode(("/",))


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a user's module that can be imported, new for every test."""
    name = "own_" + tmp_path.name.replace("-", "_").replace("[", "_").replace("]", "_")
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def load(pipeline: str, checkpoint: str | None, base: Path, **settings: Any) -> registry.LoadedPipeline:
    fields = {"pipeline": pipeline, "checkpoint": checkpoint, "base": str(base), "steps": 1}
    return registry.load(make_job(**fields | settings), ANYWHERE)


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


def test_bfloat16_in_graph_mode_is_refused_on_a_cpu(mindspore: Any, checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(b"never read")
    with pytest.raises(PipelineError, match="ddpm runs in bfloat16 in PyNative only: MindSpore's CPU has"):
        load("ddpm", str(checkpoint), Path(), dtype="bfloat16", mode="graph")
    loaded = load("ddim", "builtin:ddpm-digits", Path(), dtype="bfloat16")
    assert {each.dtype for each in loaded.call.unet.get_parameters()} == {mindspore.bfloat16}


def test_bfloat16_in_graph_mode_is_not_refused_on_an_npu(
    mindspore: Any, stored_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mindspore, "get_context", lambda _: "Ascend")
    loaded = load("ddim", str(stored_checkpoint), Path(), dtype="bfloat16", mode="graph")
    assert loaded.call.unet.dtype == mindspore.bfloat16


def test_an_unknown_argument_is_refused_before_any_weights_are_read(mindspore: Any, checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).write_bytes(b"never read")
    with pytest.raises(PipelineError) as error:
        load("ddim", str(checkpoint), Path(), arguments={"eta": 0.1, "etaa": 0.1, "guidance_scale": 3})
    assert str(error.value) == (
        "ddim takes no argument etaa (did you mean eta?), guidance_scale; "
        "it takes: class_labels, eta, output_type, use_clipped_model_output"
    )
    taken = "class_labels, output_type"
    with pytest.raises(PipelineError, match=f"ddpm takes no argument eta; it takes: {taken}"):
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
        (
            "dim",
            "unknown pipeline 'dim'; known: ddim, ddpm, mindone:ClassName, diffusers:ClassName, or package",
        ),
        ("no_such_package.module:make", "no module 'no_such_package'"),
        ("harness.no_such_module:make", "no module 'harness.no_such_module'"),
        ("harness.errors:make", "defines no function 'make'"),
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
        "a factory takes (checkpoint, dtype, mode), but this one takes ()"
    )


NOT_THE_USERS = (
    "shutil:rmtree", "os:system", "builtins:exec", "sys:exit", "subprocess:run", "antigravity:fly",
    "__main__:main", "numpy:zeros", "numpy.random:default_rng", "yaml:load", "mindspore:load",
)  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "mindone:"])
@pytest.mark.parametrize("pipeline", NOT_THE_USERS)
def test_what_is_installed_is_not_called_nor_imported(pipeline: str, prefix: str, tmp_path: Path) -> None:
    module = pipeline.partition(":")[0]
    before = set(sys.modules)
    with pytest.raises(PipelineError, match=f"{module} is not in the folder that harness runs in"):
        load(prefix + pipeline, None, tmp_path)
    assert not {name for name in set(sys.modules) - before if f"{name}.".startswith(f"{module}.")}


@pytest.mark.parametrize("name", ["rmtree", "Making", "np", "SimpleNamespace", "__name__"])
def test_a_factory_is_a_function_that_its_module_defines(own: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=f"defines no function '{name}'"):
        load(f"{own}:{name}", None, tmp_path)


@pytest.mark.parametrize("name", ["make_of_nothing", "make_by_name"])
def test_a_factory_that_cannot_be_called_by_position_is_refused(own: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(
        PipelineError, match=r"a factory takes \(checkpoint, dtype, mode\), but this one takes"
    ):
        load(f"{own}:{name}", None, tmp_path)


class TestWhoseModules:
    """A package writes a file when it is imported: one that is refused has not been."""

    @pytest.fixture
    def package(self, own: str, tmp_path: Path) -> str:
        folder = tmp_path / "theirs" / f"{own}_package"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
        (folder / "inner.py").write_text(OWN)
        return f"{folder.name}.inner"

    def load(self, package: str, allowed: UserCode) -> registry.LoadedPipeline:
        job = make_job(pipeline=f"{package}:make", checkpoint=None, base="/", steps=1)
        return registry.load(job, allowed)

    @pytest.mark.parametrize(
        "place", ["theirs", "venv/lib/python3.11/site-packages", "usr/lib/dist-packages"]
    )
    def test_a_package_elsewhere_is_refused(
        self, package: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "theirs").rename(tmp_path / place)
        monkeypatch.syspath_prepend(tmp_path / place)
        users = "mine" if place == "theirs" else "."
        with pytest.raises(PipelineError, match=r"allow it in pyproject.toml, `\[tool.harness\] factories"):
            self.load(package, UserCode((str(tmp_path / users),)))
        assert not (tmp_path / "ran").exists()

    def test_folders_need_not_be_packages(
        self, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inner = package.partition(".")[0]
        (tmp_path / "theirs" / inner / "__init__.py").unlink()
        outer = tmp_path / f"outer_{inner}" / "middle"
        outer.mkdir(parents=True)
        (tmp_path / "theirs" / inner).rename(outer / inner)
        monkeypatch.syspath_prepend(tmp_path)
        within = f"outer_{inner}.middle.{package}"
        with pytest.raises(PipelineError, match="is not in the folder"):
            self.load(within, UserCode((str(tmp_path / "theirs"),)))
        with pytest.raises(PipelineError, match=f"no module 'outer_{inner}.middle.missing'"):
            self.load(f"outer_{inner}.middle.missing.module", UserCode((str(tmp_path),)))
        assert not [name for name in sys.modules if name.startswith("outer_")]
        assert self.load(within, UserCode((str(tmp_path),))).checkpoint_files == {}

    @pytest.mark.parametrize("named", ["whole", "package"])
    def test_a_package_that_the_project_allows_is_called(
        self, package: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path / "theirs")
        module = package if named == "whole" else package.partition(".")[0]
        assert self.load(package, UserCode((), (module,))).checkpoint_files == {}

    @pytest.mark.parametrize("missing", ["no_such_package", "no_such_package.module"])
    def test_an_allowed_module_that_is_not_there_is_a_missing_package(self, missing: str) -> None:
        with pytest.raises(PackageMissing, match=f"{missing}:make: no module 'no_such_package'; install it"):
            self.load(missing, UserCode((), (missing,)))

    def test_a_name_that_only_begins_like_an_allowed_one_is_refused(
        self, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path / "theirs")
        with pytest.raises(PipelineError, match="is not in the folder"):
            self.load(package, UserCode((), (package[:-1], package.partition(".")[0][:-1])))

    def test_a_package_that_declares_its_factories_is_called(
        self, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = tmp_path / "theirs" / "theirs-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(tmp_path / "theirs")
        with pytest.raises(PipelineError, match="is not in the folder"):
            self.load(package, UserCode())
        (info / "entry_points.txt").write_text(f"[harness.factories]\nmine = {package}\n")
        importlib.invalidate_caches()
        assert self.load(package, UserCode()).checkpoint_files == {}


def test_seeded_weights_are_for_the_built_in_pipelines(own: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="seeded weights lie in no folder"):
        load(f"{own}:make", "seeded:ddpm-cifar10-32", tmp_path)


def test_a_built_in_pipeline_needs_a_checkpoint(mindspore: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="pipeline ddim needs a checkpoint"):
        load("ddim", None, tmp_path)


@pytest.mark.parametrize(("setting", "value"), [("dtype", "float8"), ("mode", "eager")])
def test_unknown_settings_are_refused(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(PipelineError, match=f"unknown {setting} '{value}'"):
        load("ddim", "builtin:ddpm-digits", tmp_path, **{setting: value})
