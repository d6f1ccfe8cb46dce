"""Faults of the noise: generators that give a case different values from those of its own generators.

All but one enter in the ledger what they actually returned. ``noise-scaled`` acts after the draw has been
entered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.faults.catalogue import FaultNotApplicable
from harness.measurement.ledger import Ledger, LedgerGenerator
from harness.measurement.measurement import Array

# numpy's default dtype is float64. These methods draw float32 by a different path; the others draw float64
# only.
_FLOAT32_METHODS = ("random", "standard_normal", "standard_exponential")


Seed = int | np.random.BitGenerator


class FaultyGenerator(LedgerGenerator):
    """A case's generator with a fault; ``acted`` is whether any draw was of the kind the fault changes.

    The base class does not change draws: the fault is the bit generator it is created with.
    """

    # Why the fault may have nothing to change.
    needs = "the pipeline draws nothing from its generator"

    def __init__(self, seed: Seed, ledger: Ledger, index: int) -> None:
        super().__init__(seed, ledger, index)
        self.acted = False

    def _values(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        values = super()._values(method, args, kwargs)
        if self._nested:
            return values
        changed = self._changed(np.asarray(values))
        if changed is None:
            return values
        self.acted = True
        # In place if numpy filled the caller's array, because the pipeline reads what it passed as `out=`.
        if isinstance(values, np.ndarray):
            values[...] = changed
            return values
        return values if changed.dtype.kind != "f" else type(values)(changed)

    def _changed(self, values: Array) -> Array | None:
        """Return the replacement for ``values``, or None if this draw is not of the fault's kind."""
        return values


class _ExtraDraw(FaultyGenerator):
    def __init__(self, seed: Seed, ledger: Ledger, index: int) -> None:
        super().__init__(seed, ledger, index)
        self.standard_normal()
        self.acted = False


class _Float32Draw(FaultyGenerator):
    needs = "the pipeline draws no float64 that numpy could draw as float32"

    def _values(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        wide = np.dtype(kwargs.get("dtype", np.float64)) == np.float64
        # Positional arguments after the size already set the dtype, and an `out=` array already has one.
        if method not in _FLOAT32_METHODS or not wide or len(args) > 1 or kwargs.get("out") is not None:
            return LedgerGenerator._values(self, method, args, kwargs)
        self.acted = True
        return LedgerGenerator._values(self, method, args, {**kwargs, "dtype": np.float32})


class _DrawOrder(FaultyGenerator):
    needs = "the pipeline draws no array of floating numbers with more than one row and column"

    def _changed(self, values: Array) -> Array | None:
        if values.dtype.kind != "f" or sum(length > 1 for length in values.shape) < 2:
            return None
        return values.ravel().reshape(values.shape, order="F").copy()


class _ChannelOrder(FaultyGenerator):
    needs = "the pipeline draws no noise [n, channels, ...] of more than one channel"

    def _changed(self, values: Array) -> Array | None:
        if values.dtype.kind != "f" or values.ndim < 4 or values.shape[1] < 2:
            return None
        n, channels, *rest = values.shape
        return np.moveaxis(values.reshape(n, *rest, channels), -1, 1).copy()


class _SharedGenerator(FaultyGenerator):
    needs = "the pipeline draws from the generator of one image only: it takes a batch"

    def _changed(self, values: Array) -> Array | None:
        return values if self._index > 0 else None


class _SoundLedger(Ledger):
    """Enters draws in the run's ledger as they were before scaling."""

    def __init__(self, of_the_run: Ledger) -> None:
        super().__init__()
        self._of_the_run = of_the_run
        self.drawn: Array | None = None

    def enter(self, generator: int, method: str, result: Any, site: str) -> None:
        """Enter one draw; see :meth:`Ledger.enter`."""
        self._of_the_run.enter(generator, method, result if self.drawn is None else self.drawn, site)
        self.drawn = None


class _ScaledNoise(FaultyGenerator):
    needs = "the pipeline draws no floating-point noise from its generator"

    def __init__(self, seed: int, ledger: Ledger, index: int, size: float) -> None:
        self._sound = _SoundLedger(ledger)
        super().__init__(seed, self._sound, index)
        self._factor = 1 + size

    def _changed(self, values: Array) -> Array | None:
        if self.acted or values.dtype.kind != "f" or values.size == 0:
            return None
        self._sound.drawn = values.copy()
        return (values.astype(np.float64) * self._factor).astype(values.dtype)


def faulty_generators(
    name: str, size: float | None, seeds: tuple[int, ...], ledger: Ledger
) -> list[FaultyGenerator]:
    """Return one faulty generator per seed; see :func:`harness.measurement.ledger.case_generators`.

    ``name`` is the name of a noise fault, and ``size`` its size, if it has one.
    """
    if name == "noise-scaled":
        return [_ScaledNoise(seed, ledger, index, size or 0.0) for index, seed in enumerate(seeds)]
    sources: Sequence[Seed] = seeds
    if name == "other-seed":
        sources = [seed + 1 for seed in seeds]
    elif name == "other-bit-generator":
        sources = [np.random.MT19937(seed) for seed in seeds]
    elif name == "shared-generator":
        sources = [np.random.PCG64(seeds[0])] * len(seeds)
    kind = _KINDS.get(name, FaultyGenerator)
    return [kind(source, ledger, index) for index, source in enumerate(sources)]


_KINDS: dict[str, type[FaultyGenerator]] = {
    "float32-draw": _Float32Draw,
    "draw-order": _DrawOrder,
    "channel-order": _ChannelOrder,
    "extra-draw": _ExtraDraw,
    "shared-generator": _SharedGenerator,
}


def check_acted(name: str, generators: Sequence[LedgerGenerator]) -> None:
    """Raise :class:`FaultNotApplicable` if the fault could change no draw of the faulty generators."""
    faulty = [generator for generator in generators if isinstance(generator, FaultyGenerator)]
    if faulty and not any(generator.acted for generator in faulty):
        raise FaultNotApplicable(faulty[0].needs, about=(name,))
