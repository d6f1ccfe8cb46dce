"""Faults planted in mindone's installed code: flagged by the shipped suites, and explained."""

import os
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

pytestmark = pytest.mark.mindone

ROOT = Path(__file__).parents[2]
SCHEDULER = "diffusers/schedulers/scheduling_ddim.py"
RANDN = "diffusers/utils/mindspore_utils.py"


@pytest.fixture
def mindone(tmp_path):
    """A copy of mindone that workers find before the installed one; returns a function that edits a file."""
    (installed,) = util.find_spec("mindone").submodule_search_locations
    copy = tmp_path / "site" / "mindone"
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("__pycache__"))

    def plant(name, sound, faulty):
        source = (copy / name).read_text()
        assert source.count(sound) == 1, f"{name} has changed: plant the fault elsewhere"
        (copy / name).write_text(source.replace(sound, faulty))

    return plant


def run(tmp_path, *paths):
    command = [
        sys.executable,
        "-m",
        "pytest",
        *paths,
        "--baseline-dir",
        "baselines",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_a_copy_with_the_same_code_is_the_same_environment(tmp_path, mindone):
    code, text = run(tmp_path, "suites/mindone/ddim.yaml::ten-steps")
    assert (code, "1 identical" in text) == (0, True), text


@pytest.mark.slow
def test_a_scheduler_constant(tmp_path, mindone):
    sound = "pred_sample_direction = ((1 - alpha_prod_t_prev - std_dev_t**2)"
    mindone(SCHEDULER, sound, sound.replace("1 - alpha_prod", "0.9999 - alpha_prod"))
    code, text = run(tmp_path, "suites/mindone/ddim.yaml::ten-steps")
    assert code == 1, text
    assert re.search(r"1\. code: the code of mindone was edited \(0.5.0 \(\w+\) -> 0.5.0 \(\w+\)\)\n", text)
    assert "2. numerics: the latents leave the envelope at step 0 (of 0 to 9" in text
    assert "harness explain suites/mindone/ddim.yaml::ten-steps" in text


@pytest.mark.slow
def test_a_seed_that_is_ignored(tmp_path, mindone):
    """Each image of a batch is to have its own generator: here all draw from the first one's."""
    mindone(RANDN, "generator=generator[i]", "generator=generator[0]")
    code, text = run(tmp_path, "suites/mindone/batch.yaml::ddim")
    assert code == 1, text
    assert (
        "2. randomness: the noise differs from draw 1 on: standard_normal 1x3x16x16 <f8 of generator 0"
        in text
    )


@pytest.mark.slow
def test_noise_that_no_seed_decides(tmp_path, mindone):
    sound = "latents = randn(shape, generator=generator, dtype=dtype)"
    mindone(RANDN, sound, sound.replace("generator=generator", "generator=np.random.default_rng()"))
    code, text = run(tmp_path, "suites/mindone/ddim.yaml::ten-steps")
    assert code == 1, text
    assert "mindspore_utils.py:139: an unseeded numpy generator is not decided by the case's seed" in text
