"""Pipelines of a user, sound and with one fault each in what follows the last step."""

from __future__ import annotations

import numpy as np


def _ddim(change):
    def factory(checkpoint, dtype, mode):
        import mindspore as ms

        from harness.pipelines.unconditional import DDIMPipeline, ImagePipelineOutput

        class Late(DDIMPipeline):
            def __call__(self, **passed):
                found = super().__call__(**passed)
                return found if change is None else ImagePipelineOutput(change(found.images))

        return Late.from_pretrained("builtin:ddpm-digits", mindspore_dtype=getattr(ms, dtype))

    return factory


def _denormalised(scale, shift):
    return lambda images: np.clip((images * 2 - 1) * np.float32(scale) + np.float32(shift), 0, 1)


sound = _ddim(None)
scaled = _ddim(_denormalised(0.5001, 0.5))
shifted = _ddim(_denormalised(0.5, 0.5 + 2e-6))
# The images of the digits in two steps do not reach 1.
clamped = _ddim(lambda images: np.minimum(images, images.max() - np.float32(1e-4)))
quantised = _ddim(lambda images: np.rint(images * 255).astype(np.float32) / 255)
gamma = _ddim(lambda images: images ** np.float32(1.0001))
transposed = _ddim(lambda images: np.ascontiguousarray(images.transpose(0, 2, 1, 3)))


def _stable_diffusion(change):
    def factory(checkpoint, dtype, mode):
        import mindspore as ms
        from mindone.diffusers import StableDiffusionPipeline

        made = StableDiffusionPipeline.from_pretrained(checkpoint, mindspore_dtype=getattr(ms, dtype))
        made.set_progress_bar_config(disable=True)
        change(made)
        return made

    return factory


def _one_eps(made):
    made.vae.decoder.conv_norm_out.eps = 1e-5


def _swapped(made):
    sound = made.image_processor.postprocess
    made.image_processor.postprocess = lambda image, **given: sound(image, **given)[..., ::-1]


def _unclamped(made):
    made.image_processor.denormalize = lambda images: images * 0.5 + 0.5


diffusion = _stable_diffusion(lambda made: None)
diffusion_eps = _stable_diffusion(_one_eps)
diffusion_swapped = _stable_diffusion(_swapped)
diffusion_unclamped = _stable_diffusion(_unclamped)
