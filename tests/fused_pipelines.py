"""A user's own pipeline that fuses a LoRA as it is made, in the order and at the scale that is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np

SIZE, RANK = 64, 16


def _backwards() -> bool:
    """Return whether the products are added in the other order, which rounds them otherwise."""
    if "TEST_LOADS" not in os.environ:
        return "TEST_BACKWARDS" in os.environ
    # Every second time.
    path = Path(os.environ["TEST_LOADS"])
    loads = len(path.read_text()) if path.exists() else 0
    path.write_text("." * (loads + 1))
    return loads % 2 == 1


def factory(checkpoint, dtype, mode):
    import mindspore as ms

    generator = np.random.default_rng(1)
    shapes = ((SIZE, SIZE), (RANK, SIZE), (SIZE, RANK))
    weight, down, up = (generator.standard_normal(shape).astype(np.float32) for shape in shapes)
    net = ms.nn.Cell()
    for name in ("to_q", "to_k"):
        setattr(net, name, ms.nn.Dense(SIZE, SIZE, has_bias=False))
    order = slice(None, None, -1 if _backwards() else 1)
    # Contiguous, as a product of views would be another product.
    down, up = np.ascontiguousarray(down[order]), np.ascontiguousarray(up[:, order])
    delta = ms.ops.matmul(ms.Tensor(up), ms.Tensor(down)) * float(os.environ.get("TEST_SCALE", "0.05"))
    net.to_q.weight.set_data(ms.Tensor(weight) + delta)
    net.to_k.weight.set_data(ms.Tensor(weight))

    def pipeline(*, batch_size, generator, num_inference_steps, callback_on_step_end):
        latents = generator.standard_normal((batch_size, SIZE), dtype=np.float32)
        for step in range(num_inference_steps):
            latents = np.tanh(net.to_q(ms.Tensor(latents)).asnumpy() / SIZE)
            callback_on_step_end(None, step, num_inference_steps - 1 - step, {"latents": latents})
        return SimpleNamespace(images=latents)

    pipeline.net = net
    return pipeline
