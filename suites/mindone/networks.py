"""A pipeline of networks alone, each called once, with weights and inputs from seeds.

So a configuration needs no checkpoint of its own.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

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
    ``config`` that it is made with; a ``kind`` and ``config`` in there are made first. ``calls`` are methods
    to call first, with their arguments, and ``method`` is what is called in place of the network itself. A
    function has no ``config``. ``noise`` has the shapes of the inputs that are drawn, and ``values`` the
    other inputs: lists become tensors, as a number in ``{tensor: 7}`` does, and ``dtype`` that of the case.
    ``plain`` inputs stay as they are. A name with a dot is an entry of a dictionary; before a number, it is
    an entry of a list, and before a number with a comma, of a tuple. An input whose name is a number is given
    by its place.
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
    """Return what ``network`` returns: one tensor, or the values of several one after the other."""
    import mindspore as ms
    from mindone.diffusers.utils.mindspore_utils import randn_tensor
    from mindspore import mint

    given: dict[str, Any] = dict(run.get("plain", {}))
    for name, shape in run.get("noise", {}).items():
        _put(given, name, randn_tensor(tuple(shape), generator=generator, dtype=precision))
    for name, value in run.get("values", {}).items():
        _put(given, name, _value(value, precision))
    called = getattr(network, run.get("method", "construct"), network)
    if "generator" in inspect.signature(called).parameters:
        given["generator"] = generator
    placed = [_listed(given.pop(name)) for name in sorted(given) if name.isdigit()]
    given = {name: _listed(value) for name, value in given.items()}
    output = called(*placed, **given) if "method" in run else network(*placed, **given)
    tensors = list(_tensors(output))
    if len(tensors) == 1:  # float64, as positions are, could not be kept together with the others
        return tensors[0].float() if tensors[0].dtype == ms.float64 else tensors[0]
    return mint.cat([each.astype(precision).reshape(-1) for each in tensors])[None]


def _tensors(output: Any) -> Iterator[Any]:
    import mindspore as ms

    if isinstance(output, tuple | list):
        for each in output:
            yield from _tensors(each)
    elif isinstance(output, dict):
        yield from _tensors(list(output.values()))
    elif isinstance(output, np.ndarray):
        yield from _tensors(ms.Tensor(output))
    elif isinstance(output, ms.Tensor):
        complex_ = output.dtype in (ms.complex64, ms.complex128)
        yield from _tensors([output.real(), output.imag()]) if complex_ else [output]


def _made(kind: str, config: dict[str, Any], calls: dict[str, list[Any]], precision: Any) -> Any:
    import mindspore as ms

    module, _, name = kind.rpartition(".")
    found = getattr(importlib.import_module(f"mindone.diffusers.models.{module}"), name)
    if not inspect.isclass(found):
        return found
    given = _inner({**_SMALL.get(name, {}), **config}, precision)
    zeros = functools.partial(_zeros, ms.mint.zeros)
    # Neither kind of parameter is to have values that no seed decides.
    with ms.nn.no_init_parameters(), mock.patch.object(ms.mint, "randn", zeros):
        made = found(**given)
    if not isinstance(made, ms.nn.Cell):
        return made
    parameters = dict(made.parameters_and_names())
    shapes = {key: list(each.shape) for key, each in parameters.items() if not key.endswith("pos_embed")}
    for key, values in draw(kind, shapes).items():
        parameters[key].set_data(ms.Tensor(values, parameters[key].dtype))
    for method, arguments in calls.items():
        arguments = _inner(arguments, precision)
        with mock.patch.object(np.random, "randint", return_value=0):  # of values that are replaced
            getattr(made, method)(*arguments)
    return (made.to(precision) if precision != ms.float32 else made).set_train(False)


def _zeros(zeros: Callable[..., Any], *shape: int, **_: Any) -> Any:
    return zeros(shape)


def _inner(value: Any, precision: Any) -> Any:
    """Return ``value`` with what is to be made in it in place of its description."""
    if isinstance(value, dict) and "kind" in value:
        return _made(value["kind"], value.get("config", {}), value.get("calls", {}), precision)
    if isinstance(value, dict) and "tensor" in value:
        return _tensor(value["tensor"], precision)
    if isinstance(value, dict):
        return {name: _inner(each, precision) for name, each in value.items()}
    return [_inner(each, precision) for each in value] if isinstance(value, list) else value


def _put(given: dict[str, Any], name: str, value: Any) -> None:
    *within, last = name.split(".")
    for each in within:
        given = given.setdefault(each, {})
    given[last] = value


def _listed(value: Any) -> Any:
    """Return ``value`` with a list, or a tuple, in place of each dictionary whose names are numbers."""
    if not isinstance(value, dict) or not value:
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    if not all(name.rstrip(",").isdigit() for name in inner):
        return inner
    each = [inner[name] for name in sorted(inner)]
    return tuple(each) if all(name.endswith(",") for name in inner) else each


def _value(value: Any, precision: Any) -> Any:
    if value == "dtype":
        return precision
    if isinstance(value, dict):
        return _tensor(value["tensor"], precision)
    return _tensor(value, precision) if isinstance(value, list) else value


def _tensor(value: Any, precision: Any) -> Any:
    import mindspore as ms

    array = np.array(value)
    return ms.Tensor(array, precision) if array.dtype.kind == "f" else ms.Tensor(array)
