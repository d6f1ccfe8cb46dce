"""The constants that schedulers and models compute for themselves, and the timesteps of models."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from harness.frameworks.framework import current, is_tensor
from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.facts import Facts, LargeTable
from harness.measurement.guard import replaced
from harness.measurement.measurement import REAL_KINDS, Array
from harness.measurement.statistics import moments
from harness.pipelines.held import cells_and_schedulers
from harness.pipelines.methods import Call, observed_method
from harness.pipelines.parameters import checksum, loaded_facts

# The most values of a table that is stored: sixteen times those of a schedule of 1,000 timesteps.
MOST_VALUES = 1 << 14
# What models call the timestep that they are given.
TIMESTEP = ("timestep", "timesteps", "t")

# An array, and the name of its own dtype.
Table = tuple[Array, str]


class Constants:
    """The constants of a pipeline that was loaded: ``unet/pos_embed.table`` and the like, in its cells.

    :meth:`watching` adds those that it computes when it is called: ``scheduler.betas``, ``unet.timestep``.
    Only what is there before the first step is a constant. What a scheduler keeps from step to step is not.
    ``computed`` are patterns of the parameters that get a sketch.
    """

    def __init__(self, pipeline: Any, computed: Sequence[str] = ()) -> None:
        self._pipeline = pipeline
        self._cells, self._schedulers = cells_and_schedulers(pipeline)
        self._loaded = loaded_facts(self._cells, computed)
        self.values: dict[str, Array] = {}
        self._dtypes: dict[str, str] = {}
        self._large: dict[str, LargeTable] = {}
        self._places: dict[str, tuple[str, ...]] = {}
        self._given: dict[str, list[Table]] = {}
        self._add_of_cells()

    @property
    def facts(self) -> Facts:
        """The facts of the parameters and of the constants."""
        return replace(self._loaded, dtypes=dict(self._dtypes), large=dict(self._large), places=self._places)

    def of_one_call(self) -> Constants:
        """Return a copy, for the constants of one call."""
        made = copy.copy(self)
        made.values, made._dtypes, made._large = dict(self.values), dict(self._dtypes), dict(self._large)
        made._given = {}
        # A call may have put another scheduler in place of one.
        _, made._schedulers = cells_and_schedulers(self._pipeline)
        return made

    def _add(self, name: str, table: Table) -> None:
        """Take a constant, the first of its name."""
        array, dtype = table
        if name in self._dtypes or name in self._large or array.size == 0:
            return
        if array.size > MOST_VALUES:
            # JSON has no infinity, and some tables have.
            figures = {key: value for key, value in moments(array).items() if np.isfinite(value)}
            self._large[name] = LargeTable(dtype, array.shape, checksum(array), figures)
        else:
            # A copy, since a scheduler may go on computing in its tables.
            self.values[name], self._dtypes[name] = np.array(array), dtype

    def _add_of_cells(self) -> None:
        """Take the numbers, tensors and arrays of cells that are no parameters, buffers among them."""
        if not self._cells:
            return
        # Dozens of attributes of each cell; looking at them all would take longer than the parameters.
        inherited = current().inherited
        for component, cell in self._cells:
            numbers: dict[str, dict[str, float]] = {}
            for path, inner in current().cells(cell):
                own = [(name, value) for name, value in vars(inner).items() if name not in inherited]
                for name, value in own:
                    # An attribute that is private may count, or tell the time.
                    if type(value) is float and not name.startswith("_"):
                        numbers.setdefault(name, {})[path] = value
                if _is_frameworks(inner):
                    continue
                for name, value in (*own, *(getattr(inner, "_buffers", None) or {}).items()):
                    if _is_array(value) and (table := _table(value)) is not None:
                        self._add(f"{component}/{'.'.join(filter(None, (path, name)))}", table)
            for name, value in _configured(cell).items():
                self._add(f"{component}/config.{name}", (np.array(value), "float64"))
            for name, values in numbers.items():
                self._add(f"{component}/*.{name}", (np.array(list(values.values())), "float64"))
                self._places[f"{component}/*.{name}"] = tuple(values)

    @contextmanager
    def watching(self, *, compiled: bool) -> Iterator[None]:
        """Take the tables of each scheduler when it has set its timesteps, and the timesteps of models.

        A ``compiled`` graph is called without its cell, so what it is given is not seen.
        """
        with ExitStack() as patches:
            seen = [scheduler for _, scheduler in self._schedulers]
            patches.enter_context(observed_method(seen, "set_timesteps", self._set_timesteps))
            if self._cells and not compiled:
                kind = current().cell
                patches.enter_context(replaced(kind, "__call__", self._calls(kind.__call__)))
            yield
        for name, scheduler in self._schedulers:
            self._add_of_scheduler(name, scheduler)
        for name, tables in self._given.items():
            if len({(array.shape, dtype) for array, dtype in tables}) == 1:
                self._add(name, (np.stack([array for array, _ in tables]), tables[0][1]))

    def _set_timesteps(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.sound(*args, **kwargs)
        self._add_of_scheduler(self._schedulers[call.place][0], call.of)
        return result

    def _add_of_scheduler(self, name: str, scheduler: Any) -> None:
        for attribute, value in sorted(vars(scheduler).items()):
            # The state of a multistep solver has the shape of latents; tables have one axis.
            if (table := _table(value)) is not None and table[0].ndim <= 1:
                self._add(f"{name}.{attribute.removeprefix('_')}", table)

    def _calls(self, sound: Callable[..., Any]) -> Callable[..., Any]:
        watched = {id(cell): (name, place) for name, cell in self._cells if (place := timestep_of(cell))}

        @functools.wraps(sound)
        def call(cell: Any, *args: Any, **kwargs: Any) -> Any:
            if id(cell) in watched:
                name, (argument, index) = watched[id(cell)]
                value = kwargs[argument] if argument in kwargs else args[index] if index < len(args) else None
                value = float(value) if type(value) is int else value
                if (table := _table(value)) is not None and table[0].size:
                    # A batch is given one timestep for each image.
                    self._given.setdefault(f"{name}.{argument}", []).append(
                        (table[0].reshape(-1)[0], table[1])
                    )
            return sound(cell, *args, **kwargs)

        return call


def timestep_of(cell: Any) -> tuple[str, int] | None:
    """Return the name and the position of the timestep among the arguments of ``cell``."""
    names = list(inspect.signature(current().function(cell)).parameters)
    return next(((name, names.index(name)) for name in TIMESTEP if name in names), None)


def _configured(cell: Any) -> dict[str, float]:
    """Return the numbers of diffusers' ``config``: the pipeline reads some of them, such as a VAE's scale."""
    config = getattr(cell, "config", None)
    if not isinstance(config, Mapping):
        return {}
    return {str(name): value for name, value in config.items() if type(value) is float}


def _is_frameworks(cell: Any) -> bool:
    """Return whether ``cell`` is a layer of the framework, whose own tensors initialise it or count draws."""
    layers = set(type(cell).__mro__) - set(current().cell.__mro__)
    return any(layer.__module__.partition(".")[0] == current().package for layer in layers)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or is_tensor(value) or hasattr(type(value), "asnumpy")


def _table(value: Any) -> Table | None:
    """Return an array of real numbers: of numpy or the framework, or a number or a list of numbers."""
    plain = type(value) is float or (
        isinstance(value, list | tuple) and all(type(each) in (int, float) for each in value)
    )
    if not plain and not _is_array(value) and not isinstance(value, np.generic):
        return None
    try:
        array = np.asarray(value) if plain else to_numpy(value)
    except Exception:  # noqa: BLE001  an object of a user's own may raise anything
        return None
    known = array.dtype.kind in REAL_KINDS and array.dtype.itemsize <= 8
    return (
        (array.astype(array.dtype.newbyteorder("="), copy=False), dtype_of(value, array)) if known else None
    )
