"""Image i of a batch is the single image of seed i, and a batch that breaks this is caught."""

import re

import numpy as np
import pytest
from user_project import Project

from harness.baselines.store import BaselineStore

LIMIT = 1.0e-6
SEEDS = [5, 3, 8]
SUITE = f"""\
suite: batch
defaults: {{pipeline: ddpm, checkpoint: builtin:ddpm-digits, steps: 6}}
cases:
  - {{id: batch, seeds: {SEEDS}, batch_consistency: {{relative_l2: {LIMIT}}}}}
  - {{id: single, parametrize: {{seed: {SEEDS}}}}}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("batch") / "project")
    made.suite("batch", SUITE)
    made.keep_baselines()
    return made


@pytest.fixture
def one_generator_for_all(kept, tmp_path):
    """Baselines of the sound core, and a core that draws all noise of a batch from its first generator."""
    project = kept.copy(tmp_path / "project")
    project.edit_core("pipelines/randn.py", "in generators]", "in generators[:1] * len(generators)]")
    return project


def relative_l2(image, reference):
    return np.linalg.norm(image - reference) / np.linalg.norm(reference)


def test_image_i_of_a_batch_is_the_single_image_of_seed_i(kept):
    store = BaselineStore(kept.root / "baselines")
    names = ["batch", *(f"single-seed{seed}" for seed in SEEDS)]
    batch, *singles = (store.load("batch", name, "cpu").measurement.output for name in names)
    assert batch.shape == (3, 16, 16, 1)
    for i, image in enumerate(batch):
        distances = [relative_l2(image, single[0]) for single in singles]
        assert distances[i] <= LIMIT
        # Otherwise the line above would say nothing.
        assert all(distance > 0.1 for j, distance in enumerate(distances) if j != i)


def test_a_batch_that_ignores_its_generators_drifts(one_generator_for_all):
    found = one_generator_for_all.compare()
    singles = {f"batch/single-seed{seed}": "identical" for seed in SEEDS}
    assert found.verdicts == {"batch/batch": "drift", **singles}, found.text
    explanation = found.explanation("batch/batch")
    assert "the images of the batch differ from the images made singly from their seeds" in explanation
    draws = r"noise differs from draw 1 on: .* of generator 0 at .*; in the baseline: .* of generator 1 at"
    assert re.search(draws, explanation)


# By day: operations/test_recording.py.
@pytest.mark.slow
def test_a_batch_that_ignores_its_generators_is_not_recorded(one_generator_for_all):
    done = one_generator_for_all.harness(
        "record", "suites/batch.yaml::batch", "--baseline-dir", "others", "--reason", "a new core"
    )
    assert done.returncode == 1
    assert "the images of the batch differ from the images made singly from their seeds" in done.stdout
    assert not (one_generator_for_all.root / "others").exists()
