"""What the pages show is run: the code, the suites, the commands and what these print."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.cases.load import load_suite
from harness.cli import COMMANDS

ROOT = Path(__file__).parents[2]
BY_HAND = ["docs/tutorial.md", "docs/install.md", "docs/questions.md", "docs/pipelines.md", "README.md"]


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page(name), flags=re.MULTILINE | re.DOTALL)


def block(name, language, word):
    (found,) = [each for each in blocks(name, language) if word in each]
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name in BY_HAND for text in blocks(name, "yaml")],
    ids=lambda each: each.splitlines()[0].replace("suite: ", ""),
)
def test_every_suite_is_valid(name, text, tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    assert load_suite(path).cases


def test_the_built_in_pipeline_outside_the_harness(mindspore):
    names = {}
    exec(compile(block("docs/pipelines.md", "python", "from_pretrained"), "docs/pipelines.md", "exec"), names)
    assert names["images"].std() > 0


def test_the_pipeline_of_the_page_is_recorded_and_passes(project):
    (project.root / "mine.py").write_text(block("docs/pipelines.md", "python", "def factory"))
    project.suite(
        "small", "suite: small\ncases:\n  - {id: a, pipeline: 'mine:factory', seeds: [0, 1], steps: 2}\n"
    )
    project.keep_baselines()
    assert project.pytest().returncode == 0


class Follower:
    """Somebody in an empty folder who does what a page says."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "suites").mkdir()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        # A file of the same size that is written within a second has the same byte code.
        shutil.rmtree(self.folder / "__pycache__", ignore_errors=True)

    def type(self, line, code=0):
        """Type a command of a page; return what it printed."""
        program, *arguments = shlex.split(line, comments=True)
        done = subprocess.run(
            [sys.executable, "-m", Path(program).name, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def follower(tmp_path):
    return Follower(tmp_path)


@pytest.mark.slow
def test_the_tutorial(follower):
    tutorial = "docs/tutorial.md"
    right, broken = blocks(tutorial, "python")
    commands = [line for each in blocks(tutorial, "sh") for line in each.splitlines()]
    record, run, report, deep, explain, accept = commands
    follower.write("my_pipelines.py", right)
    follower.write("suites/first.yaml", blocks(tutorial, "yaml")[0])
    recorded = follower.type(record)
    follower.type(run)
    follower.write("my_pipelines.py", broken)
    drifted = follower.type(report, code=1)
    assert (follower.folder / "report" / "index.html").exists()
    follower.write("my_pipelines.py", right)
    follower.type(deep)
    follower.write("my_pipelines.py", broken)
    explained = follower.type(explain)
    for shown, printed in zip(blocks(tutorial, "text"), (recorded, drifted, explained), strict=True):
        assert without_figures(shown) <= without_figures(printed)
    follower.type(accept)
    follower.type(run)


def without_figures(text):
    """Return the words of each line: numbers are another machine's, and paths another folder's."""
    words = re.sub(r"\S*/cpu\.json", "", text)
    return {" ".join(re.findall(r"[a-z]{2,}", line)) for line in words.splitlines()} - {""}


@pytest.mark.slow
def test_a_first_suite_in_a_project_of_ones_own(follower):
    install = "docs/install.md"
    follower.write("pyproject.toml", blocks(install, "toml")[0])
    follower.write("suites/smoke.yaml", block(install, "yaml", "smoke"))
    record, run = block(install, "sh", "harness record").splitlines()
    follower.type(record)
    follower.type(run)
    # pyproject.toml names the suites.
    (follower.folder / "tests").mkdir()
    assert "1 passed" in follower.type("pytest")


@pytest.mark.slow
def test_jit_levels(follower):
    follower.write("suites/levels.yaml", block("docs/questions.md", "yaml", "level-1"))
    follower.type("harness record suites/")
    assert "2 passed" in follower.type("pytest suites/")
    zero, one = (
        json.loads((follower.folder / f"baselines/levels-of-mine/level-{level}/cpu.json").read_text())
        for level in (0, 1)
    )
    assert zero["arrays"] == one["arrays"]
    assert zero["fingerprint"] != one["fingerprint"]


def test_arrays_of_two_frameworks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = compile(block("docs/questions.md", "python", "harness.compare"), "docs/questions.md", "exec")
    image = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    np.save("torch.npy", image)
    np.save("mindspore.npy", np.nextafter(image, np.float32(1)))
    exec(code, {})
    np.save("mindspore.npy", 1.001 * image)
    with pytest.raises(AssertionError, match="relative_l2"):
        exec(code, {})


@pytest.mark.mindone
@pytest.mark.slow
def test_a_lora_that_is_exchanged_is_named(follower):
    questions = "docs/questions.md"
    shutil.copytree(ROOT / "suites/mindone/checkpoints/stable-diffusion", follower.folder / "checkpoint")
    follower.write("my_pipelines.py", block(questions, "python", "lora"))
    follower.write("suites/lora.yaml", block(questions, "yaml", "suite: lora"))
    lora(follower.folder / "checkpoint", seed=1)
    follower.type("harness record suites/")
    lora(follower.folder / "checkpoint", seed=2)
    (shown,) = [each for each in blocks(questions, "text") if "lora.safetensors" in each]
    assert shown.partition("sha256")[0].strip() in follower.type("pytest suites/", code=1)


def lora(folder, seed):
    """Write a LoRA of rank 2 for one attention of the shipped Stable Diffusion."""
    draw = np.random.default_rng(seed).standard_normal
    layer = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1"
    tensors = {
        f"{layer}.{name}.lora_{side}.weight": (0.1 * draw(shape)).astype(np.float32)
        for name in ("to_q", "to_v")
        for side, shape in (("A", (2, 16)), ("B", (16, 2)))
    }
    save_file(tensors, folder / "lora.safetensors")


def test_every_command_is_in_the_table_above_the_reference():
    assert [name for name in COMMANDS if f"| `harness {name}` |" not in page("docs/commands.md")] == []


def test_the_reference_is_that_of_the_code():
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.reference_pages", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
