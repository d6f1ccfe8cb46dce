"""The steps of pipelines that have diffusers' callback, their older one, or schedulers alone."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.pipelines.steps import seeing_steps


class Scheduler:
    """A scheduler of diffusers' kind: half of what it is given, in a tuple or in an object."""

    def __init__(self, *, in_object: bool = False) -> None:
        self.in_object = in_object

    def set_timesteps(self, count: int) -> None:
        """Take none."""

    def step(self, model_output: Any, timestep: Any, sample: Any, generator: Any = None) -> Any:
        if self.in_object:
            return Output(sample / 2)
        return (sample / 2, model_output)


class Output(SimpleNamespace):
    """As diffusers' outputs: by name and by number."""

    def __init__(self, prev_sample: Any) -> None:
        super().__init__(prev_sample=prev_sample)

    def __getitem__(self, index: int) -> Any:
        assert index == 0
        return self.prev_sample


class Seen:
    """An ``after_step`` that keeps what it sees and answers as told."""

    def __init__(self, **answer: Any) -> None:
        self.steps: list[tuple[int, Any, Any]] = []
        self._answer = answer

    def __call__(self, pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        self.steps.append((step, timestep, tensors["latents"]))
        return self._answer


def takes(*names: str) -> Any:
    return lambda name: name in names


def test_the_callback_of_diffusers_is_handed_on_as_it_is() -> None:
    seen = Seen()
    pipeline = SimpleNamespace(scheduler=Scheduler())
    with seeing_steps(pipeline, takes("callback_on_step_end", "callback"), seen) as hooks:
        assert hooks == {"callback_on_step_end": seen}
        pipeline.scheduler.step(0, 9, 8.0)
    assert seen.steps == []  # each step is seen once


def test_the_older_callback_sees_every_step() -> None:
    seen = Seen(latents="dropped")
    with seeing_steps(SimpleNamespace(), takes("callback", "callback_steps"), seen) as hooks:
        assert hooks.pop("callback_steps") == 1
        assert hooks.pop("callback")(3, 9, "latents") is None
        assert hooks == {}
    assert seen.steps == [(3, 9, "latents")]
    with seeing_steps(SimpleNamespace(), takes("callback"), seen) as hooks:
        assert hooks.keys() == {"callback"}


def test_schedulers_are_watched_rather_than_the_older_callback() -> None:
    """What the callback is given back it drops: a replayed step would start from latents of its own."""
    pipeline = SimpleNamespace(scheduler=Scheduler())
    with seeing_steps(pipeline, takes("callback", "callback_steps"), Seen(latents=7.0)) as hooks:
        assert hooks == {}
        assert pipeline.scheduler.step(1, 9, 8.0)[0] == 7.0


def test_a_scheduler_may_return_the_latents_themselves() -> None:
    class Plain(Scheduler):
        def step(self, model_output: Any, timestep: Any, sample: Any) -> Any:
            return sample / 2

    seen, pipeline = Seen(), SimpleNamespace(scheduler=Plain())
    batch = np.full((2, 1, 4, 4), 8.0)
    with seeing_steps(pipeline, takes(), seen):
        pipeline.scheduler.step(0, 9, batch)
    assert seen.steps[0][2].shape == (2, 1, 4, 4)
    with seeing_steps(pipeline, takes(), Seen(latents=batch)):
        assert pipeline.scheduler.step(0, 9, batch) is batch


@pytest.mark.parametrize("in_object", [False, True])
def test_schedulers_are_watched_where_there_is_no_callback(in_object: bool) -> None:
    prior, decoder = Scheduler(in_object=in_object), Scheduler(in_object=in_object)
    pipeline = SimpleNamespace(prior_scheduler=prior, decoder_scheduler=decoder, unet=object(), same=prior)
    seen = Seen()
    with seeing_steps(pipeline, takes(), seen) as hooks:
        assert hooks == {}
        assert "generator" in inspect.signature(prior.step).parameters
        assert prior.step(0, 9, 8.0)[0] == 4.0
        assert prior.step(0, timestep=8, sample=4.0)[0] == 2.0
        assert decoder.step(0, 7, 2.0)[0] == 1.0
    assert seen.steps == [(0, 9, 4.0), (1, 8, 2.0), (2, 7, 1.0)]
    prior.step(0, 6, 1.0)
    assert len(seen.steps) == 3
    assert "step" not in vars(prior)


@pytest.mark.parametrize("in_object", [False, True])
def test_what_the_watcher_answers_takes_the_place_of_the_latents(in_object: bool) -> None:
    pipeline = SimpleNamespace(scheduler=Scheduler(in_object=in_object))
    with seeing_steps(pipeline, takes(), Seen(latents=7.0)):
        assert pipeline.scheduler.step(1, 9, 8.0)[0] == 7.0


def test_a_scheduler_is_as_before_when_the_pipeline_fails() -> None:
    pipeline = SimpleNamespace(scheduler=Scheduler())
    replaced = pipeline.scheduler.step = lambda *_: (0,)
    with pytest.raises(ZeroDivisionError), seeing_steps(pipeline, takes(), Seen()):
        raise ZeroDivisionError
    assert pipeline.scheduler.step is replaced


def test_a_function_has_no_schedulers() -> None:
    with seeing_steps(lambda: None, takes(), Seen()) as hooks:
        assert hooks == {}
