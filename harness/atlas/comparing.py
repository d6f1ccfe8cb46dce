"""Comparing two atlases: which operators differ, and by how much, as far as the samples show."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.atlas.result import Atlas, Result
from harness.atlas.ulp import distances, relative_l2
from harness.measurement.bfloat16 import BFLOAT16
from harness.measurement.measurement import Array

# What may differ between two processes of the same environment, or says how cases ran.
_NOT_OF_OPERATORS = frozenset({"mode", "dtype", "mindone", "transformers", "graph_operators", "jit"})
_FLOATS = ("float16", BFLOAT16, "float32", "float64")
# What a name ends in that says in which form an operator is offered.
_CLASSES = {
    "conv1d": "conv1d", "conv2d": "conv2d", "conv3d": "conv3d", "conv2dtranspose": "conv_transpose2d",
    "dense": "linear", "linear": "linear",
    "groupnorm": "group_norm", "layernorm": "layer_norm", "rmsnorm": "rms_norm", "batchnorm2d": "batch_norm",
    "instancenorm2d": "instance_norm", "embedding": "embedding", "flash_attention_score": "attention",
    "logsigmoid": "logsigmoid",
}  # fmt: skip


@dataclass(frozen=True)
class Moved:
    """An entry whose bits differ: how far the second is from the first, in the sample that both have.

    ``ulp_max`` and ``relative_l2`` are None where the samples cannot be compared: another shape or dtype, or
    results that are not floats. ``sampled`` is how many values of the sample there are, and ``differing``
    how many of them differ; it may be none of them.
    """

    first: Result
    second: Result
    sampled: int = 0
    differing: int = 0
    ulp_max: float | None = None
    relative_l2: float | None = None

    @property
    def name(self) -> str:
        """The name of the entry."""
        return self.first.name


@dataclass(frozen=True)
class Comparison:
    """Two atlases compared.

    ``moved`` are the entries with other bits, those that moved most first. ``appeared`` and ``gone`` have
    numbers on one side alone. ``redefined`` have another definition on the two sides, and ``alone`` are in
    one of the files only: both are not compared. ``same`` is how many have the same bits, and ``unmeasured``
    how many have numbers on neither side.
    """

    first: Atlas
    second: Atlas
    moved: tuple[Moved, ...]
    appeared: tuple[Result, ...]
    gone: tuple[Result, ...]
    redefined: tuple[str, ...]
    alone: tuple[str, ...]
    same: int
    unmeasured: int

    @property
    def equal(self) -> bool:
        """Whether nothing that both have differs, and both have something."""
        return bool(self.same + self.unmeasured) and not (
            self.moved or self.appeared or self.gone or self.redefined
        )

    @property
    def classes(self) -> dict[str, int]:
        """How many entries moved, by the class of operator, most first."""
        return dict(Counter(class_of(each.first) for each in self.moved).most_common())

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """The fields of the fingerprints that differ."""
        ours, theirs = self.first.fingerprint, self.second.fingerprint
        names = sorted({*ours, *theirs})
        return {
            name: (ours.get(name, ""), theirs.get(name, ""))
            for name in names
            if ours.get(name) != theirs.get(name)
        }


def compare(first: Atlas, second: Atlas) -> Comparison:
    """Compare what both atlases have."""
    ours, theirs = first.by_name(), second.by_name()
    moved: list[Moved] = []
    appeared: list[Result] = []
    gone: list[Result] = []
    redefined: list[str] = []
    same = unmeasured = 0
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name], theirs[name]
        if one.definition != other.definition:
            redefined.append(name)
        elif one.measured != other.measured:
            (appeared if other.measured else gone).append(other if other.measured else one)
        elif not one.measured:
            unmeasured += 1
        elif one.sha256 == other.sha256:
            same += 1
        else:
            moved.append(_moved(one, other))
    moved.sort(key=lambda each: (-(each.relative_l2 or 0.0), each.name))
    alone = tuple(sorted(ours.keys() ^ theirs.keys()))
    return Comparison(
        first, second, tuple(moved), tuple(appeared), tuple(gone), tuple(redefined), alone, same, unmeasured
    )


def _moved(one: Result, other: Result) -> Moved:
    if (one.shape, one.result_dtype) != (other.shape, other.result_dtype):
        return Moved(one, other)
    ours, theirs = sample_of(one), sample_of(other)
    if ours.shape != theirs.shape:
        return Moved(one, other)
    nan = (ours != ours) & (theirs != theirs)
    differing = int(np.sum((ours != theirs) & ~nan))
    if one.result_dtype not in _FLOATS:
        return Moved(one, other, ours.size, differing)
    most = float(np.max(distances(theirs, ours, one.result_dtype), initial=0.0))
    return Moved(one, other, ours.size, differing, most, relative_l2(theirs, ours))


def sample_of(result: Result) -> Array:
    """Return the values that are kept of ``result``; raises ValueError if they are no such values."""
    if not result.sample:
        return np.empty(0)
    dtype = result.result_dtype
    try:
        data = base64.b64decode(result.sample, validate=True)
        if dtype == BFLOAT16:
            halves = np.frombuffer(data, np.uint16)
            return (halves.astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(data, np.dtype(dtype))
    except (binascii.Error, TypeError, ValueError):
        raise ValueError(f"the sample of {result.name} holds no values of {dtype or 'any dtype'}") from None


def class_of(result: Result) -> str:
    """Return the class of operator of ``result``: ``conv2d 3x3`` for each of the ways to ask for one."""
    base = operator_class(result.operator)
    if not base.startswith("conv"):
        return base
    # The kernel's size, from the arguments: shape of the weights, or the option of the class.
    for word in result.arguments.split(", ")[1:2]:
        size = word.split("x")[2:]
        if size and all(part.isdigit() for part in size):
            return f"{base} {'x'.join(size)}"
    options = dict(word.split("=", 1) for word in result.arguments.split(", ") if "=" in word)
    kernel = options.get("kernel_size", "")
    return f"{base} {kernel}x{kernel}" if kernel and base != "conv1d" else base


def operator_class(name: str) -> str:
    """Return the class of an operator by its last name: ``nn.Conv2d`` and ``mint.conv2d`` are ``conv2d``."""
    last = name.rpartition(".")[2].lower()
    return _CLASSES.get(last, last)


def same_operators(first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Whether two fingerprints are of environments in which operators have the same bits."""

    def of(fields: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in fields.items() if name not in _NOT_OF_OPERATORS}

    ours, theirs = of(first), of(second)
    for name in ("mint_kernels", "bfloat16"):
        # A case that needs none of harness's kernels does not name their version.
        if name not in ours or name not in theirs:
            ours.pop(name, None), theirs.pop(name, None)
    return ours == theirs
