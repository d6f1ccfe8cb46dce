"""What a suite may name and what a worker can load are one: the two sides import nothing of each other."""

from pathlib import Path

import pytest

from harness.cases import names
from harness.cases.names import check_checkpoint
from harness.pipelines import checkpoints, registry
from harness.pipelines.calling import RESERVED_ARGUMENTS
from harness.pipelines.checkpoints import SEEDED_CHECKPOINTS
from harness.pipelines.errors import CheckpointError


def test_pipelines():
    assert set(names.PIPELINES) == set(registry._BUILTIN)


def test_checkpoints():
    assert set(names.BUILTIN_CHECKPOINTS) == set(checkpoints.BUILTIN_CHECKPOINTS)
    assert set(names.SEEDED_CHECKPOINTS) == set(SEEDED_CHECKPOINTS)


def test_reserved_arguments():
    assert set(names.OWN_ARGUMENTS) == set(RESERVED_ARGUMENTS)


@pytest.mark.parametrize(
    "spec",
    [
        *(f"builtin:{name}" for name in checkpoints.BUILTIN_CHECKPOINTS),
        *(f"seeded:{name}" for name in SEEDED_CHECKPOINTS),
        "hub:google/ddpm-cifar10-32@267b167dc01f0e4e61923ea244e8b988f84deb80",
        "hub:owner.of-it/name_1@refs/pr/1",
        ".",
        "./with:colon",
    ],
)
def test_a_checkpoint_is_accepted_by_both(spec, tmp_path):
    (tmp_path / "with:colon").mkdir()
    check_checkpoint(spec)
    checkpoints._locate(spec, tmp_path)


@pytest.mark.parametrize("spec", ["builtin:other", "seeded:other", "hub:no-owner@v1", "hub:a/b", "hf:a/b@v1"])
def test_a_checkpoint_is_refused_by_both(spec):
    with pytest.raises(ValueError):
        check_checkpoint(spec)
    with pytest.raises(CheckpointError):
        checkpoints._locate(spec, Path())
