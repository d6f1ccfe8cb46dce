"""A user's own code: which modules and weights count, whatever ran before, and what is not covered."""

import importlib
import os
import py_compile
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.pipelines.errors import PipelineError
from harness.pipelines.own_code import own_code
from harness.pipelines.own_weights import cell_weights, named_weights

PIPE = """\
from typing import TYPE_CHECKING
import json, numpy as np
import my_origin.sizes
from . import noise
from .noise import draw
if TYPE_CHECKING:
    from . import types_alone
def factory(checkpoint, dtype, mode):
    import lazy_origin
    from importlib import import_module
    import_module("my_origin.by_name")
    import_module(f".plugins.{mode}", __package__)
"""
FILES = {
    "my_origin/__init__.py": "",
    "my_origin/pipe.py": PIPE,
    "my_origin/sizes.py": "",
    "my_origin/noise.py": "from my_origin import pipe\ndef draw(): from .. import above_the_top\n",
    "my_origin/by_name.py": "",
    "my_origin/types_alone.py": "",
    "my_origin/unrelated.py": "",
    "my_origin/plugins/__init__.py": "",
    "my_origin/plugins/pynative.py": "import deep_origin.module\n",
    "my_origin/plugins/graph.py": "import no_such_module\nimport my_origin.nor_this\n",
    "lazy_origin.py": "import os, sys, random\n",
    "deep_origin/module.py": "this is no Python",  # in a namespace package
    "random.py": "",  # hidden by Python's own
    "unrelated_origin.py": "",
}
COVERED = {
    "my_origin/pipe.py", "my_origin/__init__.py", "my_origin/sizes.py", "my_origin/noise.py",
    "my_origin/by_name.py", "my_origin/plugins/__init__.py", "my_origin/plugins/pynative.py",
    "my_origin/plugins/graph.py", "lazy_origin.py", "deep_origin/module.py",
}  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path, str(root)])
    yield root
    for name in [name for name in sys.modules if "origin" in name.partition(".")[0]]:
        del sys.modules[name]
    importlib.invalidate_caches()


def code(root, module="my_origin.pipe"):
    return own_code(module, (str(root),))


def test_imports_count_wherever_they_are_and_nothing_else(project):
    found = code(project)
    assert set(found) == COVERED
    assert next(iter(found)) == "my_origin/pipe.py"


def test_what_is_loaded_already_makes_no_difference(project):
    before = code(project)
    for name in ("my_origin.unrelated", "unrelated_origin", "my_origin.pipe", "lazy_origin"):
        importlib.import_module(name)
    assert code(project) == before


def test_each_file_has_a_hash_of_its_own(project):
    before = code(project)
    (project / "lazy_origin.py").write_text("SCALE = 2\n")
    (project / "my_origin/unrelated.py").write_text("SCALE = 2\n")
    after = code(project)
    assert {name for name in before if before[name] != after[name]} == {"lazy_origin.py"}


def test_links_compiled_modules_and_zip_files_count_and_a_fifo_hangs_nothing(project, tmp_path):
    (tmp_path / "elsewhere.py").write_text("import zipped_origin, compiled_origin, piped_origin\n")
    (project / "linked_origin.py").symlink_to(tmp_path / "elsewhere.py")
    (tmp_path / "source.py").write_text("import lazy_origin\n")
    py_compile.compile(str(tmp_path / "source.py"), cfile=str(project / "compiled_origin.pyc"))
    with zipfile.ZipFile(project / "packed.zip", "w") as packed:
        packed.writestr("zipped_origin.py", "import lazy_origin\n")
    os.mkfifo(project / "piped_origin.py")
    sys.path.append(str(project / "packed.zip"))
    found = code(project, "linked_origin")
    assert set(found) == {"linked_origin.py", "zipped_origin.py", "compiled_origin.pyc", "lazy_origin.py"}


def test_files_too_large_or_too_many_are_left_out(project, monkeypatch):
    (project / "my_origin/sizes.py").write_bytes(b"#" * (8 << 20) + b"\n")
    assert set(code(project)) == COVERED - {"my_origin/sizes.py"}
    monkeypatch.setattr("harness.pipelines.own_code._MOST_FILES", 3)
    assert len(code(project)) == 3


def test_the_packages_of_the_factory_count_though_nothing_names_them(project):
    assert set(code(project, "my_origin.unrelated")) == {"my_origin/unrelated.py", "my_origin/__init__.py"}


def test_names_are_found_in_every_form(project):
    text = "import importlib, typing as t\nimportlib.import_module(name='my_origin.sizes')\n"
    (project / "form_origin.py").write_text(text + "if t.TYPE_CHECKING:\n    import lazy_origin\n")
    assert set(code(project, "form_origin")) == {
        "form_origin.py",
        "my_origin/__init__.py",
        "my_origin/sizes.py",
    }


