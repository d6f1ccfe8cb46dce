"""The fingerprint: every field of the environment that can move the bits."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

from harness.errors import HarnessError
from harness.execution.profile import CPU_ISAS, Profile, visible_cores


class FingerprintError(HarnessError):
    """A field of the fingerprint cannot be read; a guess would make comparisons lie."""


def fingerprint(profile: Profile, *, mode: str, dtype: str, packages: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the fields of this process's environment, all strings; call it after the profile is applied.

    ``packages`` are distributions beyond MindSpore and numpy that the pipeline runs on, such as mindone.
    Fields that a device does not have (an NPU's SoC on the CPU) are left out. Raises
    :class:`FingerprintError` where a field that it has cannot be read.
    """
    import mindspore as ms

    fields = {
        "device": profile.device,
        "arch": platform.machine(),
        "cores": str(visible_cores()),
        "cpu_model": cpu_model(),
        "os": platform.system(),
        "libc": " ".join(platform.libc_ver()).strip() or platform.platform(),
        "python": f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}",
        "mindspore": ms.__version__,
        "numpy": metadata.version("numpy"),
        "profile": profile.name(),
        "mode": mode,
        "dtype": dtype,
    }
    fields.update({package: _version(package) for package in packages})
    if profile.device == "CPU":
        fields["isa"] = effective_isa(profile.isa)
    else:
        from harness.execution.ascend import ascend_fields

        fields.update(ascend_fields())
    return fields


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise FingerprintError(f"the version of {package} cannot be read; install it with pip") from None


def _cpuinfo() -> dict[str, str]:
    """Return the first processor's entries of /proc/cpuinfo, empty where the system has no such file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def cpu_model() -> str:
    """Return the processor's name with family, model and stepping, which virtual machines leave apart."""
    info = _cpuinfo()
    keys = ("model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU revision")
    parts = [f"{key} {info[key]}" if key != "model name" else info[key] for key in keys if key in info]
    text = ", ".join(parts) or platform.processor()
    if not text:
        raise FingerprintError("the processor's model cannot be read from /proc/cpuinfo or the platform")
    return text


def effective_isa(cap: str) -> str:
    """Return the widest ISA (oneDNN's name) that both the cap and this processor allow.

    On other architectures than x86-64 oneDNN has no such cap: the architecture itself is returned.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return platform.machine()
    flags = set(_cpuinfo().get("flags", "").split())
    names = list(CPU_ISAS)
    allowed = [name for name in names[: names.index(cap) + 1] if CPU_ISAS[name] in flags]
    if not allowed:
        raise FingerprintError("the processor's instruction sets cannot be read from /proc/cpuinfo")
    return allowed[-1]
