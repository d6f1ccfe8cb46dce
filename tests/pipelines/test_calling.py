"""How a pipeline is called: by the names that it has, for what it returns, with its steps in sight."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.pipelines.calling import OutputError, Signature, call_pipeline, of_images, output_array
from harness.pipelines.errors import PipelineError

ONE, TWO = ["g0"], ["g0", "g1"]
IMAGE = np.zeros((1, 2, 2, 3), np.float32)


def unused(*_: Any) -> dict[str, Any]:
    raise AssertionError("no step is expected")


def passed_to(
    pipeline: Any, generators: list[str], *, steps: int | None = None, closed: bool = False, **arguments: Any
) -> dict[str, Any]:
    """What ``pipeline``, which returns its arguments in ``seen``, is passed."""
    seen: dict[str, Any] = {}
    pipeline.seen = seen
    signature = Signature("own", pipeline, closed=closed)
    call_pipeline(signature, pipeline, generators, steps=steps, arguments=arguments, after_step=unused)
    return seen


def batched(*, batch_size: int, generator: Any, num_inference_steps: int, output_type: str) -> Any:
    batched.seen.update(locals())  # type: ignore[attr-defined]
    return IMAGE


def prompted(prompt: Any, num_images_per_prompt: int = 1, generator: Any = None, **kwargs: Any) -> Any:
    del kwargs["callback_on_step_end"], kwargs["num_inference_steps"]
    prompted.seen.update(locals() | kwargs)  # type: ignore[attr-defined]
    return IMAGE


def single(generator: Any, prior_num_inference_steps: int = 3, decoder_num_inference_steps: int = 3) -> Any:
    single.seen.update(locals())  # type: ignore[attr-defined]
    return IMAGE


def test_a_pipeline_is_passed_what_it_has_names_for() -> None:
    seen = passed_to(batched, ONE, steps=5)
    assert seen == {"batch_size": 1, "generator": "g0", "num_inference_steps": 5, "output_type": "np"}
    assert passed_to(batched, TWO, steps=5)["generator"] == ["g0", "g1"]
    assert passed_to(single, ONE) == {
        "generator": "g0", "prior_num_inference_steps": 3, "decoder_num_inference_steps": 3,
    }  # fmt: skip


def test_a_batch_is_of_images_per_prompt_or_of_prompts() -> None:
    assert passed_to(prompted, TWO, steps=2, prompt="a")["num_images_per_prompt"] == 2
    seen = passed_to(prompted, TWO, steps=2, prompt=["a", "b"])
    assert (seen["prompt"], seen["num_images_per_prompt"]) == (["a", "b"], 1)


def test_a_case_may_ask_for_another_kind_of_output() -> None:
    assert passed_to(batched, ONE, steps=5, output_type="latent")["output_type"] == "latent"


@pytest.mark.parametrize(
    ("pipeline", "case", "message"),
    [
        (lambda batch_size: None, {}, "own takes no generator"),
        (batched, {}, "own takes num_inference_steps: give the case `steps`"),
        (
            single,
            {"steps": 5},
            "own takes no num_inference_steps: leave out `steps`; give decoder_num_inference_steps, "
            "prior_num_inference_steps in `arguments`",
        ),
        (lambda generator: None, {"steps": 5}, "own takes no num_inference_steps: leave out `steps`"),
        (single, {"images": 2}, "give one `seed`, or a list of prompts"),
        (prompted, {"images": 2, "arguments": {"prompt": ["a"] * 3}}, "own: 3 prompts for 2 seeds"),
        (prompted, {"arguments": {"callback_steps": 2}}, "the harness passes callback_steps itself"),
        (batched, {"steps": 5, "arguments": {"eta": 0}}, "own takes no argument eta; it takes: output_type"),
        (
            batched,
            {"steps": 5, "arguments": {"output_typ": "np", "x": 1}},
            "own takes no argument output_typ (did you mean output_type?), x; it takes: output_type",
        ),
        (
            prompted,
            {"steps": 5, "arguments": {"num_images_per_prompt": 2}},
            "harness passes num_images_per_p",
        ),
        (prompted, {"steps": 5, "arguments": {"promt": "a"}, "closed": True}, "own takes no argument promt"),
    ],
)
def test_what_it_cannot_be_called_with_is_told(pipeline: Any, case: dict[str, Any], message: str) -> None:
    signature = Signature("own", pipeline, closed=case.get("closed", False))
    with pytest.raises(PipelineError) as error:
        signature.check(case.get("arguments", {}), steps=case.get("steps"), images=case.get("images", 1))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("annotation", "takes"),
    [
        ("Optional[ms.Generator]", True),
        ("mindspore.Generator", True),
        ("np.random.Generator", False),
        (np.random.Generator | list[np.random.Generator] | None, False),
        (None, False),
    ],
)
def test_a_generator_of_mindspores_is_told_by_its_annotation(annotation: Any, takes: bool) -> None:
    def pipeline(generator: Any) -> None:
        """As in the module of a pipeline."""

    pipeline.__annotations__["generator"] = annotation
    assert Signature("own", pipeline).takes_mindspores == takes


def test_a_schedule_of_ones_own_needs_no_number_of_steps() -> None:
    def scheduled(generator: Any, num_inference_steps: int = 50, timesteps: Any = None) -> None:
        """As many pipelines of diffusers."""

    Signature("own", scheduled).check({"timesteps": [3, 2, 1]}, steps=None, images=1)


def test_what_a_pipeline_refuses_is_an_error_in_a_line() -> None:
    class Refusing:
        def __call__(self, generator: Any, height: int) -> None:
            self.check_inputs(height)

        def check_inputs(self, height: int) -> None:
            raise ValueError(f"height has to be divisible by 8 but is {height}")

    pipeline = Refusing()
    with pytest.raises(PipelineError, match="own: height has to be divisible by 8 but is 9"):
        call_pipeline(
            Signature("own", pipeline), pipeline, ONE, steps=None, arguments={"height": 9}, after_step=unused
        )


class Scheduled:
    """A pipeline whose scheduler raises what ``asked`` asks for."""

    class Scheduler:
        def set_timesteps(self, count: int) -> None:
            raise ValueError(f"{count} steps are not supported")

        def step(self, latents: Any) -> Any:
            return np.zeros(2) + np.zeros(3)  # a defect: numpy raises a ValueError

        def scale_model_input(self, latents: Any) -> Any:
            return latents * self.sigma

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"{name} is no setting")  # as diffusers' do

    def __init__(self, asked: str) -> None:
        self.scheduler, self._asked = self.Scheduler(), asked

    def __call__(self, generator: Any) -> None:
        getattr(self.scheduler, self._asked)(5)


def test_what_a_scheduler_refuses_is_an_error_in_a_line_and_its_defect_is_not() -> None:
    def call(asked: str) -> None:
        pipeline = Scheduled(asked)
        call_pipeline(Signature("own", pipeline), pipeline, ONE, steps=None, arguments={}, after_step=unused)

    with pytest.raises(PipelineError, match=r"^Scheduler: 5 steps are not supported$"):
        call("set_timesteps")
    with pytest.raises(ValueError, match="broadcast"):
        call("step")
    with pytest.raises(
        PipelineError, match=r"^own cannot run with this scheduler: Scheduler has no `init_noise_sigma`$"
    ):
        call("init_noise_sigma")
    with pytest.raises(AttributeError, match="sigma is no setting"):
        call("scale_model_input")


def test_any_other_error_is_the_pipelines_own() -> None:
    def broken(generator: Any) -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        call_pipeline(Signature("own", broken), broken, ONE, steps=None, arguments={}, after_step=unused)


@dataclass
class Frames:
    """As diffusers' output of videos."""

    frames: Any
    safe: Any = None


