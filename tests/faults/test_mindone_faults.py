"""Faults in mindone's pipelines: each acts where the case has what it changes, and is gone afterwards."""

from pathlib import Path

import numpy as np
import pytest
from samples import make_case

from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS, FaultNotApplicable

pytestmark = pytest.mark.mindone

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
PIPELINES = {
    "DDIMPipeline": {"checkpoint": "ddim", "arguments": {}},
    "StableDiffusionPipeline": {"checkpoint": "stable-diffusion", "arguments": {"prompt": "a red fox"}},
}
# What these have not got: the fault's name, and why it cannot be put into them.
MISSING = {
    ("DDIMPipeline", None): {
        "alpha-of-one-step": "DDIMScheduler shows no place for it",
        "variance-type": "DDIMScheduler has no variance_type",
    },
    ("StableDiffusionPipeline", "EulerDiscreteScheduler"): {
        "alpha-of-one-step": "EulerDiscreteScheduler shows no place for it",
        "variance-type": "EulerDiscreteScheduler has no variance_type",
        "final-alpha": "EulerDiscreteScheduler has no set_alpha_to_one",
        "clip-sample": "EulerDiscreteScheduler has no clip_sample",
        "eta": "EulerDiscreteScheduler takes no eta",
        "timestep-off-by-one": "the run visits the first and the last training timestep",
    },
}
NOT_IN_ITS_MODELS = {"attention-scale": "takes the scale from the width of its heads"}
SCHEDULER_FAULTS = [known.name for known in FAULTS if known.family == "scheduler"]


@pytest.fixture(scope="module")
def runner():
    with Runner(timeout=300) as runner:
        yield runner


def job(pipeline, scheduler=None, **changes):
    fields = {**PIPELINES[pipeline], "scheduler": scheduler, "seeds": (0,), "steps": 3}
    fields["checkpoint"] = str(CHECKPOINTS / fields["checkpoint"])
    return {**make_case(pipeline=f"mindone:{pipeline}", **fields).job(), **changes}


@pytest.fixture(scope="module")
def sound(runner):
    return {(pipeline, scheduler): runner.run(job(pipeline, scheduler)) for pipeline, scheduler in MISSING}


@pytest.mark.parametrize("name", SCHEDULER_FAULTS)
@pytest.mark.parametrize(("pipeline", "scheduler"), MISSING)
def test_a_fault_of_the_scheduler(runner, sound, pipeline, scheduler, name):
    reference = sound[pipeline, scheduler]
    fault = {"name": name, "size": None}
    if why := MISSING[pipeline, scheduler].get(name):
        with pytest.raises(FaultNotApplicable, match=why):
            runner.run(job(pipeline, scheduler, fault=fault))
    else:
        faulty = runner.run(job(pipeline, scheduler, fault=fault))
        assert not np.array_equal(faulty.output, reference.output), "the fault changes nothing"
    assert np.array_equal(runner.run(job(pipeline, scheduler)).output, reference.output)


@pytest.mark.parametrize("name", ["weight-scaled", "norm-eps", "layer-half", "noise-scaled", "brightness"])
@pytest.mark.parametrize(("pipeline", "scheduler"), MISSING)
def test_faults_of_other_families(runner, sound, pipeline, scheduler, name):
    faulty = runner.run(job(pipeline, scheduler, fault={"name": name, "size": None}))
    assert not np.array_equal(faulty.output, sound[pipeline, scheduler].output)


@pytest.mark.parametrize(("pipeline", "scheduler"), MISSING)
@pytest.mark.parametrize(("name", "why"), NOT_IN_ITS_MODELS.items())
def test_a_fault_that_its_models_have_no_place_for(runner, pipeline, scheduler, name, why):
    with pytest.raises(FaultNotApplicable, match=why):
        runner.run(job(pipeline, scheduler, fault={"name": name, "size": None}))
