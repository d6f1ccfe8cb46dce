"""Noise that is not contiguous in memory: the same values, as a view of an array with gaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.measurement.ledger import Ledger, LedgerGenerator


class StridedGenerator(LedgerGenerator):
    """A case's generator whose arrays are every second value of a larger one."""

    def _child(self, source: np.random.BitGenerator) -> LedgerGenerator:
        return StridedGenerator(source, self._ledger, self._index)

    def _values(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        values = super()._values(method, args, kwargs)
        # An array that the caller gave with `out=` is the caller's own.
        if self._nested or not isinstance(values, np.ndarray) or not values.ndim or "out" in kwargs:
            return values
        with_gaps = np.empty((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        # What lies in the gaps shows if it is read.
        with_gaps[...] = values.dtype.type(7)
        view = with_gaps[..., ::2]
        view[...] = values
        return view


def strided_generators(seeds: tuple[int, ...], ledger: Ledger) -> list[StridedGenerator]:
    """Return one :class:`StridedGenerator` per seed, entered in ``ledger`` as 0, 1, …"""
    return [StridedGenerator(seed, ledger, index) for index, seed in enumerate(seeds)]
