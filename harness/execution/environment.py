"""The environment of a worker: a framework under the profile, described by a fingerprint and canaries."""

from __future__ import annotations

from typing import Protocol

from harness.execution.canaries import run_canaries
from harness.execution.fingerprint import fingerprint
from harness.execution.implementation import DIFFUSERS
from harness.execution.profile import DEVICES, Profile
from harness.frameworks.framework import FrameworkName


class Environment(Protocol):
    """What a worker does once, in this order: before the import, the import, and the description of it."""

    framework: FrameworkName
    # torch's name for the device on which pipelines run; MindSpore has one for the whole process.
    device: str

    def variables(self) -> dict[str, str]:
        """Return the environment variables that must be set before the framework is imported."""

    def apply_before_import(self) -> None:
        """Set the variables and pin this process."""

    def apply_after_import(self) -> None:
        """Import the framework and apply its own settings, before the first operator."""

    def fingerprint(self, *, mode: str, dtype: str) -> dict[str, str]:
        """Return the fields of this process's environment, all strings."""

    def canaries(self) -> dict[str, str]:
        """Return the hashes of single operators."""

    def devices(self) -> tuple[str, ...]:
        """Return the kinds of devices that the framework can use here."""


class MindSporeEnvironment:
    """MindSpore, on the CPU or an NPU."""

    framework: FrameworkName = "mindspore"
    device = ""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def variables(self) -> dict[str, str]:
        """Return those of the profile."""
        return self._profile.environment()

    def apply_before_import(self) -> None:
        """Apply the profile."""
        self._profile.apply_before_import()

    def apply_after_import(self) -> None:
        """Apply the profile."""
        self._profile.apply_after_import()

    def fingerprint(self, *, mode: str, dtype: str) -> dict[str, str]:
        """Return the fields of MindSpore and its device."""
        return fingerprint(self._profile, mode=mode, dtype=dtype)

    def canaries(self) -> dict[str, str]:
        """Return the hashes of MindSpore's operators."""
        return run_canaries()

    def devices(self) -> tuple[str, ...]:
        """Return those that MindSpore has a backend for."""
        import mindspore as ms

        return tuple(kind for kind in DEVICES if kind != "CUDA" and ms.hal.is_available(kind))


def environment_of(implementation: str, profile: Profile, dtype: str) -> Environment:
    """Return the environment in which the cases of an ``implementation`` run in ``dtype``."""
    if implementation == DIFFUSERS:
        from harness.execution.torch_environment import TorchEnvironment

        return TorchEnvironment(profile, dtype)
    return MindSporeEnvironment(profile)
