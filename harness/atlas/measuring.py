"""Measuring one entry, in a worker: does it repeat, does its first row stay, how exact is it?"""

from __future__ import annotations

import base64
import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from harness.atlas.drawing import draw, draw_parameter, places, plain
from harness.atlas.entry import Drawn, Entry
from harness.atlas.probe import Probe
from harness.atlas.references import TooLarge, reference_of
from harness.atlas.result import OWN_KERNEL, Exactness, Result, State
from harness.atlas.ulp import distances, relative_l2
from harness.measurement.bfloat16 import BFLOAT16
from harness.measurement.measurement import Array, array_sha256

_FEWEST = 2
_ROOTS = ("mint", "ops", "nn")


class Kernels(Protocol):
    """What the worker knows of the kernels that it brought."""

    def reset(self) -> None:
        """Reset the counts."""

    def used_kernels(self) -> dict[str, int]:
        """Return the calls of each kernel since then."""

    def missing(self, error: BaseException) -> str | None:
        """Return the operator that has no kernel, if ``error`` says that."""


class NoSuchOperator(LookupError):
    """The release does not have the name."""


def measure(
    probe: Probe, kernels: Kernels, disturbed: Callable[[Sequence[int]], AbstractContextManager[None]]
) -> Result:
    """Return what ``probe`` asks for; ``disturbed`` runs its body with other memory taken."""
    entry = probe.entry
    try:
        found = _measured(probe, kernels, disturbed)
    except NoSuchOperator as error:
        return Result.without(entry, State.MISSING, str(error))
    except MemoryError:
        return Result.without(entry, State.FAILED, "out of memory")
    except Exception as error:  # noqa: BLE001  an operator may raise anything
        name = kernels.missing(error)
        if name is not None:
            return Result.without(entry, State.NO_KERNEL, f"the device has no kernel for {name}")
        return Result.without(entry, State.FAILED, f"{type(error).__name__}: {error}")
    return found


def _measured(
    probe: Probe, kernels: Kernels, disturbed: Callable[[Sequence[int]], AbstractContextManager[None]]
) -> Result:
    entry = probe.entry
    call = Call(entry)
    kernels.reset()
    inputs = draw(entry, 1)
    first = call.run(inputs)
    served = "harness: " + ", ".join(kernels.used_kernels()) if kernels.used_kernels() else OWN_KERNEL
    digest = sha_of(first)
    runs, deviating = 1, 0
    started = time.perf_counter()
    memories = [(), *probe.blocks]
    while runs < probe.runs and (runs < _FEWEST or time.perf_counter() - started < probe.seconds):
        with disturbed(memories[runs % len(memories)]):
            deviating += sha_of(call.run(inputs)) != digest
        runs += 1
    values, dtype = first[0]
    flat = np.atleast_1d(values).ravel()
    result = Result.without(entry, State.MEASURED, "")
    result = replace(
        result, kernel=served, result_dtype=dtype, shape=tuple(values.shape), sha256=digest,
        sample=packed(flat[places(entry.name, flat.size)], dtype), runs=runs, processes=1,
        deviating=deviating,
    )  # fmt: skip
    if any(each.batch for each in entry.drawn):
        result = _with_rows(result, call, first, probe.batches, time.perf_counter() - started > probe.seconds)
    if probe.exact and dtype in ("float32", "float16", BFLOAT16):
        result = replace(result, exactness=_exactness(call, inputs, values, dtype))
    return result


def _with_rows(result: Result, call: Call, first: Sequence[Any], largest: int, slow: bool) -> Result:
    """Compare the first row of larger batches with the result of one row."""
    alone = first[0][0]
    if not alone.ndim or alone.shape[0] != 1:
        return result
    tried, changed = 0, []
    largest = min(2, largest) if slow else largest
    # Smaller batches are the first rows of the largest.
    drawn = draw(call.entry, largest) if largest > 1 else []
    for batch in range(2, largest + 1):
        pairs = zip(call.entry.drawn, drawn, strict=True)
        try:
            values = call.run([each[:batch] if spec.batch else each for spec, each in pairs])[0][0]
        except Exception:  # noqa: BLE001  it takes no larger batch: none is compared
            break
        if values.shape != (batch, *alone.shape[1:]):
            return result
        tried = batch
        if values[:1].tobytes() != alone.tobytes():
            changed.append(batch)
    return replace(result, batches=tried, row_changes=tuple(changed))


