"""torch as the framework of this process."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.frameworks.framework import Framework, Refusal

# Functions that draw from torch's default generator unless they are given another one, of the module and as
# methods of a tensor. Those that take no generator, such as dropout, are left to the comparison of states.
_FUNCTIONS = (
    "bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
)  # fmt: skip
_METHODS = (
    "bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "multinomial",
    "normal_", "random_", "uniform_",
)  # fmt: skip
_ACCELERATORS = ("cuda", "npu")


class Torch(Framework):
    """torch; its cells are those of ``torch.nn``, and its pipelines run on ``device``."""

    package = "torch"
    method = "forward"
    cell = nn.Module
    tensor = Tensor
    measures_rounding = True

    def __init__(self, device: str = "cpu") -> None:
        self._device = device

    def cells(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the modules by torch's names."""
        yield from cell.named_modules()

    def parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the parameters by torch's names."""
        yield from cell.named_parameters()

    def own_parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the parameters that are the module's own."""
        yield from cell.named_parameters(recurse=False)

    def values(self, parameter: Any) -> Any:
        """Return the array; that of bfloat16, which numpy lacks, is of float32."""
        plain = parameter.detach().cpu()
        return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()

    def is_complex(self, tensor: Any) -> bool:
        """Return whether torch says so."""
        return bool(tensor.is_complex())

    def dtype_name(self, tensor: Any) -> str:
        """Return torch's name, without torch."""
        return str(tensor.dtype).removeprefix("torch.")

    def tensor_of(self, array: Any) -> Any:
        """Return a new tensor on the host, as pipelines take them."""
        return torch.from_numpy(array.copy())

    def like(self, tensor: Any, array: Any) -> Any:
        """Return a new tensor."""
        return torch.from_numpy(array.copy()).to(device=tensor.device, dtype=tensor.dtype)

    def widened(self, value: Any) -> Any:
        """Return a tensor of floats in float64."""
        return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value

    def widened_cell(self, cell: Any) -> Any:
        """Return a shallow copy with parameters and buffers of its own, in float64."""
        shell = copy.copy(cell)
        shell.__dict__ = dict(vars(cell))
        shell.__dict__["_parameters"] = {
            name: None if each is None else nn.Parameter(self.widened(each.detach()), requires_grad=False)
            for name, each in cell._parameters.items()
        }
        shell.__dict__["_buffers"] = {
            name: None if each is None else self.widened(each) for name, each in cell._buffers.items()
        }
        return shell

    def joined(self, tensors: Sequence[Any]) -> Any:
        """Join them by the framework's own operator."""
        return torch.cat(tuple(tensors))

    def placed(self, pipeline: Any) -> Any:
        """Move the pipeline to the device."""
        return pipeline.to(self._device)

    def release_memory(self, *, compiled: bool) -> None:
        """Give an accelerator's memory back, of which torch keeps what is free."""
        del compiled
        for name in _initialised():
            getattr(torch, name).empty_cache()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of torch."""
        return (Path(torch.__file__).parent,)

    def refusals(self) -> Iterator[Refusal]:
        """Yield the functions that draw from the default generator, and those that get numpy's generator."""
        for owner, place, names in ((torch, "torch", _FUNCTIONS), (Tensor, "torch.Tensor", _METHODS)):
            for name in names:
                told = f"{place}.{name}"
                yield owner, name, f"{told} (torch's global generator)", _without_generator
                foreign = f"what {told} draws (it takes generators of torch alone, not the case's)"
                yield owner, name, foreign, _with_foreign_generator

    def random_states(self) -> dict[str, Any]:
        """Return the states of the generators of the host and of the accelerators in use."""
        states = {"torch's global generator": torch.random.get_rng_state().numpy().tobytes()}
        for name in _initialised():
            state = getattr(torch, name).get_rng_state()
            states[f"torch's global generator of {name}"] = state.cpu().numpy().tobytes()
        return states

    def keep_random_states(self) -> Callable[[], None]:
        """Return a function that sets the states."""
        host = torch.random.get_rng_state()
        others = {name: getattr(torch, name).get_rng_state() for name in _initialised()}

        def put_back() -> None:
            torch.random.set_rng_state(host)
            for name, state in others.items():
                getattr(torch, name).set_rng_state(state)

        return put_back


def _initialised() -> list[str]:
    accelerators = {name: getattr(torch, name, None) for name in _ACCELERATORS}
    return [name for name, each in accelerators.items() if each is not None and each.is_initialized()]


def _without_generator(*_: Any, generator: Any = None, **__: Any) -> bool:
    return generator is None


def _with_foreign_generator(*_: Any, generator: Any = None, **__: Any) -> bool:
    return generator is not None and not isinstance(generator, torch.Generator)
