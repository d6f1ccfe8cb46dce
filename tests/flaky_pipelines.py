"""Pipelines of a user in which one cell gives other bits now and then, each under another condition."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np

SIZE = 8
# What was called in this process so far: the names of the factories.
CALLED: list[str] = []


def _by_chance(one_in):
    return int.from_bytes(os.urandom(4), "big") % one_in == 0


def _each(one_in):
    """Return whether this is the last of so many calls, in whichever process; none counts without a file."""
    if "TEST_CALLS" not in os.environ:
        return False
    with Path(os.environ["TEST_CALLS"]).open("ab") as calls:
        calls.write(b".")
        return calls.tell() % one_in == 0


def _has_neighbour():
    """Return whether the soak that runs this keeps this core busy with a process that spins."""
    core = next(iter(os.sched_getaffinity(0)))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # Of other soaks, and of other programs with such a loop, there may be any number.
            beside = f"\nPPid:\t{os.getppid()}\n" in (process / "status").read_text()
            spins = b"while True" in (process / "cmdline").read_bytes()
            if beside and spins and core in os.sched_getaffinity(int(process.name)):
                return True
        except OSError:
            continue
    return False


def _made(name, deviates):
    """Make a pipeline whose cell `middle` moves a value a little where ``deviates(batch)`` says so."""

    def factory(checkpoint, dtype, mode):
        import mindspore as ms
        from mindspore import nn

        now = SimpleNamespace(batch=0, earlier=())

        class Flaky(nn.Dense):
            def construct(self, x):
                found = super().construct(x)
                if deviates(now):
                    values = found.asnumpy().copy()
                    values.flat[3] += np.float32(1e-5)
                    found = ms.Tensor(values)
                return found

        class Model(nn.Cell):
            def __init__(self):
                super().__init__()
                self.enter, self.middle, self.leave = (
                    nn.Dense(SIZE, SIZE),
                    Flaky(SIZE, SIZE),
                    nn.Dense(SIZE, SIZE),
                )

            def construct(self, sample, timestep):
                return self.leave(self.middle(self.enter(sample) + timestep))

        model, generator = Model(), np.random.default_rng(1)
        for parameter in model.get_parameters():
            parameter.set_data(
                ms.Tensor(generator.standard_normal(parameter.shape).astype(np.float32) / SIZE)
            )

        def pipeline(*, batch_size, generator, num_inference_steps, callback_on_step_end):
            now.batch, now.earlier = batch_size, tuple(CALLED)
            CALLED.append(name)
            drawn = generator if isinstance(generator, list) else [generator]
            noise = [each.standard_normal((1, SIZE), dtype=np.float32) for each in drawn]
            latents = ms.Tensor(np.concatenate(noise))
            for step in reversed(range(num_inference_steps)):
                latents = latents - model(latents, ms.Tensor(np.float32(step))) * 0.1
                callback_on_step_end(None, num_inference_steps - 1 - step, step, {"latents": latents})
            return SimpleNamespace(images=latents.asnumpy())

        pipeline.model = model
        return pipeline

    return factory


sound = _made("sound", lambda _: False)
rare = _made("rare", lambda _: _by_chance(int(os.environ["TEST_ONE_IN"])))
warm = _made("warm", lambda now: "warm" in now.earlier)
after_sound = _made("after_sound", lambda now: now.earlier[-1:] == ("sound",))
loaded = _made("loaded", lambda _: _has_neighbour())
once_in_a_thousand = _made("once_in_a_thousand", lambda _: _each(1000))
in_three = _made("in_three", lambda now: now.batch == 3 and _each(30))
