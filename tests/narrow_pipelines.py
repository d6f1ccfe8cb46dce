"""Pipelines of users that compute in fewer bits than float32, and some that only look like it."""

from types import SimpleNamespace

import numpy as np


def _noise(generator):
    generators = generator if isinstance(generator, list) else [generator]
    return np.concatenate([each.standard_normal((1, 8, 8, 3), dtype=np.float32) for each in generators])


def _computing(compute):
    """A pipeline that shows no latents."""

    def call(*, batch_size, generator, num_inference_steps, output_type):
        return SimpleNamespace(images=compute(_noise(generator)))

    return call


def _stepping(as_latents, as_images):
    """A pipeline that shows its latents."""

    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end):
        latents = as_latents(_noise(generator))
        for step in range(num_inference_steps):
            latents = latents * latents
            callback_on_step_end(None, step, num_inference_steps - step, {"latents": latents})
        return SimpleNamespace(images=as_images(latents))

    return call


def _bfloat16(array):
    import mindspore as ms

    return ms.Tensor(array).astype(ms.bfloat16)


def tensor(checkpoint, dtype, mode):
    return _stepping(_bfloat16, lambda latents: latents)


def tensors(checkpoint, dtype, mode):
    return _stepping(_bfloat16, list)


def widened(checkpoint, dtype, mode):
    """The numbers of `tensor`, in float32."""
    return _stepping(_bfloat16, lambda latents: latents.float().asnumpy())


def bfloat16_noise(checkpoint, dtype, mode):
    return _computing(lambda noise: np.tanh(_bfloat16(noise).float().asnumpy() * np.float32(0.7)))


def float16_noise(checkpoint, dtype, mode):
    return _computing(lambda noise: np.tanh(noise.astype(np.float16).astype(np.float32) * np.float32(0.7)))


def float16_inside(checkpoint, dtype, mode):
    return _computing(lambda noise: np.tanh((noise * np.float32(0.7)).astype(np.float16).astype(np.float32)))


def quantised(checkpoint, dtype, mode):
    return _computing(lambda noise: (np.clip(noise / 8 + 0.5, 0, 1) * 255).round().astype(np.uint8))


def unused(checkpoint, dtype, mode):
    return _computing(lambda noise: np.linspace(0, 0.9, noise.size, dtype=np.float32).reshape(noise.shape))


def sound(checkpoint, dtype, mode):
    return _computing(lambda noise: np.tanh(noise * np.float32(0.7)))
