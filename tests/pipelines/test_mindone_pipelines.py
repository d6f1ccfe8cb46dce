"""mindone's pipelines in real workers: what comes out, what is in sight, what is refused before weights."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import make_case

from harness.execution.messages import Answer
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.measurement.measurement import Measurement

pytestmark = pytest.mark.mindone

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"
STEPS = {f"{stage}_num_inference_steps": 2 for stage in ("prior", "decoder", "super_res")}

OWN = """
from mindone.diffusers import DDIMPipeline

def make(checkpoint, dtype, mode):
    return DDIMPipeline.from_pretrained(checkpoint)

def wrap(checkpoint, dtype, mode):
    pipeline = make(checkpoint, dtype, mode)
    return lambda generator, num_inference_steps: pipeline(
        generator=generator, num_inference_steps=num_inference_steps
    )
"""


def case(pipeline="DDIMPipeline", checkpoint="ddim", **fields):
    sound = {"steps": 2, "seeds": (0,), "arguments": {}}
    path = CHECKPOINTS / "suite.yaml"
    pipeline, checkpoint = f"mindone:{pipeline}", checkpoint and str(checkpoint)
    return make_case(**{**sound, "pipeline": pipeline, "checkpoint": checkpoint, "path": path, **fields})


def stable_diffusion(pipeline="StableDiffusionPipeline", **fields):
    arguments = {"prompt": "a red fox", **fields.pop("arguments", {})}
    return case(pipeline, "stable-diffusion", arguments=arguments, **fields)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_on_mindone.py").write_text(OWN)
    with Runner(timeout=300, import_paths=[folder]) as runner:
        yield runner


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """Cases that fail leave nothing behind here, and a new worker after each would take most of the time."""
    monkeypatch.setattr(Answer, "leaves_worker_sound", True)


def run(runner, case) -> Measurement:
    return runner.run(case.job())


def test_a_pipeline_without_a_callback_shows_its_steps(runner):
    found = run(runner, case(seeds=(3, 4), keep="latents"))
    assert found.output.shape == (2, 16, 16, 3)
    assert [record.timestep for record in found.trace] == [500, 0]
    assert found.latents.shape == (2, 2, 3, 16, 16)
    # The picture is made of the last latents.
    last = np.clip(found.latents[-1] / 2 + 0.5, 0, 1).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found.output, last, atol=1e-6)
    assert [(draw.generator, draw.method) for draw in found.ledger] == [
        (0, "standard_normal"),
        (1, "standard_normal"),
    ]


def test_the_measurement_says_what_it_stands_on(runner):
    found = run(runner, case())
    assert re.fullmatch(r"0\.5\.0 \([0-9a-f]{8}\)", found.fingerprint["mindone"])
    assert found.fingerprint["transformers"] == "4.57.1"
    assert re.fullmatch(r"harness \d+", found.fingerprint["mint_kernels"])
    assert found.replaced_kernels["Conv2DExt"] > 0
    assert "unet/diffusion_pytorch_model.safetensors" in found.checkpoint.files


def test_bfloat16_is_computed_in_every_cell(runner):
    wide, found = (run(runner, case(dtype=dtype, keep="latents")) for dtype in ("float32", "bfloat16"))
    assert (found.latents.view(np.uint32) & 0xFFFF == 0).all()
    moved = np.linalg.norm(found.latents - wide.latents) / np.linalg.norm(wide.latents)
    assert 2.0**-12 < moved < 2.0**-4
    assert found.fingerprint["bfloat16"].startswith("in float32, rounded once")
    assert found.replaced_kernels == wide.replaced_kernels


def test_built_in_cases_run_in_a_worker_without_these_kernels(runner):
    run(runner, case())
    found = run(runner, make_case())
    assert not {"mindone", "mint_kernels"} & set(found.fingerprint)
    assert found.replaced_kernels == {}


def test_one_generator_per_image_makes_a_batch_of_single_images(runner):
    found = run(runner, stable_diffusion(seeds=(0, 1), arguments={"prompt": ["a fox", "a house"]}))
    alone = [
        run(runner, stable_diffusion(seeds=(seed,), arguments={"prompt": prompt}))
        for seed, prompt in enumerate(["a fox", "a house"])
    ]
    for image, single in zip(found.output, alone, strict=True):
        np.testing.assert_allclose(image, single.output[0], atol=2e-5)


def test_another_scheduler_takes_the_place_of_the_checkpoints(runner):
    euler = {"scheduler": "EulerDiscreteScheduler"}
    outputs = [
        run(runner, stable_diffusion(steps=4, **fields)).output
        for fields in ({}, euler, {**euler, "scheduler_arguments": {"use_karras_sigmas": True}})
    ]
    assert outputs[0].shape == (1, 32, 32, 3)
    for one, other in ((0, 1), (1, 2)):
        assert np.abs(outputs[one] - outputs[other]).max() > 1e-3


def test_latents_are_an_output_too(runner):
    found = run(runner, stable_diffusion(arguments={"output_type": "latent"}))
    assert found.output.shape == (1, 4, 16, 16)


def test_a_picture_is_an_argument_and_part_of_what_ran(runner):
    arguments = {"image": {"file": "input.png"}, "strength": 1.0}
    found = run(runner, stable_diffusion("StableDiffusionImg2ImgPipeline", arguments=arguments))
    assert found.output.shape[0] == 1
    assert len(found.checkpoint.files["argument image: input.png"]) == 64


def test_stages_of_one_pipeline_are_in_one_trace(runner):
    fields = {"steps": None, "arguments": {"prompt": "a red fox", **STEPS}, "keep": "latents"}
    found = run(runner, case("UnCLIPPipeline", "unclip", **fields))
    assert len(found.trace) == 6
    assert found.latents.ndim == 2


def test_a_factory_may_return_mindones_pipeline(runner):
    found = run(runner, case("own_on_mindone:make"))
    assert np.array_equal(found.output, run(runner, case()).output)
    assert "mindone" in found.fingerprint


def test_a_factory_that_does_not_say_that_it_stands_on_mindone_is_told_to(runner):
    def told(factory):
        found = replace(case(), pipeline=factory)
        with pytest.raises(CaseFailed) as error:
            run(runner, found)
        (line,) = str(error.value).splitlines()
        return line

    assert (
        "own_on_mindone:make returned mindone's DDIMPipeline: write `pipeline: mindone:own_on_mindone:make`"
    ) in told("own_on_mindone:make")
    # What is wrapped shows by the kernel that is missing.
    line = told("own_on_mindone:wrap")
    assert "MindSpore has no CPU kernel for the operator " in line
    assert line.endswith("write `pipeline: mindone:own_on_mindone:wrap`")


@pytest.fixture
def unreadable(tmp_path):
    """Stable Diffusion's checkpoint, whose weights cannot be read: other failures came before."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(CHECKPOINTS / "stable-diffusion", folder)
    for weights in folder.rglob("*.safetensors"):
        weights.write_bytes(b"not safetensors")
    return folder


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"pipeline": "StableDifusionPipeline"},
            "mindone 0.5.0 has no pipeline 'StableDifusionPipeline'; the nea",
        ),
        ({"pipeline": "UNet2DModel"}, "mindone 0.5.0 has no pipeline 'UNet2DModel'"),
        ({"pipeline": "randn"}, "mindone 0.5.0 has no pipeline 'randn'"),
        ({"arguments": {"promt": "a"}}, "takes no argument promt (did you mean prompt?); it takes: "),
        ({"steps": None}, "takes num_inference_steps: give the case `steps`"),
        (
            {"pipeline": "UnCLIPPipeline"},
            "leave out `steps`; give decoder_num_inference_steps, prior_num",
        ),
        ({"pipeline": "DDIMPipeline"}, "its unet is a UNet2DConditionModel, not a UNet2DModel"),
        (
            {"pipeline": "UnCLIPPipeline", "steps": None},
            "mindone:UnCLIPPipeline cannot run: it has no prior",
        ),
        (
            {"pipeline": "StableDiffusionXLPipeline"},
            "checkpoint of StableDiffusionPipeline, which mindone:StableDiffusionXLPipeline cannot run: "
            "it has no text_encoder_2; it has no tokenizer_2",
        ),
        ({"scheduler": "EulerScheduler"}, "has no scheduler 'EulerScheduler'; the nearest: "),
        ({"arguments": {"image": {"file": "no.png"}}}, "argument image: no.png: no such file"),
        ({"mode": "graph", "dtype": "bfloat16"}, "in bfloat16 in PyNative only: MindSpore's CPU has no"),
        # An unknown name; values of another type; values that the scheduler refuses when it is made, and when
        # it is asked for its timesteps.
        (
            {"scheduler_arguments": {"beta_strat": 2, "speed": 2}},
            "PNDMScheduler has no setting beta_strat (did you mean beta_start?), speed; it has: beta_end, ",
        ),
        ({"scheduler_arguments": {"speed": 2}}, "PNDMScheduler has no setting speed; it has: beta_end, "),
        (
            {"scheduler": "EulerDiscreteScheduler", "scheduler_arguments": {"skip_prk_steps": True}},
            "EulerDiscreteScheduler has no setting skip_prk_steps; it has: beta_end, ",
        ),
        (
            {"scheduler_arguments": {"num_train_timesteps": "many"}},
            "PNDMScheduler refuses {num_train_timesteps: 'many'}: 'str' object cannot be interpreted",
        ),
        (
            {"scheduler_arguments": {"beta_end": [1, 2]}},
            "PNDMScheduler refuses {beta_end: [1, 2]}: unsupported operand",
        ),
        (
            {
                "scheduler": "DPMSolverMultistepScheduler",
                "scheduler_arguments": {"algorithm_type": "fast", "solver_order": 2},
            },
            "DPMSolverMultistepScheduler refuses {algorithm_type: 'fast', solver_order: 2}: fast is not impl",
        ),
        (
            {"scheduler_arguments": {"timestep_spacing": "wide"}},
            "PNDMScheduler refuses {timestep_spacing: 'wide'}: wide is not supported",
        ),
        (
            {"scheduler": "DDIMScheduler", "steps": 1001},
            "DDIMScheduler refuses {}: `num_inference_steps`: 1001 cannot be larger",
        ),
    ],
)
def test_what_cannot_run_is_told_before_any_weights_are_read(runner, unreadable, fields, message):
    found = case(checkpoint=unreadable, **{"pipeline": "StableDiffusionPipeline", **fields})
    with pytest.raises(CaseFailed) as error:
        run(runner, found)
    assert message in str(error.value)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{found.path}:4:5: guide/two-steps: ")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "cannot be loaded from it"),
        ({"scheduler_arguments": {"beta_end": 0.02}}, "cannot be loaded from it"),
        # A schedule of the case's own: the scheduler is not asked for another.
        (
            {
                "scheduler": "DDPMScheduler",
                "scheduler_arguments": {"timestep_spacing": "wide"},
                "steps": None,
                "arguments": {"prompt": "a", "timesteps": [900, 500]},
            },
            "cannot be loaded from it",
        ),
    ],
)
def test_weights_that_cannot_be_read_are_an_error_in_words(runner, unreadable, fields, message):
    with pytest.raises(CaseFailed, match=message) as error:
        run(runner, case(**{"pipeline": "StableDiffusionPipeline", "checkpoint": unreadable, **fields}))
    assert "Traceback" not in str(error.value)


