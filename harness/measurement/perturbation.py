"""Perturbation: move the noise that a case draws by one unit in the last place, with random signs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.measurement.bfloat16 import BFLOAT16, next_bfloat16, to_bfloat16
from harness.measurement.ledger import Ledger, LedgerGenerator
from harness.measurement.measurement import Array


class NothingToPerturb(HarnessError):
    """A case draws no real numbers from its generators, so rounding cannot be injected into its noise."""


class PerturbedGenerator(LedgerGenerator):
    """A case's generator whose floating-point draws are moved by one ulp, up or down at random.

    All draws are moved. The first may hardly reach the output (such as the draw that encodes a picture), and
    rounding enters at every step that takes new noise. The ulp is that of ``dtype``, the dtype in which the
    case computes: numpy draws float64, whose ulp would be lost when the pipeline casts. If the pipeline casts
    its noise to even fewer bits, ``unit`` is the dtype that it casts to. ``seed`` determines the values, as
    in the case itself, and ``member`` determines the signs. Without a ``member``, draws are rounded to
    ``unit`` and not moved. The ledger records the values returned.
    """

    def __init__(
        self,
        seed: int | np.random.BitGenerator,
        ledger: Ledger,
        index: int,
        *,
        member: int | None,
        dtype: str,
        unit: str,
    ) -> None:
        super().__init__(seed, ledger, index)
        self._signs = None if member is None else np.random.Generator(np.random.PCG64([member, index]))
        self._member, self._dtype, self._unit = member, dtype, unit
        self._has_moved = False
        self._children: list[PerturbedGenerator] = []

    @property
    def moved(self) -> bool:
        """Whether this generator, or one spawned from it, returned floating-point numbers."""
        return self._has_moved or any(child.moved for child in self._children)

    def _child(self, source: np.random.BitGenerator) -> LedgerGenerator:
        child = PerturbedGenerator(
            source, self._ledger, self._index, member=self._member, dtype=self._dtype, unit=self._unit
        )
        # One shared stream of signs, so that no two children move alike.
        child._signs = self._signs
        self._children.append(child)
        return child

    def _values(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        values = super()._values(method, args, kwargs)
        array = np.asarray(values)
        if self._nested or array.dtype.kind != "f" or array.size == 0:
            return values
        self._has_moved = True
        # The pipeline casts to the case's dtype first.
        cast = rounded(array, self._dtype)
        if self._signs is None:
            moved = rounded(cast, self._unit).astype(array.dtype)
        else:
            moved = one_ulp(cast, self._unit, self._signs).astype(array.dtype)
        # In place if numpy filled the caller's array, because the pipeline reads what it passed as `out=`.
        if isinstance(values, np.ndarray):
            values[...] = moved
            return values
        return type(values)(moved)


def one_ulp(values: Array, dtype: str, signs: np.random.Generator) -> Array:
    """Return ``values``, in their dtype, moved to the next value of ``dtype``, up or down at random."""
    up = signs.integers(0, 2, size=values.shape, dtype=np.uint8).astype(bool)
    start = rounded(values, dtype)
    if dtype == BFLOAT16:
        return next_bfloat16(start, up).astype(values.dtype)
    towards = np.where(up, np.inf, -np.inf).astype(dtype)
    moved: Array = np.nextafter(start, towards).astype(values.dtype)
    return moved


def rounded(values: Array, dtype: str) -> Array:
    """Return ``values`` rounded to ``dtype``."""
    return to_bfloat16(values) if dtype == BFLOAT16 else values.astype(dtype)


def perturbed_generators(
    seeds: tuple[int, ...], ledger: Ledger, *, member: int | None, dtype: str, unit: str | None = None
) -> list[PerturbedGenerator]:
    """Return one :class:`PerturbedGenerator` per seed, entered in ``ledger`` as 0, 1, …"""
    return [
        PerturbedGenerator(seed, ledger, index, member=member, dtype=dtype, unit=unit or dtype)
        for index, seed in enumerate(seeds)
    ]


def check_perturbed(generators: Sequence[LedgerGenerator]) -> None:
    """Raise :class:`NothingToPerturb` if a generator to be perturbed returned no floating-point numbers."""
    if all(generator.moved for generator in generators if isinstance(generator, PerturbedGenerator)):
        return
    raise NothingToPerturb(
        "the pipeline draws no floating-point noise from its generator, so there is nothing to perturb and "
        "no tolerance can be measured; give the case explicit limits, or `exact`"
    )
