"""The doctor: what a worker finds on this machine, and what is wrong with it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.execution.messages import Description
from harness.execution.profile import Profile
from harness.execution.runner import Runner
from harness.operations.workers import Workers

# A worker with the full-size models of the shipped suites needs about 1 GB.
_LOW_MEMORY = 2 * 2**30
_LOW_DISK = 2**30


@dataclass(frozen=True)
class Diagnosis:
    """Something about the machine that the user should know; ``remedy`` is what to do about it."""

    level: Literal["problem", "warning"]
    text: str
    remedy: str


@dataclass(frozen=True)
class Examination:
    """What the doctor found; the fingerprint is empty if no worker could be asked."""

    python: str
    profile: Profile
    environment: dict[str, str]
    fingerprint: dict[str, str]
    canaries: dict[str, str]
    devices: tuple[str, ...]
    diagnoses: tuple[Diagnosis, ...]

    @property
    def healthy(self) -> bool:
        """Whether cases can run here."""
        return not any(diagnosis.level == "problem" for diagnosis in self.diagnoses)


def examine_machine(workers: Workers) -> Examination:
    """Describe this machine, and what is wrong with it, as seen by one of ``workers``."""
    with workers.runner() as runner:
        return diagnose(runner)


def diagnose(runner: Runner) -> Examination:
    """Ask a worker of ``runner`` for its environment, and examine the machine."""
    diagnoses = list(machine_diagnoses())
    environment, described = dict[str, str](), Description({}, {}, (), {})
    if runner.core_shared:
        text = "every core is reserved by another run of harness; this run shares one"
        diagnoses.append(Diagnosis("warning", text, "expect it to be slow; the bits are not affected"))
    try:
        # Those of this process, until a worker says its own: it may run on another architecture.
        environment = runner.profile.environment()
        described = runner.describe()
        environment = described.variables
        diagnoses += environment_diagnoses(described.fingerprint, runner.profile)
    except HarnessError as error:
        diagnoses.append(Diagnosis("problem", str(error), "no case can run until a worker starts"))
    return Examination(
        python=runner.python,
        profile=runner.profile,
        environment=environment,
        fingerprint=described.fingerprint,
        canaries=described.canaries,
        devices=described.devices,
        diagnoses=tuple(diagnoses),
    )


def machine_diagnoses(meminfo: Path = Path("/proc/meminfo")) -> Iterator[Diagnosis]:
    """Yield problems with the machine that show before any worker runs."""
    if not hasattr(os, "sched_setaffinity"):
        text = "cannot pin a process to a core; the bits then depend on the number of cores"
        remedy = "compare only with baselines recorded on this machine, or use Linux"
        yield Diagnosis("warning", f"{platform.system()} {text}", remedy)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < _LOW_DISK:
        text = f"only {free / 2**20:.0f} MB are free in {tempfile.gettempdir()}"
        yield Diagnosis("warning", text, "free at least 1 GB there, or set TMPDIR")
    available = _available_memory(meminfo)
    if available is not None and available < _LOW_MEMORY:
        text = f"only {available / 2**20:.0f} MB of memory are available"
        yield Diagnosis("warning", text, "full-size cases need about 1 GB per worker")


def _available_memory(meminfo: Path) -> int | None:
    """Return the bytes of memory available to a new process; None if the system does not report it."""
    with suppress(OSError):
        text = meminfo.read_text(encoding="utf-8")
        if match := re.search(r"^MemAvailable:\s*(\d+) kB", text, flags=re.MULTILINE):
            return int(match.group(1)) * 1024
    return None


def environment_diagnoses(fingerprint: dict[str, str], profile: Profile) -> Iterator[Diagnosis]:
    """Yield problems with the environment that a worker described."""
    if int(fingerprint["numpy"].split(".")[0]) >= 2:
        text = f"numpy {fingerprint['numpy']}: MindSpore up to 2.10.0 breaks under numpy 2"
        yield Diagnosis("problem", text, "pip install 'numpy<2'")
    if profile.device == "CPU":
        if fingerprint["cores"] != "1":
            text = f"the worker sees {fingerprint['cores']} cores, and the bits depend on their number"
            yield Diagnosis("warning", text, "run where a process can be pinned to one core")
        cap = profile.cap(fingerprint["arch"])
        if fingerprint["isa"] != cap:
            text = f"this processor supports {fingerprint['isa']} at most, but the profile is for {cap}"
            remedy = "the shipped baselines are only compared across devices here; record your own"
            yield Diagnosis("warning", text, remedy)