def test_a_checkpoint_that_is_none_is_an_error_in_words(runner, tmp_path):
    with pytest.raises(CaseFailed, match=r"model_index.json: no such file"):
        run(runner, case(checkpoint=tmp_path))
    with pytest.raises(CaseFailed, match=r"seeded weights lie in no folder"):
        run(runner, case(checkpoint="seeded:ddpm-cifar10-32"))


def test_settings_of_the_scheduler_that_a_pipeline_makes_by_itself(runner, tmp_path):
    """DDIMPipeline makes DDIM's of whatever the checkpoint has."""
    folder = tmp_path / "checkpoint"
    shutil.copytree(CHECKPOINTS / "ddim", folder)
    for name in ("model_index.json", "scheduler/scheduler_config.json"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("DDIMScheduler", "PNDMScheduler"))
    settings = {"scheduler_arguments": {"set_alpha_to_one": False, "clip_sample_range": 0.5}}
    found = run(runner, case(checkpoint=folder, **settings))
    # The last step ends on the clipped picture, but for the little noise that is left without alpha one.
    assert found.output.min() > 0.24
    assert run(runner, case(checkpoint=folder)).output.min() < 0.2
    with pytest.raises(CaseFailed, match="PNDMScheduler has no setting speed; it has: "):
        run(runner, case(checkpoint=folder, scheduler_arguments={"speed": 1}))


def test_what_the_scheduler_or_the_pipeline_refuses_is_an_error_in_words(runner):
    late = stable_diffusion(scheduler="DDIMScheduler", scheduler_arguments={"prediction_type": "x"})
    with pytest.raises(CaseFailed, match="DDIMScheduler: prediction_type given as x must be one") as error:
        run(runner, late)
    assert "Traceback" not in str(error.value)
    other = stable_diffusion(scheduler="FlowMatchEulerDiscreteScheduler")
    with pytest.raises(
        CaseFailed, match="FlowMatchEulerDiscreteScheduler has no `init_noise_sigma`"
    ) as error:
        run(runner, other)
    assert "Traceback" not in str(error.value)
    with pytest.raises(
        CaseFailed, match="`prompt` has to be of type `str` or `list` but is <class 'int'>"
    ) as error:
        run(runner, stable_diffusion(arguments={"prompt": 5}))
    assert "Traceback" not in str(error.value)
