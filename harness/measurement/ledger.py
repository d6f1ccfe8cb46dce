"""The case's generator: numpy's own, with a ledger of every draw."""

from __future__ import annotations

import hashlib
import sys
from functools import partialmethod
from pathlib import PurePath
from typing import Any

import numpy as np

from harness.measurement.figures import Draw

# All public methods of numpy.random.Generator that take values from its bit generator.
DRAWING_METHODS = {name for name in dir(np.random.Generator) if name[0] != "_"} - {"bit_generator", "spawn"}


class Ledger:
    """The draws of one run, in the order in which they were made, over all generators of the batch."""

    def __init__(self) -> None:
        self._draws: list[Draw] = []
        self._running: dict[int, hashlib._Hash] = {}

    @property
    def draws(self) -> tuple[Draw, ...]:
        """The entries so far, first to last."""
        return tuple(self._draws)

    def enter(self, generator: int, method: str, result: Any, site: str) -> None:
        """Append one draw. Its hash covers everything the generator has returned so far."""
        array = np.frombuffer(result, np.uint8) if isinstance(result, bytes) else np.asarray(result)
        running = self._running.setdefault(generator, hashlib.sha256())
        running.update(f"{method}{array.dtype.str}{array.shape}".encode())
        running.update(np.ascontiguousarray(array).data)
        self._draws.append(Draw(generator, method, array.shape, array.dtype.str, running.hexdigest(), site))


class LedgerGenerator(np.random.Generator):
    """``numpy.random.Generator(PCG64(seed))``, bit for bit, that enters each draw in a :class:`Ledger`.

    It only observes: its results are those of the plain generator with the same seed. If one method draws
    through another method of this class, the draw is entered once, under the name that was called.
    """

    def __init__(self, seed: int | np.random.BitGenerator, ledger: Ledger, index: int = 0) -> None:
        super().__init__(seed if isinstance(seed, np.random.BitGenerator) else np.random.PCG64(seed))
        self._ledger = ledger
        self._index = index
        self._depth = 0

    def spawn(self, n_children: int) -> list[np.random.Generator]:
        """Spawn as numpy does. The children's draws are entered under this generator's index."""
        children = self.bit_generator.spawn(n_children)
        return [self._child(child) for child in children]

    def _child(self, source: np.random.BitGenerator) -> LedgerGenerator:
        return LedgerGenerator(source, self._ledger, self._index)

    def _draw(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        self._depth += 1
        try:
            result = self._values(method, args, kwargs)
        finally:
            self._depth -= 1
        if self._depth == 0:
            # shuffle works in place and returns nothing, so its argument holds the drawn values.
            given = (args[0] if args else kwargs["x"]) if method == "shuffle" else result
            caller = sys._getframe(1)
            # The file without its folder, so that it reads the same everywhere.
            site = f"{PurePath(caller.f_code.co_filename).name}:{caller.f_lineno}"
            self._ledger.enter(self._index, method, given, site)
        return result

    @property
    def _nested(self) -> bool:
        """Whether the current draw was made by another method of this generator."""
        return self._depth > 1

    def _values(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of one call of ``method``. Generators that change their draws override this."""
        return getattr(super(), method)(*args, **kwargs)


for _method in DRAWING_METHODS:
    setattr(LedgerGenerator, _method, partialmethod(LedgerGenerator._draw, _method))


def case_generators(seeds: tuple[int, ...], ledger: Ledger) -> list[LedgerGenerator]:
    """Return one generator per seed, entered in ``ledger`` as 0, 1, …"""
    return [LedgerGenerator(seed, ledger, index) for index, seed in enumerate(seeds)]
