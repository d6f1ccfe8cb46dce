"""One edit fails exactly the cases that it reaches, and what they print says what was edited."""

import json

import numpy as np
from safetensors.numpy import load_file, save_file

SOUND = {"builtin/ddim": "identical", "builtin/ddpm": "identical", "local/ddim": "identical"}
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def test_one_weight(digits):
    path = digits.root / "checkpoint" / WEIGHTS
    weights = load_file(path)
    weights["conv_out.weight"].flat[0] *= np.float32(1.01)
    save_file(weights, path)
    found = digits.compare()
    assert found.returncode == 1
    assert found.verdicts == SOUND | {"local/ddim": "drift"}, found.text
    explanation = found.explanation("local/ddim")
    assert f"is not the one recorded: {WEIGHTS} has" in explanation
    assert "the latents differ from step 0 on (of 0 to 3, timestep 750)" in explanation


def test_one_constant_of_a_checkpoint_s_scheduler(digits):
    path = digits.root / "checkpoint" / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"beta_end": config["beta_end"] * 1.001}))
    found = digits.compare()
    assert found.returncode == 1
    assert found.verdicts == SOUND | {"local/ddim": "drift"}, found.text
    explanation = found.explanation("local/ddim")
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


def test_the_seed_of_one_case(digits):
    digits.edit("suites/local.yaml", "seed: 1", "seed: 2")
    found = digits.compare()
    assert found.returncode == 1
    assert found.verdicts == SOUND | {"local/ddim": "error"}, found.text
    explanation = found.explanation("local/ddim")
    assert "seeds: [1] -> [2]" in explanation
    command = "harness record suites/local.yaml::ddim --baseline-dir baselines --calibrate --reason"
    assert command in explanation


def test_one_number_of_a_baseline(digits):
    """In two baselines, in two places: a statistic of the output, and one of the latents of a step."""
    for case, find in (
        ("builtin/ddpm", lambda document: document["statistics"]["mean"]),
        ("local/ddim", lambda document: document["trace"][2]["statistics"]["abs_sum"]),
    ):
        name = f"baselines/{case}/cpu.json"
        number = repr(find(json.loads((digits.root / name).read_text())))
        digits.edit(name, number, number[:-1] + ("1" if number[-1] != "1" else "2"))
    found = digits.compare()
    assert found.returncode == 1
    assert found.verdicts == SOUND | {"builtin/ddpm": "error", "local/ddim": "error"}, found.text
    for case in ("builtin/ddpm", "local/ddim"):
        explanation = found.explanation(case)
        assert f"baselines/{case}/cpu.json: its content does not match its seal" in explanation
        assert "Restore the file from version control" in explanation
