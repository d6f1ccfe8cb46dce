"""diffusers on torch, the original of mindone: whether it is there, and the noise that it is given."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np

from harness.pipelines.errors import PackageMissing, PipelineError
from harness.pipelines.library import Library

_PACKAGES = ("torch", "diffusers", "transformers")
_FUNCTION = "randn_tensor"


def check_installed() -> None:
    """Raise :class:`PackageMissing` if torch, diffusers or transformers is not installed."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise PackageMissing(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for "
            f"{sys.executable}: cases of diffusers run under an interpreter that has {', '.join(_PACKAGES)}; "
            "install them there, name another (pytest: --harness-python; harness: --python), or leave these "
            'cases out (pytest: -m "not diffusers")'
        )


def versions() -> dict[str, str]:
    """Return the fields of a fingerprint for diffusers."""
    return {"implementation": "diffusers"} | {name: metadata.version(name) for name in _PACKAGES[1:]}


def hand_in_noise() -> None:
    """Let diffusers draw its noise from the generators of numpy that cases have, as mindone does.

    Its ``randn_tensor`` is replaced where it is defined, before its pipelines and schedulers import it from
    there, and in the modules that have imported it already.
    """
    from diffusers.utils import torch_utils

    sound = getattr(torch_utils, _FUNCTION)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "diffusers" and vars(module).get(_FUNCTION) is sound:
            setattr(module, _FUNCTION, randn_tensor)


def randn_tensor(
    shape: Sequence[int], generator: Any = None, device: Any = None, dtype: Any = None, layout: Any = None
) -> Any:
    """Return noise of ``shape``: float64 of ``generator``, or of one for each image, cast to ``dtype``.

    This is the function of diffusers with generators of numpy. Raises :class:`PipelineError` for fewer
    generators than images, and draws from torch without a generator, which the guard refuses.
    """
    import torch

    shape = tuple(shape)
    generators = list(generator) if isinstance(generator, list | tuple) else [generator]
    if len(generators) > 1 and len(generators) != shape[0]:
        raise PipelineError(
            f"{len(generators)} generators for a batch of {shape[0]}: give one generator, or one per image"
        )
    if not isinstance(generators[0], np.random.Generator):
        return torch.randn(shape, generator=generators[0], device=device, dtype=dtype, layout=layout)
    each = shape if len(generators) == 1 else (1, *shape[1:])
    drawn = np.concatenate([one.standard_normal(each) for one in generators])
    # Cast on the host, so that every device gets the same numbers.
    noise = torch.from_numpy(drawn).to(dtype or torch.get_default_dtype())
    return noise if device is None else noise.to(device)


DIFFUSERS = Library(
    name="diffusers",
    module="diffusers",
    framework="torch",
    dtype_argument="torch_dtype",
    transformers="transformers",
    model="PreTrainedModel",
    check_installed=check_installed,
)
PREFIX = DIFFUSERS.prefix
