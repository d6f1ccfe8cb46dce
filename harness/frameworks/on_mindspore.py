"""MindSpore as the framework of this process."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn
from mindspore.common.generator import Generator, default_generator

from harness.frameworks.framework import Framework, Refusal, Replacement

# They advance the global generator before checking whether to drop anything.
_DROPOUTS = frozenset({"dropout_ext", "dropout1d_ext", "dropout2d_ext", "dropout3d_ext"})


class MindSpore(Framework):
    """MindSpore; its cells are those of ``mindspore.nn``."""

    package = "mindspore"
    method = "construct"
    cell = nn.Cell
    tensor = Tensor

    def cells(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the cells by MindSpore's names."""
        yield from cell.cells_and_names()

    def parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the parameters by MindSpore's names."""
        yield from cell.parameters_and_names()

    def own_parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the parameters that are the cell's own."""
        for name, parameter in vars(cell).get("_params", {}).items():
            if parameter is not None:
                yield name, parameter

    def values(self, parameter: Any) -> Any:
        """Return the array; that of bfloat16 is of an extension of numpy, which MindSpore brings."""
        return parameter.asnumpy()

    def is_complex(self, tensor: Any) -> bool:
        """Return whether the dtype is one of MindSpore's two for complex numbers."""
        return tensor.dtype in (ms.complex64, ms.complex128)

    def dtype_name(self, tensor: Any) -> str:
        """Return MindSpore's name in lower case."""
        return str(tensor.dtype).lower()

    def tensor_of(self, array: Any) -> Any:
        """Return a new tensor."""
        return Tensor(array)

    def like(self, tensor: Any, array: Any) -> Any:
        """Return a new tensor, cast by MindSpore."""
        return Tensor(array).astype(tensor.dtype)

    def joined(self, tensors: Sequence[Any]) -> Any:
        """Join them by the framework's own operator."""
        return ms.ops.cat(tuple(tensors))

    def release_memory(self, *, compiled: bool) -> None:
        """Free graphs, tens of MB each; pipelines that are still used compile again at their next call."""
        if compiled:
            ms.ms_memory_recycle()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of MindSpore."""
        return (Path(ms.__file__ or "").parent,)

    def refusals(self) -> Iterator[Refusal]:
        """Yield the default generator, random operators without a seed, and primitives with seed 0."""
        from mindspore.ops.auto_generate import gen_ops_prim
        from mindspore.ops.function import nn_func, random_func
        from mindspore.ops.operations import random_ops

        yield Generator, "_step", "MindSpore's global generator", lambda it, *_: it is default_generator
        for module in (random_func, nn_func):
            what = "a random operator of MindSpore without a seed"
            yield module, "_get_seed", what, lambda seed=None, *_, **__: not seed
        for name, primitive in vars(random_ops).items():
            if isinstance(primitive, type) and primitive.__module__ == random_ops.__name__:
                yield primitive, "__call__", f"mindspore.ops.{name} with seed 0", _primitive_unseeded
        dropout = "dropout (is the model in training mode?)"
        yield gen_ops_prim.Dropout, "__call__", dropout, _primitive_unseeded

    def replacements(self) -> Iterator[Replacement]:
        """Yield a generator that dropout outside training may call."""
        yield Generator, "_step", _apart_from_idle_dropout(Generator._step)

    def random_states(self) -> dict[str, Any]:
        """Return how far the default generator has gone."""
        offset = default_generator._offset
        return {"MindSpore's global generator": {"offset": offset.asnumpy().tobytes()}}

    def keep_random_states(self) -> Callable[[], None]:
        """Return a function that sets the state, by an operator, only if it has changed."""
        figures, state = _figures(), default_generator.get_state()

        def put_back() -> None:
            if _figures() != figures:
                default_generator.set_state(state)

        return put_back


def _figures() -> tuple[bytes, ...]:
    figures = (default_generator._seed, default_generator._offset)
    return tuple(figure.asnumpy().tobytes() for figure in figures)


def _apart_from_idle_dropout(refusing: Any) -> Callable[..., Any]:
    """Return ``refusing``, except that dropout outside training calls the original and moves nothing.

    Models of mindone call mint's functional dropout with ``training=self.training`` in inference, too.
    """
    sound = refusing.__wrapped__

    @functools.wraps(sound)
    def step(generator: Any, *args: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_name not in _DROPOUTS or caller.f_locals.get("training") is not False:
            return refusing(generator, *args)
        state = generator.get_state()
        try:
            return sound(generator, *args)
        finally:
            generator.set_state(state)

    return step


def _primitive_unseeded(primitive: Any, *_: Any, **__: Any) -> bool:
    seeds = [getattr(primitive, name, None) for name in ("seed", "seed2", "Seed0", "Seed1")]
    return any(seed is not None for seed in seeds) and not any(seeds)
