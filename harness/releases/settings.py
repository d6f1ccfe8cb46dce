"""The settings in which two environments differ, and which of them a system can turn back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from harness.execution.profile import named_settings
from harness.judgement.tiers import fingerprint_differences

# The packages of the fingerprint. An environment with others takes longest, so they come last.
PACKAGES = ("numpy", "transformers", "mindone", "mindspore")
# What can be turned back, in the order in which it is tried.
TURNABLE = ("isa", "cores", "launches", "mode", "jit", "level", "hccl", *PACKAGES)
# Fields that a run only has under another setting, which decides them.
_FOLLOWING = {"jit": "mode", "graph_operators": "mode"}


class Why(str, Enum):
    """Why a setting cannot be turned back."""

    DEVICE = "device"
    PROCESSOR = "processor"
    SYSTEM = "operating system"
    NPU = "npu"
    ISA = "isa"
    CORES = "cores"
    HARNESS = "harness"
    BUILD = "build"
    EDITED = "edited"
    ALWAYS = "always"
    UNKNOWN = "unknown"
    FAILED = "failed"


_WHY = {
    "device": Why.DEVICE,
    **dict.fromkeys(("cpu_model", "arch", "subnormals"), Why.PROCESSOR),
    **dict.fromkeys(("os", "libc"), Why.SYSTEM),
    **dict.fromkeys(("soc", "board", "firmware", "driver", "cann", "opp_kernel", "atb"), Why.NPU),
    **dict.fromkeys(("mint_kernels", "graph_operators", "bfloat16"), Why.HARNESS),
    "hf32": Why.ALWAYS,
}


@dataclass(frozen=True)
class Setting:
    """A setting with its value ``here`` and in the reference; None if a side does not have it."""

    name: str
    here: str | None
    there: str | None


@dataclass(frozen=True)
class Fixed:
    """A setting that cannot be turned back, and why; ``told`` is what there is instead, or an error."""

    setting: Setting
    why: Why
    told: str = ""


@dataclass(frozen=True)
class Allowed:
    """What a system allows: oneDNN's instruction sets that the processor has, and the number of cores.

    ``cores`` is None if processes cannot be kept to some of the cores.
    """

    isas: tuple[str, ...]
    cores: int | None


def settings_of(fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an environment: its fingerprint, with the parts of its profile one by one."""
    settings = {name: value for name, value in fingerprint.items() if name != "profile"}
    profile = fingerprint.get("profile")
    parts = None if profile is None else named_settings(profile)
    if parts is not None:
        return {**settings, **parts}
    return settings if profile is None else {**settings, "profile": profile}


def differing_settings(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return the settings in which an environment differs from a reference, by their fingerprints.

    What can be turned back comes first. What only follows from another one of them is left out.
    """
    ours, theirs = settings_of(here), settings_of(there)
    if "profile" in ours or "profile" in theirs:
        # One line cannot be read, so the parts of the other have nothing to be compared with.
        ours, theirs = dict(here), dict(there)
    found = {
        each.name: Setting(each.name, each.measured, each.baseline)
        for each in fingerprint_differences(ours, theirs)
    }
    if "device" in found:
        found = {name: each for name, each in found.items() if None not in (each.here, each.there)}
    left = [each for name, each in found.items() if _FOLLOWING.get(name) not in found]
    order = {name: index for index, name in enumerate(TURNABLE)}
    return tuple(sorted(left, key=lambda each: (order.get(each.name, len(order)), each.name)))


def fixed(settings: Iterable[Setting], allowed: Allowed) -> Iterator[Fixed]:
    """Yield those of the ``settings`` that cannot be turned back where no more is ``allowed``."""
    for each in settings:
        why, told = _why(each, allowed)
        if why is not None:
            yield Fixed(each, why, told)


def release_of(value: str) -> str:
    """Return the release in a field of the fingerprint: ``2.9.0 (the build's commit)``."""
    return value.partition(" (")[0]


def _why(setting: Setting, allowed: Allowed) -> tuple[Why | None, str]:
    name, here, there = setting.name, setting.here, setting.there
    if name not in TURNABLE:
        return _WHY.get(name, Why.UNKNOWN), ""
    if name == "isa" and there not in allowed.isas:
        return Why.ISA, allowed.isas[-1] if allowed.isas else ""
    if name == "cores" and (allowed.cores is None or not 0 < _number(there) <= allowed.cores):
        return Why.CORES, "" if allowed.cores is None else str(allowed.cores)
    if name in PACKAGES:
        if here is None or there is None:
            return Why.UNKNOWN, ""
        if release_of(here) == release_of(there):
            return (Why.EDITED if name == "mindone" else Why.BUILD), release_of(there)
    elif there is None and name != "jit":
        return Why.UNKNOWN, ""
    return None, ""


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