def test_a_table_of_numbers_is_hashed_and_not_parsed(project):
    (project / "table_origin.py").write_text("TABLE = [" + "1.5," * 500_000 + "]\n")
    started = time.monotonic()
    assert set(code(project, "table_origin")) == {"table_origin.py"}
    assert time.monotonic() - started < 2  # parsing it takes 16 s


def test_installed_code_is_not_covered(project):
    assert code(project, "numpy.linalg") == {}
    assert own_code("my_origin.pipe", ()) == {}


class Named:
    def __init__(self, *files):
        self.checkpoint_files = files


@pytest.fixture
def factory(project, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(project)])
    (project / "weights").mkdir()
    (project / "weights/net.bin").write_bytes(b"1")
    (project / "net.bin").write_bytes(b"2")
    (project / "lazy_origin.py").write_text("def factory(checkpoint, dtype, mode): ...\n")
    return importlib.import_module("lazy_origin").factory


def test_a_pipeline_or_its_factory_names_files_and_folders(factory, project, tmp_path):
    (tmp_path / "net.bin").write_bytes(b"3")
    made = Named("weights", project / "net.bin", str(tmp_path / "net.bin"))
    found = named_weights("lazy_origin:factory", factory, made)
    assert list(found) == ["weights/net.bin", "net.bin", f"{tmp_path.name}/net.bin"]
    assert len(set(found.values())) == 3
    assert named_weights("lazy_origin:factory", factory, object()) is None
    factory.checkpoint_files = ["net.bin"]
    assert list(named_weights("lazy_origin:factory", factory, object())) == ["net.bin"]


def test_folders_of_one_name_are_told_apart(factory, tmp_path):
    for number, folder in enumerate(("a/x/unet", "b/x/unet", "c/x/unet")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "net.bin").write_text(str(number))
    made = Named(*(str(tmp_path / folder) for folder in ("a/x/unet", "b/x/unet", "c/x/unet")))
    found = named_weights("lazy_origin:factory", factory, made)
    assert list(found) == ["unet/net.bin", "x/unet/net.bin", "c/x/unet/net.bin"]
    assert len(set(found.values())) == 3


def test_a_pipeline_of_the_core_knows_its_files(factory, mindspore):
    from harness.pipelines.checkpoints import resolve
    from harness.pipelines.unconditional import DDIMPipeline

    made = DDIMPipeline.from_checkpoint(resolve("builtin:ddpm-digits", Path()).open(), mindspore.float32)
    found = named_weights("lazy_origin:factory", factory, made)
    assert found == made.checkpoint_files
    assert "unet/diffusion_pytorch_model.safetensors" in found


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["gone.bin"], "no such file"),
        ("net.bin", "is not a list of paths"),
        (7, "is not a list of paths"),
        ([7], "holds int, not paths alone"),
        (["nul\0.bin"], "cannot be read"),
    ],
)
def test_names_that_cannot_be_used_are_refused(factory, files, told):
    factory.checkpoint_files = files
    with pytest.raises(PipelineError, match=told):
        named_weights("lazy_origin:factory", factory, object())


def test_long_lists_and_caches_of_the_module_hide_no_cell(mindspore):
    net = mindspore.nn.Dense(2, 2)

    class Pipeline:
        def __init__(self):
            self.a_list, self.b_numbers, self.net = list(range(1_000_000)), tuple("text" * 5000), net

    started = time.monotonic()
    assert set(cell_weights(Pipeline())) == {"net"}
    assert time.monotonic() - started < 5

    def call():
        return CACHE, net

    assert set(cell_weights(call)) == {"net"}
    CACHE["another"] = mindspore.nn.Dense(2, 2)
    assert set(cell_weights(call)) == {"net"}
    CACHE.clear()


CACHE = {}


class Hostile(dict):
    def __iter__(self):
        raise RuntimeError("it is read only when it must be")


def test_cells_are_found_where_pipelines_keep_them(mindspore):
    ms = mindspore

    def cell(value=1.0, dtype=ms.float32):
        return ms.nn.Dense(2, 2, weight_init=value, bias_init="zeros", dtype=dtype)

    class Pipeline:
        def __init__(self):
            self.unet, self.parts = cell(2.0), {"vae": [cell(3.0)]}
            self.again = self.unet
            self.me = self

    net = cell(4.0)

    def closure(*, generator):
        return net(generator)

    pipeline = Pipeline()
    found = cell_weights(pipeline)
    assert set(found) == {"again", "parts.vae.0"}
    assert set(cell_weights(closure)) == {"net"}
    assert set(cell_weights(cell())) == {"Dense"}
    assert cell_weights(np.ones) == {}
    assert set(cell_weights({"hostile": Hostile(), "net": net})) == {"net"}
    assert cell_weights(cell(1.0)) != cell_weights(cell(1.0, ms.bfloat16))
    pipeline.unet.weight.set_data(ms.Tensor(np.full((2, 2), 2.0000002, np.float32)))
    changed = cell_weights(pipeline)
    assert {name for name in found if found[name] != changed[name]} == {"again"}
