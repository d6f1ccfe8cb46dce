"""The class labels of a batch, for models that are conditioned on a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import mindspore as ms
import numpy as np
from mindspore import Tensor

from harness.pipelines.errors import PipelineError
from harness.pipelines.fields import is_integer, is_number
from harness.pipelines.models.config import UNet2DConfig

Label: TypeAlias = float | Sequence[float]
ClassLabels: TypeAlias = Label | Sequence[Label] | None


def labels_of_batch(config: UNet2DConfig, given: ClassLabels, batch_size: int) -> tuple[Tensor, ...]:
    """Return the labels as one tensor, ``[n]`` or ``[n, time_embed_dim]``; nothing if the model takes none.

    ``given`` is one label for all images, or a list of one per image. Raises :class:`PipelineError` if it
    does not fit the model.
    """
    if not config.embeds_class:
        if given is not None:
            raise PipelineError("class_labels: the UNet is not conditioned on a class; leave them out")
        return ()
    words = _words(config)
    if given is None:
        raise PipelineError(f"the UNet is conditioned on a class: give class_labels, {words} per image")
    labels = [given] * batch_size if _fits(config, given) else given
    if not isinstance(labels, list | tuple) or not all(_fits(config, each) for each in labels):
        raise PipelineError(f"class_labels: give {words}, or a list with one for each image")
    if len(labels) != batch_size:
        raise PipelineError(f"{len(labels)} class_labels for a batch of {batch_size}: give one per image")
    if config.class_embed_type is None:
        return (Tensor(np.array(labels, np.int64)),)
    return (Tensor(np.array(labels, np.float32), ms.float32),)


def _fits(config: UNet2DConfig, label: object) -> bool:
    if config.class_embed_type is None:
        return is_integer(label, 0, (config.num_class_embeds or 1) - 1)
    if config.class_embed_type == "timestep":
        return is_number(label)
    if not isinstance(label, list | tuple) or len(label) != config.time_embed_dim:
        return False
    return all(is_number(value) for value in label)


def _words(config: UNet2DConfig) -> str:
    if config.class_embed_type is None:
        return f"a class from 0 to {(config.num_class_embeds or 1) - 1}"
    if config.class_embed_type == "timestep":
        return "a number"
    return f"a vector of {config.time_embed_dim} numbers"
