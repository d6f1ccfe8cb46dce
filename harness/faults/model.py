"""Faults of the model: its parameters, and the cells that compute with them.

A fault of one layer is in the middle of the network: in the middle residual block, in the order of the
model's cells, and there in the second convolution, whose output no norm rescales.

A pipeline with a model fault must be discarded after its run. A compiled graph ignores changes to its cells'
attributes and parameters: MindSpore 2.10 continues with the old values after ``set_data``, and 2.7 with
neither the old values nor the new ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from harness.faults.catalogue import FaultNotApplicable
from harness.faults.cells import (
    HalfLayer,
    HalfSoftmax,
    RationalMish,
    RationalSiLU,
    ScaledSkip,
    ShiftedTimestep,
)

# The attribute's name in diffusers pipelines: in most, in those with transformers, and in those with several
# stages (UnCLIP).
_DENOISING = ("unet", "transformer", "decoder")


def put_into_model(name: str, size: float | None, pipeline: Any) -> None:
    """Put the model fault ``name`` into the denoising model of ``pipeline``, which has not run yet.

    ``size`` is the fault's size, if it has one. Raises :class:`FaultNotApplicable` for a pipeline without
    such a model, and for a model that lacks what the fault would change.
    """
    model = _denoising_model(pipeline)
    if model is None:
        raise FaultNotApplicable(
            f"the pipeline has no {' or '.join(_DENOISING)} that is a mindspore.nn.Cell, nor any other "
            "attribute that is the only one to be one",
            about=(name,),
        )
    try:
        if name in _ALREADY_IN_HALF:
            _check_not_half(model)
        _FAULTS[name](model, 0.0 if size is None else size)
    except _Missing as missing:
        raise FaultNotApplicable(str(missing), about=(name,)) from None


def _denoising_model(pipeline: Any) -> nn.Cell | None:
    named = [getattr(pipeline, attribute, None) for attribute in _DENOISING]
    if found := [model for model in named if isinstance(model, nn.Cell)]:
        return found[0]
    # A user's own pipeline may use any name for it.
    cells = [value for value in getattr(pipeline, "__dict__", {}).values() if isinstance(value, nn.Cell)]
    return cells[0] if len(cells) == 1 else None


class _Missing(Exception):
    """Something that a model lacks."""


def _bias_zeroed(unet: Any, size: float) -> None:
    bias = getattr(_middle_block(unet).conv2, "bias", None)
    if bias is None or not bias.asnumpy().any():
        raise _Missing("the model's middle convolution has no bias")
    _scale(bias, 1 - size)


def _norm_eps(unet: Any, size: float) -> None:
    norms = [cell for _, cell in unet.cells_and_names() if isinstance(getattr(cell, "eps", None), float)]
    if not norms:
        raise _Missing("the model has no norm with an eps")
    for norm in norms:
        norm.eps *= 1 + size


def _norm_groups(unet: Any, _: float) -> None:
    norm: Any = getattr(_middle_block(unet), "norm2", None)
    if not hasattr(norm, "num_groups"):
        raise _Missing("the model's middle residual block has no group norm norm2")
    channels, sound = norm.weight.shape[0], norm.num_groups
    others = [number for number in range(1, channels + 1) if channels % number == 0 and number != sound]
    if not others:
        raise _Missing("the model's middle group norm has one channel")
    norm.num_groups = max((number for number in others if number < sound), default=others[0])


def _activation_approximated(unet: Any, _: float) -> None:
    found = [
        (parent, name, _APPROXIMATIONS[type(cell)])
        for _, parent in unet.cells_and_names()
        for name, cell in parent.name_cells().items()
        if type(cell) in _APPROXIMATIONS and not getattr(cell, "approximate", False)
    ]
    if not found:
        raise _Missing("the model has no activation that is approximated anywhere")
    for parent, name, approximation in found:
        setattr(parent, name, approximation())


_APPROXIMATIONS: dict[Any, Callable[[], Any]] = {
    nn.SiLU: RationalSiLU,
    nn.Mish: RationalMish,
    nn.GELU: lambda: nn.GELU(approximate=True),
}


def _attention_scale(unet: Any, size: float) -> None:
    found = [attention for attention in _attentions(unet, "scale") if not _takes_its_own_scale(attention)]
    if not found:
        raise _Missing("the model's attention takes the scale from the width of its heads")
    for attention in found:
        attention.scale *= 1 + size
        if hasattr(attention, "scale_sqrt"):  # mindone's scales queries and keys by it
            attention.scale_sqrt *= math.sqrt(1 + size)


def _softmax_half(unet: Any, _: float) -> None:
    for attention in _attentions(unet, "softmax"):
        attention.softmax = HalfSoftmax(attention.softmax)


def _layer_half(unet: Any, _: float) -> None:
    block = _middle_block(unet)
    _round(block.conv2)
    block.conv2 = HalfLayer(block.conv2, inputs=True)


def _skip_dropped(unet: Any, size: float) -> None:
    found = _named(unet, r"up_blocks\.\d+\.resnets\.\d+")
    if not found:
        raise _Missing("the model has no up_blocks that take up skip connections")
    name, block = found[len(found) // 2]
    level, _, index = name.rpartition(".")
    channels_out, channels_in = block.conv1.weight.shape[:2]
    # The first block of a level, which is never its last, gets a skip connection as wide as the level. For
    # the others, what they get besides the skip connection is as wide as the level.
    carried = channels_out if index == "0" else channels_in - channels_out
    blocks = dict(unet.cells_and_names())[level]
    blocks[int(index)] = ScaledSkip(block, channels_in - carried, 1 - size)


def _time_embedding_swapped(unet: Any, _: float) -> None:
    embedding = _sinusoids(unet)
    embedding.cosine_first = not embedding.cosine_first


def _time_embedding_half(unet: Any, _: float) -> None:
    unet.time_proj = HalfLayer(_sinusoids(unet), inputs=False)


def _time_embedding_shifted(unet: Any, size: float) -> None:
    unet.time_proj = ShiftedTimestep(_sinusoids(unet), size)


_FAULTS: dict[str, Callable[[Any, float], None]] = {
    "weight-scaled": lambda unet, size: _scale(_middle_block(unet).conv2.weight, 1 + size),
    "bias-zeroed": _bias_zeroed,
    "weights-half": lambda unet, _: _round(unet),
    "norm-eps": _norm_eps,
    "norm-groups": _norm_groups,
    "activation-approximated": _activation_approximated,
    "attention-scale": _attention_scale,
    "softmax-half": _softmax_half,
    "layer-half": _layer_half,
    "skip-dropped": _skip_dropped,
    "time-embedding-swapped": _time_embedding_swapped,
    "time-embedding-half": _time_embedding_half,
    "time-embedding-shifted": _time_embedding_shifted,
}
# What a half-precision model already does.
_ALREADY_IN_HALF = ("weights-half", "layer-half", "time-embedding-half")


def _named(unet: Any, pattern: str) -> list[tuple[str, Any]]:
    return [(name, cell) for name, cell in unet.cells_and_names() if re.fullmatch(pattern, name)]


def _middle_block(unet: Any) -> Any:
    blocks = [cell for _, cell in _named(unet, r".*\.resnets\.\d+") if hasattr(cell, "conv2")]
    if not blocks:
        raise _Missing("the model has no residual blocks called resnets with a conv2")
    return blocks[len(blocks) // 2]


def _attentions(unet: Any, attribute: str) -> list[Any]:
    found = [cell for _, cell in unet.cells_and_names() if hasattr(cell, "to_q") and hasattr(cell, attribute)]
    if not found:
        raise _Missing(f"the model has no attention with a {attribute}")
    return found


def _takes_its_own_scale(attention: Any) -> bool:
    """Return whether a diffusers-like attention leaves the scale to torch 2's function or a similar one."""
    return type(getattr(attention, "processor", None)).__name__.endswith("2_0")


def _sinusoids(unet: Any) -> Any:
    embedding = getattr(unet, "time_proj", None)
    if not hasattr(embedding, "cosine_first"):
        raise _Missing("the model's time embedding has no sines and cosines")
    return embedding


def _scale(parameter: Any, factor: float) -> None:
    values = parameter.asnumpy()
    parameter.set_data(Tensor((values.astype(np.float64) * factor).astype(values.dtype)))


def _round(cell: Any) -> None:
    """Round the parameters of ``cell`` to half precision; they keep their dtype."""
    for parameter in cell.get_parameters():
        values = parameter.asnumpy()
        parameter.set_data(Tensor(values.astype(np.float16).astype(values.dtype)))


def _check_not_half(unet: Any) -> None:
    if any(parameter.dtype in (ms.float16, ms.bfloat16) for parameter in unet.get_parameters()):
        raise _Missing("the model computes in half precision already")