def _exactness(call: Call, inputs: list[Array], values: Array, dtype: str) -> Exactness | None:
    entry = call.entry
    wide = [each.astype(np.float64) if each.dtype.kind == "f" else each for each in inputs]
    try:
        named, exact = "numpy", reference_of(entry, wide, call.parameters())
    except TooLarge:
        return None
    if exact is None:
        named, exact = "operator", _in_float64(entry, wide)
    if exact is None or exact.shape != values.shape:
        return None
    units = distances(values, exact, dtype)
    most, middle = float(np.max(units, initial=0.0)), float(np.median(units)) if units.size else 0.0
    return Exactness(named, *(float(f"{each:.4g}") for each in (most, middle, relative_l2(values, exact))))


def _in_float64(entry: Entry, wide: list[Array]) -> Array | None:
    """Return what the operator itself computes in float64, if the device can; classes keep float32."""
    if entry.made_with or not any(each.dtype == np.float64 for each in wide):
        return None
    try:
        values, dtype = Call(entry.in_dtype("float64")).run(wide)[0]
    except Exception:  # noqa: BLE001  without such a kernel there is no reference
        return None
    return values if dtype == "float64" else None


class Call:
    """An entry that can be called: its operator, found by name, or an instance of its class."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._function = resolved(entry.operator)
        if isinstance(self._function, type):
            self._function = self._instance(self._function)

    def _instance(self, kind: Any) -> Any:
        cell = kind(**{name: plain(value) for name, value in self.entry.made_with.items()})
        cell.set_train(False)
        for name, parameter in cell.parameters_and_names():
            dtype = self.entry.dtype if parameter.dtype in _floats() else "float32"
            values = draw_parameter(self.entry, name, tuple(parameter.shape), dtype)
            parameter.set_dtype(_dtype(dtype))
            parameter.set_data(tensor(values, dtype))
        return cell

    def parameters(self) -> dict[str, Array]:
        """Return the parameters of the class in float64."""
        if not hasattr(self._function, "parameters_and_names"):
            return {}
        return {
            name: numbers(each)[0].astype(np.float64) for name, each in self._function.parameters_and_names()
        }

    def run(self, inputs: list[Array]) -> list[tuple[Array, str]]:
        """Return the outputs for ``inputs``, each with the name of its dtype."""
        tensors = iter(inputs)
        arguments: list[Any] = []
        groups: dict[int, list[Any]] = {}
        for each in self.entry.arguments:
            if not isinstance(each, Drawn):
                arguments.append(plain(each))
                continue
            made = tensor(next(tensors), each.dtype or self.entry.dtype)
            if each.group is None:
                arguments.append(made)
            else:
                if each.group not in groups:
                    groups[each.group] = []
                    arguments.append(groups[each.group])
                groups[each.group].append(made)
        options = {name: plain(value) for name, value in self.entry.options.items()}
        return [numbers(each) for each in _flat(self._function(*arguments, **options))]


def resolved(name: str) -> Any:
    """Return the public function or class ``name``; raises :class:`NoSuchOperator`."""
    root, *rest = name.split(".")
    if root not in _ROOTS or not rest or any(part.startswith("_") for part in rest):
        raise NoSuchOperator(f"{name} is not a public name of {', '.join(_ROOTS)}")
    found: Any = importlib.import_module(f"mindspore.{root}")
    for part in rest:
        found = getattr(found, part, None)
        if found is None:
            raise NoSuchOperator(f"this release has no {name}")
    return found


def tensor(values: Array, dtype: str) -> Any:
    """Return a tensor of MindSpore with these values, of the dtype unless they are whole numbers or flags."""
    import mindspore as ms

    made = ms.Tensor(np.ascontiguousarray(values))
    return made.astype(ms.bfloat16) if dtype == BFLOAT16 and values.dtype == np.float32 else made


def numbers(value: Any) -> tuple[Array, str]:
    """Return a result as an array, and the name of its dtype; bfloat16 becomes float32, exactly."""
    import mindspore as ms

    if not isinstance(value, ms.Tensor):
        array = np.asarray(value)
        return array, str(array.dtype)
    if value.dtype == ms.bfloat16:
        return value.astype(ms.float32).asnumpy(), BFLOAT16
    array = value.asnumpy()
    return array, str(array.dtype)


def sha_of(outputs: Sequence[tuple[Array, str]]) -> str:
    """Return the sha256 of all outputs: their dtypes, shapes and bytes."""
    each = [array_sha256(np.asarray(values), dtype) for values, dtype in outputs]
    return each[0] if len(each) == 1 else hashlib.sha256(" ".join(each).encode()).hexdigest()


def packed(values: Array, dtype: str) -> str:
    """Return the bytes of ``values`` as base64; of bfloat16, which is held in float32, the upper half."""
    if dtype == BFLOAT16:
        values = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for each in value:
            yield from _flat(each)
    elif value is not None:
        yield value


def _floats() -> tuple[Any, ...]:
    import mindspore as ms

    return ms.float16, ms.bfloat16, ms.float32


def _dtype(name: str) -> Any:
    import mindspore as ms

    return getattr(ms, name)
