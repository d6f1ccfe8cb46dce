"""The framework that this process computes with: what a cell is, what a tensor is, and how it draws."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

# The owner of an attribute, its name, what it is, and whether a call with given arguments is refused.
Refusal = tuple[Any, str, str, Callable[..., bool]]
# The owner of an attribute, its name, and what takes its place.
Replacement = tuple[Any, str, Any]
FrameworkName = Literal["mindspore", "torch"]


class Framework(ABC):
    """MindSpore or torch.

    ``cell`` is the base class of a model's modules, and ``tensor`` that of tensors and parameters.
    ``method`` is the name of the method by which a cell computes. ``package`` is what is imported.
    """

    package: FrameworkName
    method: str
    cell: type[Any]
    tensor: type[Any]
    measures_rounding = False

    @cached_property
    def inherited(self) -> frozenset[str]:
        """The attributes that every cell has."""
        return frozenset(vars(self.cell()))

    def function(self, cell: Any) -> Callable[..., Any]:
        """Return the method that computes what ``cell`` returns; its signature has the cell's arguments."""
        function: Callable[..., Any] = getattr(cell, self.method)
        return function

    @abstractmethod
    def cells(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield ``cell`` under an empty path and every cell inside it under its path."""

    @abstractmethod
    def parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the parameters of ``cell`` and of the cells inside it, each under its path."""

    @abstractmethod
    def own_parameters(self, cell: Any) -> Iterator[tuple[str, Any]]:
        """Yield the cell's own parameters under its own names for them."""

    @abstractmethod
    def values(self, parameter: Any) -> Any:
        """Return a parameter as an array of numpy, which may be in its memory."""

    @abstractmethod
    def is_complex(self, tensor: Any) -> bool:
        """Return whether ``tensor`` holds complex numbers."""

    @abstractmethod
    def dtype_name(self, tensor: Any) -> str:
        """Return the name of the tensor's dtype: ``float32``."""

    @abstractmethod
    def tensor_of(self, array: Any) -> Any:
        """Return ``array`` as a tensor."""

    @abstractmethod
    def like(self, tensor: Any, array: Any) -> Any:
        """Return ``array`` as a tensor of the dtype, and on the device, of ``tensor``."""

    def widened(self, value: Any) -> Any:
        """Return ``value`` in float64 if it is a tensor of floats; otherwise as it is."""
        return value

    def widened_cell(self, cell: Any) -> Any:
        """Return ``cell`` with its own parameters in float64; the cells inside it are the same."""
        return cell

    @abstractmethod
    def joined(self, tensors: Sequence[Any]) -> Any:
        """Return ``tensors`` as one, joined along the first axis."""

    def placed(self, pipeline: Any) -> Any:
        """Return a pipeline with its models on the device of this process, where loading has not put them."""
        return pipeline

    @abstractmethod
    def release_memory(self, *, compiled: bool) -> None:
        """Free what the framework keeps of pipelines that were dropped; ``compiled`` if there are graphs."""

    @property
    @abstractmethod
    def folders(self) -> tuple[Path, ...]:
        """The folders of the packages whose functions draw for others."""

    @abstractmethod
    def refusals(self) -> Iterator[Refusal]:
        """Yield the functions that draw what no seed of a case decides."""

    def replacements(self) -> Iterator[Replacement]:
        """Yield what takes the place of refusing functions once they are in place."""
        return iter(())

    @abstractmethod
    def random_states(self) -> dict[str, Any]:
        """Return the state of each global generator, by its name in messages, so that states compare."""

    @abstractmethod
    def keep_random_states(self) -> Callable[[], None]:
        """Return a function that gives the global generators the states that they have now."""


_chosen: Framework | None = None


def choose(name: FrameworkName, device: str = "cpu") -> Framework:
    """Let this process compute with the framework called ``name``, which is imported.

    ``device`` is torch's name for the device; MindSpore has one for the whole process.
    """
    global _chosen
    if name == "torch":
        from harness.frameworks.on_torch import Torch

        _chosen = Torch(device)
    else:
        from harness.frameworks.on_mindspore import MindSpore

        _chosen = MindSpore()
    return _chosen


def loaded() -> Framework | None:
    """Return the framework of this process; MindSpore if it is imported and none was chosen."""
    if _chosen is None and "mindspore" in sys.modules:
        return choose("mindspore")
    return _chosen


def is_tensor(value: Any) -> bool:
    """Return whether ``value`` is a tensor or a parameter of the framework of this process."""
    framework = loaded()
    return framework is not None and isinstance(value, framework.tensor)


def current() -> Framework:
    """Return the framework of this process, MindSpore if none was chosen."""
    return loaded() or choose("mindspore")
