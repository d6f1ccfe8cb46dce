"""Weights generated from a seed instead of stored: deterministic, and arranged so that a UNet denoises.

Purely random weights make a sampler chaotic: changing the initial noise by one unit in the last place has an
effect of order one after a few dozen steps, and nothing can be compared any more. The weights made here are
random too, but contain one clean path through the network along which the predicted noise is the normalised
input. As with a trained model, sampling then contracts.

This module imports only numpy, so that scripts for other frameworks can load it by path and get the same
bits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def seeded_state(
    shapes: Mapping[str, tuple[int, ...]], seed: int, *, denoising: bool = True
) -> dict[str, FloatArray]:
    """Make float32 weights for a `UNet2DModel` from the names and shapes of its parameters.

    Parameters are drawn in order of their names, so the result does not depend on the order of `shapes`.
    Scales keep the variance of activations about constant from layer to layer (He et al. 2015, with smaller
    residual branches). With `denoising=False` the weights stay purely random: chaotic when sampled, but
    suitable as a start for training. Raises ValueError if a name or shape does not belong to a `UNet2DModel`.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    state = {name: _draw(rng, name, tuple(shapes[name])) for name in sorted(shapes)}
    if denoising:
        _clear_path(state)
    return state


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> FloatArray:
    noise = rng.standard_normal(shape)
    if re.search(r"norm\w*\.weight$", name):
        return (1 + 0.1 * noise).astype(np.float32)
    if re.search(r"norm\w*\.bias$", name):
        return (0.1 * noise).astype(np.float32)
    if name.endswith(".bias"):
        return (0.05 * noise).astype(np.float32)
    if name == "time_proj.weight":
        return noise.astype(np.float32)
    if not name.endswith(".weight") or len(shape) < 2:
        raise ValueError(f"{name} of shape {shape} is not a parameter of a UNet2DModel")
    fan_in = math.prod(shape[1:])
    return (_gain(name) / math.sqrt(fan_in) * noise).astype(np.float32)


def _gain(name: str) -> float:
    """Return the standard deviation of a layer's output for inputs of variance one."""
    gain = 1.0
    if re.search(r"conv1|conv2|to_q|to_k|conv_out", name):
        gain = 1.5  # compensates for the activation before a convolution; sharpens the attention
    if re.search(r"conv2|to_out", name):
        gain *= 0.7  # the end of a residual branch
    return gain


def _clear_path(state: dict[str, FloatArray]) -> None:
    """Lay the path input -> conv_in -> skip connection -> last up block -> conv_out, in place.

    Channel c of conv_in gets a copy of input channel (c // 2) mod in_channels, with a sign that depends on
    the parity of c. The last resnet of the last up block passes these copies on through its 1x1 shortcut.
    conv_out adds them up: because silu(v) - silu(-v) = v, each pair gives exactly the normalised input.
    """
    conv_in, conv_out = state["conv_in.weight"], state["conv_out.weight"]
    shortcuts = [name for name in state if re.match(r"up_blocks\..*\.conv_shortcut\.weight$", name)]
    last = max(shortcuts, key=lambda name: [int(index) for index in re.findall(r"\d+", name)])
    shortcut = state[last]
    inner, in_channels, out_channels = conv_in.shape[0], conv_in.shape[1], conv_out.shape[0]
    skipped = shortcut.shape[1] - inner  # the skip connection comes last in the concatenation
    conv_in *= np.float32(0.2)
    shortcut *= np.float32(0.5)
    state[last.replace("conv_shortcut", "conv2")] *= np.float32(0.5)
    conv_out *= np.float32(0.3)
    pairs = max(1, inner // 2 // out_channels)
    for channel in range(inner):
        pair, sign = channel // 2, 1.0 - 2.0 * (channel % 2)
        conv_in[channel, pair % in_channels, 1, 1] += np.float32(sign)
        shortcut[channel, skipped + channel, 0, 0] += np.float32(_SHORTCUT_GAIN)
        conv_out[pair % out_channels, channel, 1, 1] += np.float32(sign / pairs)


_SHORTCUT_GAIN = 3.0  # raises the copies above what the body of the network adds to them
