"""Weights made from a seed, shaped so that sampling with them makes pictures and is not chaotic.

Purely random weights let a difference of one unit in the last place grow to order one. As in
`harness/pipelines/seeded.py`, a UNet gets one clear path along which the noise that it predicts is its
normalised input; what the rest of its body adds is kept small beside it.
"""

from __future__ import annotations

import math
import re
from typing import Any

import architectures
import numpy as np
import numpy.typing as npt
from configurations import Model

State = dict[str, npt.NDArray[np.float32]]

_SHAPES: dict[str, Any] = {
    "UNet2DModel": architectures.unet,
    "UNet2DConditionModel": architectures.unet,
    "AutoencoderKL": architectures.autoencoder,
    "CLIPTextModel": architectures.text_encoder,
    "CLIPTextModelWithProjection": architectures.text_encoder,
    "PriorTransformer": architectures.prior,
    "UnCLIPTextProjModel": architectures.text_projection,
}
# Standard deviation of a layer's output for inputs of variance one, by the end of the layer's name.
_GAINS = {
    r"(conv2|to_out\.0|proj_out|ff\.net\.2|out_proj|fc2)": 0.7,  # the end of a residual branch
    r"(conv1|to_q|to_k|q_proj|k_proj)": 1.5,  # makes up for the activation before it; sharpens the attention
}
# What has no layer's name: mean and standard deviation.
_OTHERS = {
    "text_model.embeddings.token_embedding.weight": (0.0, 1.0),
    "text_model.embeddings.position_embedding.weight": (0.0, 0.3),
    "positional_embedding": (0.0, 0.3),
    "prd_embedding": (0.0, 1.0),
    "clip_mean": (0.0, 0.3),
    "clip_std": (1.0, 0.1),
    "learned_classifier_free_guidance_embeddings": (0.0, 1.0),
}
_SHORTCUT_GAIN = 3.0  # lifts the clear path above what the network's body adds to it


def make(model: Model) -> State:
    """Return float32 weights for `model`, by the parameters' names."""
    shapes = _SHAPES[model.kind](model.config)
    rng = np.random.Generator(np.random.PCG64(model.seed))
    state = {name: _draw(rng, name, shapes[name]).astype(np.float32) for name in sorted(shapes)}
    if model.kind.startswith("UNet"):
        _clear_path(state, model.gain, model.body)
    if model.kind == "AutoencoderKL":
        _scale_latents(state, model.config["scaling_factor"])
    return state


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    noise = rng.standard_normal(shape)
    if name in _OTHERS:
        mean, deviation = _OTHERS[name]
        return mean + deviation * noise
    if re.search(r"norm\w*\.weight$", name):
        return 1 + 0.1 * noise
    if name.endswith(".bias"):
        return 0.1 * noise
    gain = next((gain for end, gain in _GAINS.items() if re.search(end + r"\.weight$", name)), 1.0)
    return gain / math.sqrt(math.prod(shape[1:])) * noise


def _clear_path(state: State, gain: float, body: float) -> None:
    """Lay the path input -> conv_in -> skip connection -> last resnet -> conv_out, in place.

    conv_in makes pairs of channels of opposite sign, each a copy of one of the channels to denoise. The last
    resnet lets them through its 1x1 shortcut. conv_out adds them up: as silu(v) - silu(-v) = v, each pair
    gives the normalised input back. Where more channels come in than noise is predicted for (the enlarged
    picture of super-resolution), half of that picture is taken off, so that denoising leads towards it.
    """
    conv_in, conv_out = state["conv_in.weight"], state["conv_out.weight"]
    inner, taken = conv_in.shape[:2]
    noisy = min(taken, conv_out.shape[0])
    last = max(name for name in state if re.match(r"up_blocks\..*\.conv_shortcut\.weight$", name))
    shortcut = state[last]
    skipped = shortcut.shape[1] - inner  # the skip connection comes last in the concatenation
    conv_in *= np.float32(0.2)
    shortcut *= np.float32(0.5)
    conv_out *= np.float32(body)
    pairs = inner // 2
    for channel in range(inner):
        pair, sign = channel // 2, 1 - 2 * (channel % 2)
        copied = pair % noisy
        conv_in[channel, copied, 1, 1] += np.float32(sign)
        if taken > noisy:
            conv_in[channel, noisy + copied, 1, 1] -= np.float32(0.5 * sign)
        shortcut[channel, skipped + channel, 0, 0] += np.float32(_SHORTCUT_GAIN)
        copies = len(range(copied, pairs, noisy))
        conv_out[copied, channel, 1, 1] += np.float32(gain * sign / copies)


def _scale_latents(state: State, scaling_factor: float) -> None:
    """Let latents have variance one after scaling, and be sampled with a deviation of a tenth of that."""
    encoder = state["quant_conv.weight"], state["quant_conv.bias"]
    for values in encoder:
        half = len(values) // 2
        values[:half] *= np.float32(1 / scaling_factor)  # means
        values[half:] *= np.float32(0.1)  # logarithms of variances
    encoder[1][half:] += np.float32(2 * math.log(0.1 / scaling_factor))
    state["post_quant_conv.weight"] *= np.float32(scaling_factor)
    state["decoder.conv_out.weight"] *= np.float32(0.4)  # pictures within [-1, 1]
