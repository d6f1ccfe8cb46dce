"""The guard catches every draw that the case's seed does not decide, and nothing else."""

import contextlib
import importlib
import random
import sys
import tempfile
from pathlib import Path
from random import Random as ImportedRandom
from random import gauss as imported_gauss

import numpy as np
import pytest
from numpy.random import default_rng as imported_default_rng
from numpy.random import normal as imported_normal

from harness.errors import HarnessError
from harness.measurement.guard import Guard, UnseededRandomness

HERE = Path(__file__).name


@pytest.mark.parametrize(
    "draw",
    [
        np.random.default_rng,
        imported_default_rng,
        np.random.PCG64,
        lambda: np.random.RandomState(),
        lambda: np.random.normal(),
        lambda: np.random.rand(2),
        lambda: np.random.seed(3),
        lambda: random.random(),
        lambda: random.shuffle([1, 2]),
        lambda: random.seed(3),
        lambda: random.Random(),
        ImportedRandom,
        lambda: ImportedRandom(3).seed(),
    ],
)
def test_unseeded_and_global_draws_are_caught_with_file_and_line(draw):
    with pytest.raises(UnseededRandomness) as caught, Guard().watching():
        draw()
    if getattr(draw, "__name__", "") == "<lambda>":
        assert f"{HERE}:{draw.__code__.co_firstlineno}" in str(caught.value)
    else:
        assert HERE in str(caught.value)


@pytest.mark.parametrize(
    ("draw", "whose"), [(imported_normal, "numpy"), (lambda: imported_gauss(0, 1), "Python")]
)
def test_a_global_function_imported_by_name_is_caught_by_its_state(draw, whose):
    with pytest.raises(UnseededRandomness, match=f"{whose}'s global generator"), Guard().watching():
        draw()


def test_every_global_function_of_pythons_random_is_watched():
    names = {name for name in random.__all__ if name[0].islower() and name != "getstate"}
    with Guard().watching():
        sound = {name for name in names if not hasattr(getattr(random, name), "__wrapped__")}
    assert sound == set()


def test_temporary_files_get_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "_name_sequence", None)
    # As in a process that has named none yet.
    monkeypatch.setattr(tempfile._RandomNameSequence, "_rng_pid", -1, raising=False)
    with Guard().watching():
        tempfile.mkdtemp(dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_module_draws_while_it_is_imported_is_not_of_the_run(tmp_path, monkeypatch):
    text = (
        "import random\nRNG = random.Random()\nTOKEN = random.random()\ndef draw(): return random.random()\n"
    )
    (tmp_path / "draws_at_import.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with Guard().watching():
        module = importlib.import_module("draws_at_import")
    del sys.modules["draws_at_import"]
    with (
        pytest.raises(UnseededRandomness, match=r"draws_at_import\.py:4: random\.random"),
        Guard().watching(),
    ):
        module.draw()


def test_the_second_of_a_pair_of_gaussians_is_caught_by_what_is_left_over():
    state = np.random.get_state()
    try:
        imported_legacy_gauss = np.random.mtrand._rand.standard_normal
        np.random.seed(3)
        imported_legacy_gauss()  # makes two, and keeps one
        with pytest.raises(UnseededRandomness, match="numpy's global generator"), Guard().watching():
            imported_legacy_gauss()
    finally:
        np.random.set_state(state)


def test_a_swallowed_error_is_raised_at_the_end():
    with (
        pytest.raises(UnseededRandomness, match=HERE),
        Guard().watching(),
        contextlib.suppress(HarnessError),
    ):
        np.random.default_rng()


def test_seeded_generators_pass():
    with Guard().watching():
        np.random.default_rng(3).normal()
        np.random.Generator(np.random.PCG64(3)).normal()
        np.random.RandomState(3).normal()
        np.random.get_state()
        random.Random(3).random()
        random.Random("a name").choice([1, 2])
        random.getstate()


def test_everything_is_restored():
    owners = (np.random, random, random.Random)
    before = [{name: getattr(owner, name) for name in dir(owner)} for owner in owners]
    with Guard().watching():
        pass
    assert [{name: getattr(owner, name) for name in dir(owner)} for owner in owners] == before
    assert np.random.default_rng().normal() != np.random.default_rng().normal()


def mindspore_draws(ms):
    from mindspore import ops

    ones = ops.ones((2, 2), ms.float32)
    return {
        "ops.standard_normal": lambda: ops.standard_normal((2,)),
        "ops.randn": lambda: ops.randn(2),
        "ops.rand": lambda: ops.rand(2),
        "StandardNormal": lambda: ops.StandardNormal()((2,)),
        "mint.rand": lambda: ms.mint.rand(2),
        "mint.randn": lambda: ms.mint.randn(2),
        "ops.dropout": lambda: ops.dropout(ones, 0.5),
        "ops.uniform": lambda: ops.uniform((2,), ms.Tensor(0.0), ms.Tensor(1.0)),
        "nn.Dropout": lambda: ms.nn.Dropout(p=0.5).set_train()(ones),
    }


@pytest.mark.parametrize(
    "name",
    [
        "ops.standard_normal",
        "ops.randn",
        "ops.rand",
        "StandardNormal",
        "mint.rand",
        "mint.randn",
        "ops.dropout",
        "ops.uniform",
        "nn.Dropout",
    ],
)
def test_mindspore_without_a_seed_is_caught(mindspore, name):
    draw = mindspore_draws(mindspore)[name]
    with pytest.raises(UnseededRandomness) as caught, Guard().watching():
        draw()
    assert HERE in str(caught.value)


@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
def test_dropout_counts_in_training_alone(mindspore, name):
    """It steps the global generator either way. (Its kernel is missing on CPU: that is raised afterwards.)"""
    dropout = getattr(mindspore.mint.nn.functional, name, None)
    assert dropout is not None
    ones = mindspore.ops.ones((2, 2, 2, 2), mindspore.float32)
    with Guard().watching(), contextlib.suppress(RuntimeError):
        dropout(ones, 0.5, training=False)
    with pytest.raises(UnseededRandomness, match=HERE), Guard().watching():
        dropout(ones, 0.5, training=True)
    with Guard().watching():
        pass  # nothing is left that has moved


def test_mindspore_with_a_seed_passes(mindspore):
    from mindspore import ops

    with Guard().watching():
        first = ops.StandardNormal(seed=3)((2,))
    assert first.shape == (2,)
    assert "mindspore" in sys.modules
