"""The fingerprint: every field of the environment that can change the bits of a result."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.errors import FingerprintError
from harness.execution.ascend import ascend_fields
from harness.execution.profile import X86_ISAS, Profile, architecture, visible_cores

_CPUINFO = Path("/proc/cpuinfo")
# x86 has the first three fields, Arm the others.
_MODEL_KEYS = (
    "cpu family", "model", "stepping", "CPU implementer", "CPU variant", "CPU part", "CPU revision",
)  # fmt: skip

# <linux/prctl.h>
_PR_SVE_GET_VL = 51
_PR_SVE_VL_LEN_MASK = 0xFFFF


def fingerprint(profile: Profile, *, mode: str, dtype: str) -> dict[str, str]:
    """Return the fields of this process's environment, all strings; call it after the profile is applied.

    Raises :class:`FingerprintError` if a field that the device has cannot be read.
    """
    import mindspore as ms

    fields = {
        "device": profile.device,
        **host_fields(),
        "mindspore": f"{ms.__version__} ({_build(Path(ms.__file__).parent / '.commit_id')})",
        "profile": profile.name(),
        "mode": mode,
        "dtype": dtype,
    }
    if profile.device == "CPU":
        fields["isa"] = effective_isa(profile.cap())
        fields["cores"] = str(visible_cores())
    else:
        fields.update(ascend_fields())
    if empty := [name for name, value in fields.items() if not value]:
        raise FingerprintError(f"this system leaves fields of the fingerprint empty: {', '.join(empty)}")
    return fields


def host_fields() -> dict[str, str]:
    """Return the fields that every process has, whatever it computes with."""
    fields = {
        "arch": platform.machine(),
        "cpu_model": cpu_model(),
        "os": platform.system(),
        "libc": " ".join(platform.libc_ver()).strip() or platform.platform(),
        "numpy": np.__version__,
    }
    # Only where they are lost, so that baselines from before this field stay in the same environment.
    if (lost := lost_subnormals()) is not None:
        fields["subnormals"] = lost
    return fields


def _build(commit_file: Path) -> str:
    # Builds with the same version number may differ.
    try:
        text = commit_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FingerprintError(f"{commit_file}: MindSpore's build cannot be read: {error}") from None
    found = re.search(r"\[sha1\]:([0-9a-f]+)", text)
    if found is None:
        raise FingerprintError(f"{commit_file}: names no commit; install MindSpore from the package index")
    return found[1]


def _entries(cpuinfo: Path) -> dict[str, str]:
    """Return the entries of the first processor; empty if there is no such file."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FingerprintError(f"{cpuinfo}: cannot be read ({error.strerror})") from None
    pairs = (line.split(":", 1) for line in text.split("\n\n", 1)[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs if value.strip()}


def cpu_model(cpuinfo: Path = _CPUINFO) -> str:
    """Return the processor's name and model numbers, which distinguish processors of the same name."""
    info = _entries(cpuinfo)
    parts = [info["model name"]] if "model name" in info else []
    parts += [f"{key} {info[key]}" for key in _MODEL_KEYS if key in info]
    # On Linux the platform module only knows the architecture.
    text = ", ".join(parts) or ("" if platform.system() == "Linux" else platform.processor())
    if not text:
        raise FingerprintError(f"{cpuinfo}: does not name the processor; run where /proc is mounted")
    return text


def effective_isa(
    cap: str,
    *,
    machine: str | None = None,
    cpuinfo: Path = _CPUINFO,
    vector_bits: Callable[[], int] | None = None,
) -> str:
    """Return the widest ISA (oneDNN's name) that both the cap and this processor allow.

    ``machine`` is the architecture if it is not this machine's. ``vector_bits`` returns the length of an Arm
    processor's scalable vectors, which belongs to the name; 0 if it has none.
    """
    if architecture(machine) == "aarch64":
        if cap == "ADVANCED_SIMD":
            return cap
        bits = (vector_bits or scalable_vector_bits)()
        return f"SVE_{bits}" if bits else "ADVANCED_SIMD"
    flags = set(_entries(cpuinfo).get("flags", "").split())
    names = list(X86_ISAS)
    allowed = [name for name in names[: names.index(cap) + 1] if X86_ISAS[name] in flags]
    if not allowed:
        raise FingerprintError(
            f"{cpuinfo}: none of the flags {', '.join(X86_ISAS.values())} up to the profile's {cap} is "
            "there; "
            "run where /proc is mounted"
        )
    return allowed[-1]


def scalable_vector_bits() -> int:
    """Return the length of this process's vectors of Arm's SVE, or 0 if the processor has no SVE."""
    # An emulator may show the /proc/cpuinfo of the machine below; the kernel's answer is the processor's.
    length = ctypes.CDLL(None, use_errno=True).prctl(_PR_SVE_GET_VL, 0, 0, 0, 0)
    if length >= 0:
        return int(length & _PR_SVE_VL_LEN_MASK) * 8
    if (code := ctypes.get_errno()) == errno.EINVAL:
        return 0
    raise FingerprintError(f"the length of SVE's vectors cannot be read: {os.strerror(code)}")


def lost_subnormals() -> str | None:
    """Return what becomes of the smallest numbers in this thread, or None if they are computed exactly.

    Processors can be told to take them for zero, which is faster. Importing MindSpore does so on Arm, for all
    that this process computes.
    """
    # From bits to bits: a constant or a comparison would be under the very setting that is asked for.
    smallest = np.array([1, 0x00800000], np.uint32).view(np.float32)
    read, written = (smallest * np.array([2.0**100, 0.5], np.float32)).view(np.uint32) == 0
    if read and written:
        return "taken for zero"
    return "read as zero" if read else "written as zero" if written else None
