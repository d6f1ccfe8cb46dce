"""Pipelines of users that leave a state behind, each in another way; `sound` leaves none.

Each call is counted in the file TEST_CALLS, if that is set.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np


def _noise(generator):
    generators = generator if isinstance(generator, list) else [generator]
    return np.concatenate([each.standard_normal((1, 8, 8, 3), dtype=np.float32) for each in generators])


def _pipeline(start, step, timestep, finish):
    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end):
        if "TEST_CALLS" in os.environ:
            with Path(os.environ["TEST_CALLS"]).open("a") as calls:
                calls.write(f"{batch_size}\n")
        latents = start(_noise(generator), generator)
        for index in range(num_inference_steps):
            latents = step(latents)
            callback_on_step_end(None, index, timestep(index), {"latents": latents})
        return SimpleNamespace(images=finish(latents))

    return call


def _as_it_is(value, *_):
    return value


def _made(start=_as_it_is, step=lambda x: x * np.float32(0.9), timestep=lambda i: 99 - i, finish=_as_it_is):
    return _pipeline(start, step, timestep, finish)


def sound(checkpoint, dtype, mode):
    return _made()


def counting(checkpoint, dtype, mode):
    """Adds the number of the call to the noise."""
    calls = []

    def start(noise, _):
        calls.append(1)
        return noise + np.float32(1e-6 * len(calls))

    return _made(start)


def caching(checkpoint, dtype, mode):
    """Keeps its first output, and gives half of it from then on."""
    cache = []

    def finish(latents):
        found = cache[0] / 2 if cache else latents
        cache.append(latents)
        return found

    return _made(finish=finish)


def overwriting(checkpoint, dtype, mode):
    """Gives every output in the same memory."""
    buffer, calls = np.zeros((1, 8, 8, 3), np.float32), []

    def finish(latents):
        calls.append(1)
        buffer[:] = latents + np.float32(len(calls))
        return buffer

    return _made(finish=finish)


def going_on(checkpoint, dtype, mode):
    """Its scheduler counts on where the last call ended."""
    steps = []

    def timestep(_):
        steps.append(1)
        return 99 - len(steps)

    return _made(timestep=timestep)


def drawing_more(checkpoint, dtype, mode):
    """Draws once more in each call than in the last one."""
    calls = []

    def start(noise, generator):
        for _ in calls:
            generator.standard_normal(1)
        calls.append(1)
        return noise

    return _made(start)


def used_up(checkpoint, dtype, mode):
    """Has what it needs for one call only."""
    left = ["tokens"]

    def start(noise, _):
        left.pop()
        return noise

    return _made(start)


def training(checkpoint, dtype, mode):
    """A cell whose parameter every call updates."""
    import mindspore as ms

    class Scale(ms.nn.Cell):
        def __init__(self):
            super().__init__()
            self.weight = ms.Parameter(ms.Tensor([1.0], ms.float32), name="weight")

        def construct(self, x):
            return x * self.weight

    cell = Scale()

    def finish(latents):
        found = cell(ms.Tensor(latents)).asnumpy()
        cell.weight.set_data(cell.weight * 0.5)
        return found

    return _made(finish=finish)


class _Solver:
    """A scheduler that takes the mean of what it is given and of what it was given before."""

    def set_timesteps(self, count):
        self.timesteps, self.last = np.arange(count)[::-1], None

    def step(self, output, timestep, sample):
        last, self.last = self.last, sample
        return (sample * np.float32(0.9) if last is None else (sample + last) / 2,)


class _Replacing:
    """Goes on with a copy of its scheduler, as Text2Video-Zero does."""

    def __init__(self):
        self.scheduler = _Solver()

    def __call__(self, *, batch_size, generator, num_inference_steps, output_type):
        self.scheduler.set_timesteps(num_inference_steps)
        latents = _noise(generator)
        for timestep in self.scheduler.timesteps:
            self.scheduler = copy.deepcopy(self.scheduler)
            latents = self.scheduler.step(latents, timestep, latents)[0]
        return SimpleNamespace(images=latents)


def replacing(checkpoint, dtype, mode):
    return _Replacing()
