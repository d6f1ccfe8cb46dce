"""Watch a pipeline: every call of every cell in one denoising step, and the steps themselves."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.frameworks.framework import current
from harness.measurement.guard import replaced
from harness.pipelines.methods import Call, observed_method
from harness.pipelines.steps import schedulers
from harness.tracing.tensors import leaves

# How a pipeline is run here: it is given a callback_on_step_end, and returns the output, as ``.array``.
Run = Callable[[Callable[..., Mapping[str, Any]]], Any]


class _StepReached(BaseException):
    """Ends the pipeline after the watched step; a pipeline must not take it for an error."""


@dataclass(eq=False)
class Frame:
    """A call of a cell in progress: which cell, at which path, inside which other call.

    The step of a scheduler counts as a call, too; ``function`` is what is called.
    ``last_child`` is the path of the cell that it called last, and ``index`` counts the calls of ``path``.
    """

    cell: Any
    path: str
    index: int
    parent: Frame | None
    function: Callable[..., Any]
    last_child: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The key that identifies this call among all calls of the step."""
        return self.path, self.index

    @property
    def ancestors(self) -> tuple[Frame, ...]:
        """The enclosing calls, outermost first."""
        return () if self.parent is None else (*self.parent.ancestors, self.parent)


class StepWatcher(ABC):
    """Observes one denoising step of a pipeline, or, as the step after the last one, all that follows it.

    Paths are those of cells below the cells that the pipeline holds. They start with the pipeline's name for
    that cell (``unet.up_blocks.1.attentions.0.to_k``). Those below a cell that it does not hold start with
    the name of its class.
    """

    def __init__(self, pipeline: Any, step: int) -> None:
        self.step = step
        self._pipeline = pipeline
        self.timestep: Any = None  # of the last step that ended
        self._reached = 0
        self._frame: Frame | None = None
        self._counts: Counter[str] = Counter()
        self._paths: dict[int, str] = {}
        self._kept: list[Any] = []  # cells, so that their addresses are not reused

    def watch(self, run: Run) -> None:
        """Run the pipeline up to the end of the step.

        Raises :class:`HarnessError` if the pipeline has no such step.
        """
        try:
            with self._seeing_calls():
                output = run(self._after_step)
        except _StepReached:
            return
        if self._reached == self.step > 0:
            self.output(output.array)
            return
        raise HarnessError(
            f"the pipeline called callback_on_step_end for {self._reached} steps: there is no step "
            f"{self.step} to look into (they count from 0)"
        )

    @abstractmethod
    def entering(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the arguments to call the cell with, given the original arguments."""

    @abstractmethod
    def leaving(self, frame: Frame, output: Any) -> Any:
        """Return the value for the cell's caller, given what the cell returned."""

    @abstractmethod
    def stepping(self, frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """Return the arguments to call a scheduler's step with, given the original arguments."""

    @abstractmethod
    def output(self, array: Any) -> None:
        """Receive the pipeline's output, if what follows the last step is observed."""

    @abstractmethod
    def latents_before(self, latents: Any) -> Mapping[str, Any]:
        """Return the callback's result at the end of the previous step, given the latents then."""

    @abstractmethod
    def latents_after(self, timestep: Any, latents: Any) -> None:
        """Receive the latents at the end of the step."""

    def _after_step(self, _: Any, __: int, timestep: Any, tensors: Mapping[str, Any]) -> Mapping[str, Any]:
        index, self._reached = self._reached, self._reached + 1
        self.timestep = timestep
        if index == self.step:
            self.latents_after(timestep, tensors["latents"])
            raise _StepReached
        return self.latents_before(tensors["latents"]) if index + 1 == self.step else {}

    @contextmanager
    def _seeing_calls(self) -> Iterator[None]:
        # Patch the class's method: MindSpore's hooks cannot replace keyword arguments in every release, and
        # this also sees a cell that the pipeline hides in a function.
        kind = current().cell
        original = kind.__call__

        def call(cell: Any, *args: Any, **kwargs: Any) -> Any:
            if self._reached != self.step:
                return original(cell, *args, **kwargs)
            return self._called(original, cell, args, kwargs)

        with ExitStack() as watched:
            watched.enter_context(replaced(kind, "__call__", call))
            found = schedulers(self._pipeline)
            paths = [_attribute_name(self._pipeline, each) or type(each).__name__ for each in found]

            def step(called: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                if self._reached == self.step and self._frame is None:
                    path = paths[called.place]
                    frame = Frame(called.of, path, self._counts[path], None, called.sound)
                    self._counts[path] += 1
                    args, kwargs = self.stepping(frame, args, kwargs)
                return called.sound(*args, **kwargs)

            watched.enter_context(observed_method(found, "step", step))
            yield

    def _called(
        self, original: Callable[..., Any], cell: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        path = self._path(cell)
        frame = Frame(cell, path, self._counts[path], self._frame, current().function(cell))
        self._counts[path] += 1
        args, kwargs = self.entering(frame, args, kwargs)
        self._frame = frame
        try:
            output = original(cell, *args, **kwargs)
        finally:
            self._frame = frame.parent
        if frame.parent is not None:
            frame.parent.last_child = path
        return self.leaving(frame, output)

    def _path(self, cell: Any) -> str:
        if id(cell) not in self._paths:
            if self._frame is None:
                root = _name_within(self._pipeline, cell) or type(cell).__name__
            else:  # made on the fly, or kept where MindSpore does not look for cells
                root = f"{self._frame.path}.{type(cell).__name__}"
            self._kept.append(cell)
            for name, inner in current().cells(cell):
                self._paths.setdefault(id(inner), f"{root}.{name}" if name else root)
        return self._paths[id(cell)]


def arguments(frame: Frame, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the tensors and numbers among the arguments of a call, labelled with the parameter names."""
    named = label_arguments(frame, args) + [(name, kwargs[name]) for name in sorted(kwargs)]
    return [leaf for name, value in named for leaf in leaves(value, name)]


def label_arguments(frame: Frame, args: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """Return the positional arguments themselves, labelled as in :func:`arguments`."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(frame.function).parameters.values()
    names = [parameter.name for parameter in parameters if parameter.kind in kinds]
    names += [f"argument {index}" for index in range(len(names), len(args))]
    return list(zip(names, args, strict=False))


def own_parameters(cell: Any) -> Iterator[tuple[str, Any]]:
    """Yield the cell's own parameters under its own names for them, without those of the cells inside it."""
    yield from current().own_parameters(cell)


def own_settings(cell: Any) -> dict[str, Any]:
    """Return the cell's own public numbers, texts and booleans, and tuples of these, as JSON values."""
    inherited = current().inherited
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(cell).items()
        if not name.startswith("_") and name not in inherited and _is_plain(value)
    }


def operator(cell: Any) -> str:
    """Return in short what a cell computes: its class, and the size of its kernel if it has one."""
    kernel = getattr(cell, "kernel_size", None)
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    name: str = type(cell).__name__
    return f"{name} {'x'.join(map(str, size))}" if isinstance(size, tuple) else name


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, bool | int | float | str) for item in items)


def _name_within(pipeline: Any, cell: Any) -> str | None:
    """Return the pipeline's name for ``cell``, or the path below the cell in which it has it."""
    if (name := _attribute_name(pipeline, cell)) is not None:
        return name
    # A pipeline that calls a method of its VAE calls the cells inside it: ``vae.decoder``.
    for name, value in sorted(getattr(pipeline, "__dict__", {}).items()):
        if isinstance(value, current().cell) and not name.startswith("_"):
            for path, inner in current().cells(value):
                if inner is cell:
                    return f"{name}.{path}"
    return None


def _attribute_name(pipeline: Any, cell: Any) -> str | None:
    attributes = getattr(pipeline, "__dict__", {})
    names = [name for name, value in attributes.items() if value is cell and not name.startswith("_")]
    return min(names, default=None)
