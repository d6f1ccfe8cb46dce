"""A drift names the file of the user's own code, or the weights, that changed since the recording."""

import json
import subprocess

import pytest
from user_project import Project

PIPE = """\
import os
from pathlib import Path
import numpy as np
import mindspore as ms
from mindspore import nn
SCALE = 1.0
def factory(checkpoint, dtype, mode):
    net = nn.Dense(8, 8, weight_init=float(os.environ.get("TEST_WEIGHT", "0.1")), bias_init="zeros")
    scale = np.load(Path(__file__).parent / "scale.npy")
    def call(*, generator, num_inference_steps, output_type="np"):
        from {package}.plugins import moved
        latents = generator.standard_normal((1, 8, 8)).astype(np.float32)
        return moved(net(ms.Tensor(latents)).asnumpy()[..., None] * np.float32(SCALE)) * scale
    if {names}:
        call.checkpoint_files = ["scale.npy"]
    return call
"""
PLUGINS = "import numpy as np\ndef moved(array): return array + np.float32(0.0)\n"
PACKAGES = ("edited", "helper", "weights", "cells", "kept")
OLD = """\
suite: own
defaults: {steps: 1, seed: 0}
cases:
"""
SUITE = OLD + "".join(f'  - {{id: {name}, pipeline: "{name}.pipe:factory"}}\n' for name in PACKAGES)


def git(project, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(project.root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Five pipelines of a user's, recorded, and then all but one changed, each in another way."""
    import numpy as np

    made = Project(tmp_path_factory.mktemp("origin") / "project")
    made.suite("own", SUITE)
    for name in PACKAGES:
        (made.root / name).mkdir()
        names = name == "weights"
        (made.root / name / "pipe.py").write_text(PIPE.format(package=name, names=names))
        (made.root / name / "plugins.py").write_text(PLUGINS)
        (made.root / name / "unrelated.py").write_text("")
        np.save(made.root / name / "scale.npy", np.float32(1.0))
    (made.root / ".gitignore").write_text("__pycache__\n*.xml\n")
    git(made, "init", "-q")
    git(made, "add", ".")
    git(made, "commit", "-qm", "first")
    made.record()
    made.stored = {
        name: json.loads((made.root / f"baselines/own/{name}/cpu.json").read_text()) for name in PACKAGES
    }
    made.edit("edited/pipe.py", "SCALE = 1.0", "SCALE = 1.5")
    made.edit("helper/plugins.py", "0.0", "0.5")
    (made.root / "helper/more.py").write_text("")
    made.edit("helper/plugins.py", "import numpy as np", "import numpy as np\nimport helper.more")
    np.save(made.root / "weights/scale.npy", np.float32(1.5))
    (made.root / "kept/unrelated.py").write_text("SCALE = 2\n")
    return made


@pytest.fixture(scope="module")
def compared(project):
    project.environment["TEST_WEIGHT"] = "0.2"
    return project.compare()


def first_cause(compared, name):
    lines = [line.strip() for line in compared.explanation(f"own/{name}").splitlines()]
    return lines[lines.index("what differs, first cause first:") + 1 :]


def test_a_baseline_knows_its_code_whatever_ran_before(project):
    # The two runs of a recording are in opposite orders, and the second one's measurement is stored.
    for name, stored in project.stored.items():
        assert set(stored["code"]["files"]) == {f"{name}/pipe.py", f"{name}/plugins.py"}
        assert stored["code"]["commit"] == git(project, "rev-parse", "HEAD")
        assert set(stored["code"]["weights"]) == {"scale.npy" if name == "weights" else "net"}


def test_the_first_cause_is_the_file_that_changed(compared):
    assert compared.verdicts == dict.fromkeys([f"own/{name}" for name in PACKAGES], "drift") | {
        "own/weights": "drift"
    }
    assert set(compared.tiers.values()) == {"same_environment"}
    found = first_cause(compared, "edited")
    assert found[0] == "1. code: edited/pipe.py changed"
    assert found[1].startswith("commit ")
    assert found[1].endswith("-dirty")
    assert found[2] == "2. inputs: the weights changed: net"
    assert first_cause(compared, "helper")[0] == "1. code: helper/plugins.py changed; helper/more.py is new"
    assert first_cause(compared, "weights")[0] == "1. inputs: the weights changed: scale.npy"


def test_parameters_changed_without_any_file_and_an_unrelated_file_is_not_named(compared):
    for name in ("cells", "kept"):
        assert first_cause(compared, name)[0] == "1. inputs: the weights changed: net"
        assert "unrelated" not in compared.explanation(f"own/{name}")


# By day: operations/test_explain_command.py, for a pipeline whose code was edited.
@pytest.mark.slow
def test_explain_concludes_the_same(project, compared):
    done = project.harness("explain", "suites/own.yaml::edited", "--json", "found.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0].endswith(": the code of the pipeline was edited")
    found = json.loads((project.root / "found.json").read_text())
    assert (found["conclusion"], found["causes"][0]["title"]) == ("code", "edited/pipe.py changed")
    (project.root / "found.json").unlink()
