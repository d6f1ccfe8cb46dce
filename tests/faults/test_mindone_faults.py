"""Faults in mindone's pipelines: each acts where the case has what it changes, and is gone afterwards."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from samples import make_case

from harness.cases.job import FaultRequest
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS, FaultNotApplicable

pytestmark = pytest.mark.mindone

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
PIPELINES = {
    "DDIMPipeline": {"checkpoint": "ddim", "arguments": {}},
    "StableDiffusionPipeline": {"checkpoint": "stable-diffusion", "arguments": {"prompt": "a red fox"}},
    "UnCLIPPipeline": {
        "checkpoint": "unclip",
        "steps": None,
        "arguments": {
            "prompt": "a red fox",
            "prior_num_inference_steps": 3,
            "decoder_num_inference_steps": 3,
            "super_res_num_inference_steps": 3,
        },
    },
}
# What these have not got: the fault's name, and why it cannot be put into them.
MISSING = {
    ("DDIMPipeline", None): {
        "variance-type": "DDIMScheduler has no variance_type",
    },
    ("StableDiffusionPipeline", "EulerDiscreteScheduler"): {
        "alpha-of-one-step": "EulerDiscreteScheduler steps by no alphas_cumprod",
        "variance-type": "EulerDiscreteScheduler has no variance_type",
        "final-alpha": "EulerDiscreteScheduler has no set_alpha_to_one",
        "clip-sample": "EulerDiscreteScheduler has no clip_sample",
        "eta": "EulerDiscreteScheduler takes no eta",
        "timestep-off-by-one": "the run visits the first and the last training timestep",
    },
    ("UnCLIPPipeline", None): {
        "beta-end": "noise schedule has no beta_end",
        "beta-schedule": "UnCLIPScheduler knows one noise schedule",
        "final-alpha": "UnCLIPScheduler has no set_alpha_to_one",
        "timestep-off-by-one": "the run visits the first and the last training timestep",
        "eta": "UnCLIPScheduler takes no eta",
    },
}
SCHEDULER_FAULTS = [known.name for known in FAULTS if known.family == "scheduler"]
# Its three stages take long: by day what acts in it as nowhere else, and what it has not got.
OF_UNCLIP = {"variance-type", "timestep-spacing", *MISSING["UnCLIPPipeline", None]}
SCHEDULER_CASES = [
    pytest.param(
        *pipeline,
        name,
        marks=pytest.mark.slow if pipeline[0] == "UnCLIPPipeline" and name not in OF_UNCLIP else (),
    )
    for pipeline in MISSING
    for name in SCHEDULER_FAULTS
]


@pytest.fixture(scope="module")
def runner():
    with Runner(timeout=300) as runner:
        yield runner


def job(pipeline, scheduler=None, **changes):
    fields = {"seeds": (0,), "steps": 3, **PIPELINES[pipeline], "scheduler": scheduler}
    fields["checkpoint"] = str(CHECKPOINTS / fields["checkpoint"])
    return dataclasses.replace(make_case(pipeline=f"mindone:{pipeline}", **fields).job(), **changes)


@pytest.fixture(scope="module")
def sound(runner):
    """The sound runs, which repeat after all faults: each is gone with its run."""
    found = {each: runner.run(job(*each)) for each in MISSING}
    yield found
    for each, measurement in found.items():
        assert np.array_equal(runner.run(job(*each)).output, measurement.output), each


@pytest.mark.parametrize(("pipeline", "scheduler", "name"), SCHEDULER_CASES)
def test_a_fault_of_the_scheduler(runner, sound, pipeline, scheduler, name):
    reference = sound[pipeline, scheduler]
    fault = FaultRequest(name)
    if why := MISSING[pipeline, scheduler].get(name):
        with pytest.raises(FaultNotApplicable, match=why):
            runner.run(job(pipeline, scheduler, fault=fault))
    else:
        faulty = runner.run(job(pipeline, scheduler, fault=fault))
        assert not np.array_equal(faulty.output, reference.output), "the fault changes nothing"


@pytest.mark.parametrize("name", ["weight-scaled", "norm-eps", "layer-half", "noise-scaled", "brightness"])
@pytest.mark.parametrize(
    ("pipeline", "scheduler"),
    [pytest.param(*each, marks=pytest.mark.slow if each[0] == "UnCLIPPipeline" else ()) for each in MISSING],
)
def test_faults_of_other_families(runner, sound, pipeline, scheduler, name):
    faulty = runner.run(job(pipeline, scheduler, fault=FaultRequest(name)))
    assert not np.array_equal(faulty.output, sound[pipeline, scheduler].output)


@pytest.mark.parametrize(("pipeline", "scheduler"), [each for each in MISSING if each[0] != "UnCLIPPipeline"])
def test_a_fault_that_its_models_have_no_place_for(runner, pipeline, scheduler):
    with pytest.raises(FaultNotApplicable, match="takes the scale from the width of its heads"):
        runner.run(job(pipeline, scheduler, fault=FaultRequest("attention-scale")))


def test_a_fault_of_attention_that_has_its_scale_from_its_own_code(runner, sound):
    faulty = runner.run(job("UnCLIPPipeline", fault=FaultRequest("attention-scale")))
    assert not np.array_equal(faulty.output, sound["UnCLIPPipeline", None].output)


def test_a_fault_is_in_every_stage_that_has_a_scheduler(runner, sound):
    faulty = runner.run(job("UnCLIPPipeline", fault=FaultRequest("timestep-spacing")))
    assert [step.timestep for step in sound["UnCLIPPipeline", None].trace] == [999, 500, 0] * 3
    assert [step.timestep for step in faulty.trace] == [666, 333, 0] * 3


def test_a_schedule_of_the_cases_own_with_a_fault_in_it(runner):
    """Pipelines look at the signature of set_timesteps to see whether it takes timesteps."""
    fields = {"scheduler": "DDPMScheduler", "steps": None}
    arguments = {"prompt": "a red fox", "timesteps": [900, 500, 100]}
    own = job("StableDiffusionPipeline", **fields, arguments=arguments)
    faulty = runner.run(dataclasses.replace(own, fault=FaultRequest("timestep-off-by-one")))
    assert [step.timestep for step in faulty.trace] == [901, 501, 101]


def test_a_fault_of_eta_leaves_the_generator_with_the_step(runner):
    """Pipelines look at the signature of step to see whether it takes a generator."""
    own = job("StableDiffusionPipeline", "DDIMScheduler")
    faulty = runner.run(dataclasses.replace(own, fault=FaultRequest("eta")))
    assert len(faulty.ledger) == 1 + 3
    assert len(runner.run(own).ledger) == 1
