"""Damaged files of checkpoints: each fails its own case, which names the file."""

import shutil

import pytest
from acceptance_digits import DIGITS
from safetensors.numpy import load_file, save_file
from user_project import Project

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
SCHEDULER = "scheduler/scheduler_config.json"
CONFIG = "unet/config.json"


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(offset):
    def damage(path):
        data = bytearray(path.read_bytes())
        data[offset] ^= 0x80
        path.write_bytes(data)

    return damage


def without_a_key(path):
    weights = load_file(path)
    del weights["conv_in.bias"]
    save_file(weights, path)


def of_another_shape(path):
    weights = load_file(path)
    weights["conv_in.bias"] = weights["conv_in.bias"][:-1]
    save_file(weights, path)


def cut_in_half(path):
    path.write_text(path.read_text()[: path.stat().st_size // 2])


def remove(path):
    path.unlink()


# By the name of the checkpoint's folder: file, damage, and what the case says beside the file's name.
DAMAGES = {
    "truncated": (WEIGHTS, truncate, "not a whole safetensors file"),
    "flipped-in-header": (WEIGHTS, flip(20), "not a whole safetensors file"),
    "missing-key": (WEIGHTS, without_a_key, "missing: conv_in.bias"),
    "wrong-shape": (WEIGHTS, of_another_shape, "conv_in.bias: shape [23], the configuration needs [24]"),
    "missing-weights": (WEIGHTS, remove, "no such file"),
    "cut-config": (CONFIG, cut_in_half, "cannot be read as JSON"),
    "cut-scheduler": (SCHEDULER, cut_in_half, "cannot be read as JSON"),
    "flipped-in-json": (SCHEDULER, flip(30), "cannot be read as JSON"),
    "cut-index": ("model_index.json", cut_in_half, "cannot be read as JSON"),
    "missing-scheduler": (SCHEDULER, remove, "no such file"),
    "missing-index": ("model_index.json", remove, "no such file"),
}
WHOLE, FLIPPED = "whole", "flipped-in-values"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one comparing run says about a case of every damage, and a whole one before and after them."""
    project = Project(tmp_path_factory.mktemp("damaged") / "project")
    folders = [WHOLE, *DAMAGES, FLIPPED]
    cases = [f"  - {{id: {name}, checkpoint: ../checkpoints/{name}}}" for name in folders]
    cases.append(f"  - {{id: last, checkpoint: ../checkpoints/{WHOLE}}}")
    header = "suite: damaged\ndefaults: {pipeline: ddim, seed: 0, steps: 1}\ncases:\n"
    project.suite("damaged", header + "\n".join(cases) + "\n")
    for name in folders:
        shutil.copytree(DIGITS, project.root / "checkpoints" / name)
    project.keep_baselines()
    for name, (file, damage, _) in DAMAGES.items():
        damage(project.root / "checkpoints" / name / file)
    flip(-1)(project.root / "checkpoints" / FLIPPED / WEIGHTS)
    return project.compare()


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.slow
def test_a_damaged_file_is_named(found, name):
    file, _, told = DAMAGES[name]
    assert found.verdicts[f"damaged/{name}"] == "error"
    explanation = found.explanation(f"damaged/{name}")
    assert f"checkpoints/{name}/{file}: " in explanation
    assert told in explanation


@pytest.mark.slow
def test_a_flipped_value_of_a_weight_is_another_checkpoint(found):
    assert found.verdicts[f"damaged/{FLIPPED}"] == "drift"
    explanation = found.explanation(f"damaged/{FLIPPED}")
    assert f"the checkpoint ../checkpoints/{FLIPPED} is not the one recorded: {WEIGHTS} has" in explanation


@pytest.mark.slow
def test_the_others_pass(found):
    assert found.returncode == 1
    passed = [name for name, verdict in found.verdicts.items() if verdict == "identical"]
    assert passed == [f"damaged/{WHOLE}", "damaged/last"]
