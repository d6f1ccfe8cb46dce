"""Pipelines of a user of which one relation between two runs does not hold, each of another relation."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np

SIZE = 8
MOVED = np.float32(1e-3)
# The names of the factories that were called in this process so far.
CALLED: list[str] = []


def _made(name, moves):
    """Make a pipeline whose cell `middle` moves the rows that ``moves(now, rows)`` returns."""

    def factory(checkpoint, dtype, mode):
        import mindspore as ms
        from mindspore import nn

        now = SimpleNamespace(mode=mode, listed=False, contiguous=True, length=0, earlier=())

        class Moving(nn.Dense):
            def construct(self, x):
                # Row by row, so that a batch has the bits of its single images.
                found = ms.ops.cat(
                    [super(Moving, self).construct(x[row : row + 1]) for row in range(x.shape[0])]
                )
                rows = moves(now, x.asnumpy())
                if rows:
                    values = found.asnumpy().copy()
                    values[rows] += MOVED
                    found = ms.Tensor(values)
                return found

        class Model(nn.Cell):
            def __init__(self):
                super().__init__()
                self.enter, self.middle = nn.ReLU(), Moving(SIZE, SIZE)

            def construct(self, sample, timestep):
                return self.middle(self.enter(sample)) + timestep

        model, generator = Model(), np.random.default_rng(1)
        for parameter in model.get_parameters():
            parameter.set_data(
                ms.Tensor(generator.standard_normal(parameter.shape).astype(np.float32) / SIZE)
            )

        def pipeline(
            *, batch_size, generator, num_inference_steps, callback_on_step_end, guided=False,
            max_sequence_length=16,
        ):  # fmt: skip
            now.listed, now.length, now.earlier = isinstance(generator, list), max_sequence_length, (*CALLED,)
            CALLED.append(name)
            drawn = generator if isinstance(generator, list) else [generator]
            noise = [each.standard_normal((1, SIZE), dtype=np.float32) for each in drawn]
            now.contiguous = noise[0].flags.c_contiguous
            latents = ms.Tensor(np.concatenate(noise))
            for step in reversed(range(num_inference_steps)):
                given = ms.ops.cat((latents, latents)) if guided else latents
                found = model(given, ms.Tensor(np.float32(step)))[-batch_size:]
                latents = latents - found * 0.1
                callback_on_step_end(None, num_inference_steps - 1 - step, step, {"latents": latents})
            return SimpleNamespace(images=latents.asnumpy())

        pipeline.model = model
        return pipeline

    return factory


def _all(rows):
    return list(range(len(rows)))


sound = _made("sound", lambda now, rows: [])
warm = _made("warm", lambda now, rows: _all(rows) if "warm" in now.earlier else [])
after_sound = _made("after_sound", lambda now, rows: _all(rows) if now.earlier[-1:] == ("sound",) else [])
size = _made("size", lambda now, rows: _all(rows) if len(rows) > 1 else [])
position = _made("position", lambda now, rows: _all(rows)[1:])
neighbours = _made("neighbours", lambda now, rows: _all(rows) if rows.sum() > 8 else [])
listed = _made("listed", lambda now, rows: _all(rows) if now.listed and len(rows) == 1 else [])
halved = _made("halved", lambda now, rows: _all(rows) if len(rows) == 1 else [])
padded = _made("padded", lambda now, rows: _all(rows) if now.length > 16 else [])
strided = _made("strided", lambda now, rows: [] if now.contiguous else _all(rows))
cores = _made("cores", lambda now, rows: _all(rows) if len(os.sched_getaffinity(0)) > 1 else [])
mode = _made("mode", lambda now, rows: _all(rows) if now.mode == "graph" else [])
