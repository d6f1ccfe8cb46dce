"""A pipeline of networks alone, each called once, with weights and inputs from seeds.

So a configuration needs no checkpoint of its own.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from suites.mindone.classes.weights import draw

# What these are made with unless the case says otherwise: as small as they can be, in two levels.
_SMALL: dict[str, dict[str, Any]] = {
    "UNet2DConditionModel": {
        "sample_size": 12,
        "block_out_channels": [8, 12],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "cross_attention_dim": 12,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    },
    "UNet2DModel": {
        "sample_size": 12,
        "block_out_channels": [8, 12],
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 1,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    },
    "AutoencoderKL": {
        "sample_size": 16,
        "block_out_channels": [4, 8],
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
        "norm_num_groups": 2,
    },
}


def network(_checkpoint: str | None, dtype: str, _mode: str) -> Callable[..., Any]:
    """Return a pipeline that calls one network after the other; their outputs are its steps and its output.

    Each of ``runs`` has a ``kind``, a class and its module below ``mindone.diffusers.models``, and the
    ``config`` that it is made with. ``calls`` are methods to call first, with their arguments, and ``method``
    is what is called in place of the network itself. ``noise`` has the shapes of the inputs that are drawn,
    and ``values`` the other inputs, of which lists become tensors. A name with a dot is an entry of a
    dictionary.
    """
    import mindspore as ms
    import scipy.stats  # noqa: F401  draws while it is imported, which a case may not

    precision = getattr(ms, dtype)
    made: dict[str, Any] = {}

    def run(*, generator: Any, runs: list[dict[str, Any]], callback_on_step_end: Callable[..., Any]) -> Any:
        outputs = []
        for index, each in enumerate(runs):
            key = json.dumps([each["kind"], each.get("config"), each.get("calls")])
            if key not in made:
                made[key] = _made(each["kind"], each.get("config") or {}, each.get("calls") or {}, precision)
            output = _output(made[key], each, generator, precision)
            callback_on_step_end(None, index, index, {"latents": output})
            outputs.append(output.float().asnumpy().ravel())
        return np.concatenate(outputs)[None]

    return run


def _output(network: Any, run: dict[str, Any], generator: Any, precision: Any) -> Any:
    from mindone.diffusers.utils.mindspore_utils import randn_tensor

    given: dict[str, Any] = {}
    for name, shape in run.get("noise", {}).items():
        _put(given, name, randn_tensor(tuple(shape), generator=generator, dtype=precision))
    for name, value in run.get("values", {}).items():
        _put(given, name, _tensor(value, precision) if isinstance(value, list) else value)
    called = getattr(network, run.get("method", "construct"))
    if "generator" in inspect.signature(called).parameters:
        given["generator"] = generator
    output = called(**given) if "method" in run else network(**given)
    while isinstance(output, tuple | list):
        output = output[0]
    return output


def _made(kind: str, config: dict[str, Any], calls: dict[str, list[Any]], precision: Any) -> Any:
    import mindspore as ms

    module, _, name = kind.rpartition(".")
    made = getattr(importlib.import_module(f"mindone.diffusers.models.{module}"), name)
    with ms.nn.no_init_parameters():  # whose values no seed would decide
        model = made(**{**_SMALL.get(name, {}), **config})
    parameters = dict(model.parameters_and_names())
    shapes = {key: list(each.shape) for key, each in parameters.items() if not key.endswith("pos_embed")}
    for key, values in draw(kind, shapes).items():
        parameters[key].set_data(ms.Tensor(values, parameters[key].dtype))
    for method, arguments in calls.items():
        getattr(model, method)(*arguments)
    return (model.to(precision) if precision != ms.float32 else model).set_train(False)


def _put(given: dict[str, Any], name: str, value: Any) -> None:
    *within, last = name.split(".")
    for each in within:
        given = given.setdefault(each, {})
    given[last] = value


def _tensor(value: list[Any], precision: Any) -> Any:
    import mindspore as ms

    array = np.array(value)
    return ms.Tensor(array, precision) if array.dtype.kind == "f" else ms.Tensor(array)
