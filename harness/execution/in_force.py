"""The settings in force in a process that is not a worker: the user's own, in which the tests run.

MindSpore chooses its instruction set and its cores when it is imported. What they were then cannot be found
out later, so :func:`pin` sets them beforehand, and anything that it did not set counts as not established.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from harness.errors import HarnessError, ProfileError
from harness.execution.fingerprint import effective_isa, fingerprint, host_fields
from harness.execution.profile import (
    CoreClaim,
    Profile,
    claim_core,
    known_isas,
    visible_cores,
)

_LINES = """\
Put these lines at the top of conftest.py, before anything imports mindspore:

    import harness

    harness.pin({device})"""
# In libraries that numpy and torch use: how many threads share a sum, and which kernels add it up.
_ROUNDING_VARIABLES = (
    "MKL_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
)  # fmt: skip
# The namespaces of torch that may have used an accelerator.
_ACCELERATORS = ("cuda", "npu", "xpu")


class _Place(NamedTuple):
    """The cores of this thread (None if the system has no affinity) and environment variables."""

    cores: set[int] | None
    variables: dict[str, str | None]

    @classmethod
    def now(cls, names: Mapping[str, str]) -> _Place:
        """Return the current cores and the current values of the variables ``names``."""
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        return cls(cores, {name: os.environ.get(name) for name in names})

    def restore(self) -> None:
        """Give this thread these cores, and this process these variables."""
        if self.cores is not None:
            os.sched_setaffinity(0, self.cores)
        for name, value in self.variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Pinned(NamedTuple):
    """What :func:`pin` applied: the profile, its environment variables, and the claim on its core.

    ``before`` is the state before that. The claim and ``before`` are None if nothing was pinned.
    """

    profile: Profile
    environment: dict[str, str]
    claim: CoreClaim | None = None
    before: _Place | None = None


_pinned: _Pinned | None = None


class NotEstablished(HarnessError):
    """It is not known with which settings this process computes."""


def pin(device: str = "CPU", *, device_id: int = 0) -> None:
    """Apply the determinism profile to this process and import MindSpore under it.

    On the CPU, the profile caps oneDNN's instruction set and pins this process to one core. On Ascend, it
    makes the operators deterministic. A second call with the same arguments does nothing. Raises
    :class:`ProfileError` if MindSpore was already imported, or does not support the device.
    """
    global _pinned
    if _pinned is not None:
        if (_pinned.profile.device, _pinned.profile.device_id) != (device, device_id):
            raise ProfileError(f"this process is pinned to {_pinned.profile.device} already")
        return
    claim = claim_core()
    profile = Profile(device=device, device_id=device_id, core=claim.core)
    try:
        environment = profile.environment()
        before = _Place.now(environment)
        profile.apply_before_import()
        profile.apply_after_import()
    except BaseException:
        claim.release()
        raise
    _pinned = _Pinned(profile, environment, claim, before)


def unpin() -> None:
    """Give back what :func:`pin` took, in a process that only starts others, which pin themselves."""
    if _pinned is not None and _pinned.claim is not None and _pinned.before is not None:
        _pinned.claim.release()
        _pinned.before.restore()


@contextmanager
def unpinned() -> Iterator[None]:
    """Let a process started in the body find what :func:`pin` found in this one."""
    if _pinned is None or _pinned.before is None:
        yield
        return
    now = _Place.now(_pinned.environment)
    _pinned.before.restore()
    try:
        yield
    finally:
        now.restore()


def settings_in_force() -> dict[str, str]:
    """Return the current fingerprint of this process without the field ``dtype``.

    If MindSpore is imported, its settings must be those of :func:`pin`. If it is not, nothing is required,
    and the settings that affect the rounding of numpy and torch go into the fingerprint. Raises
    :class:`NotEstablished` if it is not known how operators round here.
    """
    for name in _ACCELERATORS:
        accelerator = getattr(sys.modules.get("torch"), name, None)
        if accelerator is not None and accelerator.is_initialized():
            raise NotEstablished(
                f"torch has used an accelerator ({name}) in this process, whose settings harness does not "
                "know"
            )
    fields = _of_mindspore() if "mindspore" in sys.modules else _without_mindspore()
    # Not only if it is imported: which tests run in this process must make no difference.
    with suppress(PackageNotFoundError):
        fields["torch"] = version("torch")
    return fields


def _of_mindspore() -> dict[str, str]:
    import mindspore as ms

    target = str(ms.get_context("device_target"))
    wanted = _pinned or _Pinned(profile := Profile(target), profile.environment())
    if lacking := "; ".join(_lacking(wanted)):
        raise NotEstablished(
            f"it is not established how MindSpore rounds in this process: {lacking}.\n"
            + _LINES.format(device="" if wanted.profile.device == "CPU" else f'"{wanted.profile.device}"')
        )
    mode = "graph" if ms.get_context("mode") == ms.GRAPH_MODE else "pynative"
    fields = fingerprint(wanted.profile, mode=mode, dtype="any")
    del fields["dtype"]
    return {**fields, "deterministic": str(ms.get_context("deterministic"))}


def _lacking(wanted: _Pinned) -> Iterator[str]:
    """Yield the settings that are not as ``wanted`` once MindSpore is imported."""
    import mindspore as ms

    profile = wanted.profile
    for name, value in wanted.environment.items():
        if os.environ.get(name) != value:
            yield f"{name} is not {value}"
    if profile.device == "CPU" and (cores := visible_cores()) > 1:
        yield f"{cores} cores are visible, not one"
    if (device := ms.get_context("device_target")) != profile.device:
        yield f"MindSpore runs on {device}, not on {profile.device}"
    if profile.device != "CPU" and ms.get_context("deterministic") != "ON":
        yield "operators are not deterministic"
    if _pinned is None:
        yield "pin() was not called before mindspore was imported"


def _without_mindspore() -> dict[str, str]:
    return {
        "device": "CPU",
        **host_fields(),
        "isa": effective_isa(known_isas()[-1]),
        "cores": str(visible_cores()),
        "profile": "; ".join(
            ["none", *(f"{name}={os.environ[name]}" for name in _ROUNDING_VARIABLES if name in os.environ)]
        ),
        "mode": "eager",
    }
