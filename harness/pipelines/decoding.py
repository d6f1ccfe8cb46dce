"""Observing the decoder of a pipeline, and running it once more by itself.

A decoder is a cell with a ``decode`` method among the pipeline's attributes, such as ``vae`` or ``movq``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.cases.job import Decoding
from harness.frameworks.framework import current, is_tensor
from harness.measurement.after_steps import deviation
from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.figures import DecoderDeviation, HostProcessing
from harness.measurement.guard import replaced
from harness.measurement.measurement import Array, array_sha256, decode_arrays
from harness.measurement.perturbation import one_ulp
from harness.pipelines.calling import OutputError, output_array, output_dtype

_DECODE = "decode"


@dataclass
class _Call:
    """One call of ``decode``: what it was given, and the arrays of its first argument and of its result."""

    name: str
    decode: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    given: Array
    result: Array
    dtype: str


@dataclass
class SeenDecoder:
    """The calls of a pipeline's decoders, in order; empty for a pipeline without one."""

    calls: list[_Call] = field(default_factory=list)

    @property
    def last(self) -> tuple[str, Array, str] | None:
        """The name, the result and its dtype of the last decoder; several calls give one array."""
        if not self.calls:
            return None
        name, dtype = self.calls[-1].name, self.calls[-1].dtype
        results = [call.result for call in self.calls if call.name == name]
        if len({(each.shape[1:], each.dtype) for each in results}) > 1:
            results = results[-1:]
        return name, results[0] if len(results) == 1 else np.concatenate(results), dtype

    @property
    def input(self) -> Array | None:
        """The real numbers that the decoder was given, if it was called exactly once."""
        given = [call.given for call in self.calls]
        return given[0] if len(given) == 1 and given[0].dtype.kind == "f" else None

    def alone(
        self, decoding: Decoding, host: HostProcessing | None, output: Array, drawn: Callable[[], int]
    ) -> DecoderDeviation | None:
        """Return how far the decoder alone moves an output, as ``decoding`` asks.

        ``host`` and ``output`` are those of the run. Returns None if the decoder cannot run by itself:
        because it was not called exactly once, ``drawn``, the number of random draws so far, grows meanwhile,
        no recipe gives the output, or it raises an error, as one that the pipeline cast for its call does.
        """
        given = self.input
        if given is None:
            return None
        if decoding.arrays is not None:
            arrays, _ = decode_arrays(decoding.arrays)
            stored, output, recipes = arrays["decoder_input"], arrays["output"], decoding.recipes
            inputs, sha256 = [stored], array_sha256(stored)
        else:
            found = None if host is None else host.giving_output
            recipes = () if found is None else tuple(found.differences)
            dtype = dtype_of(self.calls[0].args[0], given)
            signs = (np.random.Generator(np.random.PCG64(seed)) for seed in range(1, decoding.members + 1))
            inputs, sha256 = [one_ulp(given, dtype, each) for each in signs], None
        before = drawn()
        moved: list[tuple[float, float]] = []
        with suppress(Exception):  # that is no failure of the run, which is measured already
            moved = [each for one in inputs if (each := self._moved(one, recipes, output)) is not None]
        if drawn() != before or not moved or len(moved) < len(inputs):
            return None
        return DecoderDeviation(sha256, *map(max, zip(*moved, strict=True)))

    def _moved(self, given: Array, recipes: Sequence[str], output: Array) -> tuple[float, float] | None:
        call = self.calls[0]
        if given.shape != call.given.shape:
            return None
        tensor = current().like(call.args[0], given)
        decoded = call.decode(tensor, *call.args[1:], **call.kwargs)
        return deviation(recipes, output_array(call.name, decoded), call.dtype, output)


@contextmanager
def seeing_decoder(pipeline: Any, *, observed: bool) -> Iterator[SeenDecoder]:
    """Yield what the decoders of ``pipeline`` do inside the body.

    Nothing is seen unless ``observed``, for pipelines whose calls graph mode compiles.
    """
    seen = SeenDecoder()
    with ExitStack() as watched:
        for name, cell in _decoders(pipeline) if observed else ():
            watched.enter_context(replaced(cell, _DECODE, _watched(f"{name}.{_DECODE}", cell.decode, seen)))
        yield seen


def _decoders(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """Yield each cell with a ``decode`` among the attributes of ``pipeline`` once, with its name."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in getattr(pipeline, "__dict__", {}).items():
        if isinstance(value, current().cell) and callable(getattr(value, _DECODE, None)):
            found.setdefault(id(value), (name, value))
    yield from found.values()


def _watched(name: str, sound: Callable[..., Any], seen: SeenDecoder) -> Callable[..., Any]:
    # Pipelines inspect the signature of decode to see what it accepts.
    @functools.wraps(sound)
    def decode(*args: Any, **kwargs: Any) -> Any:
        # Before the call, which may change it.
        given = to_numpy(args[0]).copy() if args and is_tensor(args[0]) else None
        result = sound(*args, **kwargs)
        if given is not None:
            with suppress(OutputError):
                array = output_array(name, result)
                dtype = output_dtype(result, array)
                seen.calls.append(_Call(name, sound, args, kwargs, given, array.copy(), dtype))
        return result

    return decode
