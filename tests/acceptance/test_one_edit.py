"""One edit fails exactly the cases that it reaches, and what they print says what was edited."""

import json
import shutil

import numpy as np
import pytest
from acceptance_digits import DIGITS
from safetensors.numpy import load_file, save_file
from user_project import Project

SOUND = {"builtin/ddim": "identical", "builtin/ddpm": "identical", "local/ddim": "identical"}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
EDITED = """\
suite: edited
defaults: {pipeline: ddim, checkpoint: "builtin:ddpm-digits", steps: 4, seed: 0}
cases:
  - {id: sound}
  - {id: weight, checkpoint: ../weight, seed: 1}
  - {id: constant, checkpoint: ../constant, seed: 2}
  - {id: seed, seed: 3}
  - {id: statistic, pipeline: ddpm}
  - {id: step, seed: 4}
"""


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """A comparing run after one edit of each kind, each of another case."""
    project = Project(tmp_path_factory.mktemp("edited") / "project")
    project.suite("edited", EDITED)
    for name in ("weight", "constant"):
        shutil.copytree(DIGITS, project.root / name)
    project.keep_baselines()

    path = project.root / "weight" / WEIGHTS
    weights = load_file(path)
    weights["conv_out.weight"].flat[0] *= np.float32(1.01)
    save_file(weights, path)
    path = project.root / "constant" / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"beta_end": config["beta_end"] * 1.001}))
    project.edit("suites/edited.yaml", "seed: 3", "seed: 5")
    # In two baselines, in two places: a statistic of the output, and one of the latents of a step.
    for case, find in (
        ("statistic", lambda document: document["statistics"]["mean"]),
        ("step", lambda document: document["trace"][2]["statistics"]["abs_sum"]),
    ):
        name = f"baselines/edited/{case}/cpu.json"
        number = repr(find(json.loads((project.root / name).read_text())))
        project.edit(name, number, number[:-1] + ("1" if number[-1] != "1" else "2"))
    return project.compare()


def test_exactly_the_edited_cases_fail(edited):
    assert edited.returncode == 1
    assert edited.verdicts == {
        "edited/sound": "identical",
        **dict.fromkeys(("edited/weight", "edited/constant"), "drift"),
        **dict.fromkeys(("edited/seed", "edited/statistic", "edited/step"), "error"),
    }, edited.text


def test_one_weight(edited):
    explanation = edited.explanation("edited/weight")
    assert f"is not the one recorded: {WEIGHTS} has" in explanation
    assert "the latents differ from step 0 on (of 0 to 3, timestep 750)" in explanation


def test_one_constant_of_a_checkpoint_s_scheduler(edited):
    explanation = edited.explanation("edited/constant")
    assert "is not the one recorded: scheduler/scheduler_config.json has" in explanation
    assert "the latents differ from step 0 on (of 0 to 3, timestep 750)" in explanation
    assert "relative_l2" in explanation


def test_one_constant_of_the_core_s_scheduler(digits):
    """The last alpha_bar: what it is multiplied with is not reached before the last step."""
    digits.edit_core("pipelines/schedulers/sampling.py", "np.float32(1) if", "np.float32(0.9999) if")
    found = digits.compare()
    assert found.returncode == 1
    assert found.verdicts == SOUND | {"builtin/ddim": "drift", "local/ddim": "drift"}, found.text
    for name in ("builtin/ddim", "local/ddim"):
        explanation = found.explanation(name)
        assert "same environment" in explanation
        assert "the output is not bitwise equal to the baseline's" in explanation
        assert "the latents differ from step 3 on (of 0 to 3, timestep 0)" in explanation
        assert "checkpoint" not in explanation


def test_the_seed_of_one_case(edited):
    explanation = edited.explanation("edited/seed")
    assert "seeds: [3] -> [5]" in explanation
    command = "harness record suites/edited.yaml::seed --baseline-dir baselines --calibrate --reason"
    assert command in explanation


def test_one_number_of_a_baseline(edited):
    for case in ("edited/statistic", "edited/step"):
        explanation = edited.explanation(case)
        assert f"baselines/{case}/cpu.json: its content does not match its seal" in explanation
        assert "Restore the file from version control" in explanation