class Tensor:
    """As much of MindSpore's as is asked for: other tests run pipelines with the real one."""

    def __init__(self, array: Any) -> None:
        self._array, self.dtype = array, "Float32"

    def asnumpy(self) -> Any:
        return self._array


VIDEO = np.arange(24.0, dtype=np.float32).reshape(1, 2, 2, 2, 3)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (SimpleNamespace(images=IMAGE, nsfw=[False]), IMAGE),
        ((IMAGE, [False]), IMAGE),
        (OrderedDict(image_embeds=Tensor(IMAGE)), IMAGE),
        (Frames(VIDEO), VIDEO),
        (Frames([list(VIDEO[0])]), VIDEO),
        ([Tensor(IMAGE[0]), IMAGE[0]], np.concatenate([IMAGE, IMAGE])),
    ],
)
def test_the_output_is_the_first_array(result: Any, expected: Any) -> None:
    found = output_array("own", result)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (None, "NoneType"),
        ((), "NoneType"),
        (SimpleNamespace(images=[object()]), "list"),
        (SimpleNamespace(images=[IMAGE, IMAGE[:, :1]]), "list"),
        (SimpleNamespace(images=np.zeros(2, complex)), "an array of complex128"),
    ],
)
def test_what_is_no_array_is_told(result: Any, what: str) -> None:
    with pytest.raises(OutputError, match=f"own: the result holds {what}, which cannot be measured; return"):
        output_array("own", result)


def test_another_kind_of_output_is_told_what_to_ask_for() -> None:
    def pipeline(*, generator: Any, output_type: str) -> Any:
        return SimpleNamespace(images=[object()])

    def call(**arguments: Any) -> None:
        call_pipeline(
            Signature("own", pipeline), pipeline, [None], steps=None, arguments=arguments, after_step=unused
        )

    with pytest.raises(OutputError) as error:
        call(output_type="pil")
    assert str(error.value) == (
        "own: for `output_type: pil` the result's .images is list, which cannot be measured; leave it out or "
        "use np for pictures as arrays, latent for latents"
    )
    with pytest.raises(OutputError) as error:
        call()
    # Every form of a result that is taken.
    assert str(error.value).endswith(
        "return an array of real numbers [n, height, width, channels] or [n, frames, height, width, "
        "channels], of numpy or MindSpore, or a list of arrays of equal shape: alone, as .images of an "
        "object, or first in a tuple, dictionary or dataclass"
    )


def test_an_image_by_itself_has_its_own_prompt() -> None:
    arguments = {"prompt": ["a", "b"], "negative_prompt": "c", "mask_image": [3, 4], "timesteps": [999, 499]}
    assert of_images(arguments, [1], 2) == {**arguments, "prompt": ["b"], "mask_image": [4]}
    assert of_images({"prompt": ["a"]}, [0], 1) == {"prompt": ["a"]}
