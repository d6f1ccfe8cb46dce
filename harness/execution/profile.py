"""The profile: the determinism settings that a worker applies when it imports MindSpore, and its core."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
from dataclasses import dataclass

from harness.errors import ProfileError
from harness.execution.cann_settings import cann_settings, check_hccl, set_level

# Those of MindSpore, and GPUs, on which torch alone runs here.
DEVICES = ("CPU", "Ascend", "CUDA")
_VISIBLE_NPUS = "ASCEND_RT_VISIBLE_DEVICES"

# https://oneapi-src.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html, from narrow to wide, each with
# the flag in /proc/cpuinfo that shows whether the processor supports it.
X86_ISAS = {"SSE41": "sse4_1", "AVX": "avx", "AVX2": "avx2", "AVX512_CORE": "avx512bw"}
# Those of Arm. oneDNN 3.10.1 takes ADVANCED_SIMD alone: its names SVE_128 and SVE_256 are never compared with
# what is set, because a macro leaves `sve_ ## bits` in their place, and then nothing is capped.
ARM_ISAS = ("ADVANCED_SIMD", "SVE_512")
CPU_ISAS = (*X86_ISAS, *ARM_ISAS)
# The widest that every server has had for years: the same bits on all of them.
_DEFAULT_ISAS = {"x86_64": "AVX2", "aarch64": "ADVANCED_SIMD"}
_OTHER_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}
# The lines that :meth:`Profile.name` writes, and the settings that a line leaves out at their defaults.
_NAMES = (
    re.compile(r"cpu: oneDNN ISA at most \w+, (?:one core|not pinned), (?P<launches>\w+) launches"),
    re.compile(
        r"ascend: deterministic(?: \(level (?P<level>\d)\))?, "
        r"HCCL and LCCL deterministic(?: \(HCCL (?P<hccl>\w+)\))?, "
        r"ATB matmul K-shuffle and LCOC off, one TE compiler, HF32 (?P<hf32>\w+)"
    ),
)
_UNNAMED = {"level": "1", "hccl": "true"}


def architecture(machine: str | None = None) -> str:
    """Return the name that Linux has for the architecture ``machine``, or for this machine's."""
    name = machine or platform.machine()
    return _OTHER_NAMES.get(name.lower(), name)


def known_isas(machine: str | None = None) -> tuple[str, ...]:
    """Return the caps on oneDNN's instruction set that an architecture has, from narrow to wide."""
    return {"x86_64": tuple(X86_ISAS), "aarch64": ARM_ISAS}.get(architecture(machine), ())


def default_isa(machine: str | None = None) -> str:
    """Return the cap that gives the same bits on every usual processor of the architecture.

    Raises :class:`ProfileError` for an architecture that MindSpore has no wheel for.
    """
    if (name := architecture(machine)) not in _DEFAULT_ISAS:
        raise ProfileError(f"MindSpore does not run on {name}; it runs on {', '.join(_DEFAULT_ISAS)}")
    return _DEFAULT_ISAS[name]


@dataclass(frozen=True)
class Profile:
    """The determinism settings of one worker.

    ``isa`` caps oneDNN's instruction set on the CPU (oneDNN's own names); None stands for :func:`default_isa`
    of the machine on which the worker runs, which need not be this one. ``core`` is the one core that the
    worker is pinned to, or None if it is not, or the system does not support pinning. A worker that is not
    pinned sees ``cores``, or, if there are none, those of the process that starts it. ``blocking`` is whether
    a CPU ends each operator before the next is launched, which MindSpore cannot take back in a process.
    ``device_id`` is the NPU's number; if ``ASCEND_RT_VISIBLE_DEVICES`` is set, it counts among the devices
    listed there.
    """

    device: str = "CPU"
    device_id: int = 0
    isa: str | None = None
    core: int | None = None
    blocking: bool = True
    cores: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ProfileError(f"unknown device {self.device!r}; known: {', '.join(DEVICES)}")
        if self.isa is not None and self.isa not in CPU_ISAS:
            raise ProfileError(f"unknown ISA {self.isa!r}; known: {', '.join(CPU_ISAS)}")

    def cap(self, machine: str | None = None) -> str:
        """Return the cap on the instruction set; ``machine`` is the architecture if it is not this one's.

        Raises :class:`ProfileError` if the architecture does not have it.
        """
        if self.isa is None:
            return default_isa(machine)
        if self.isa not in (isas := known_isas(machine)):
            raise ProfileError(
                f"oneDNN has no ISA {self.isa} on {architecture(machine)}; it has {', '.join(isas)}"
            )
        return self.isa

    def environment(self) -> dict[str, str]:
        """Return the environment variables that must be set before MindSpore is imported."""
        if self.device == "CPU":
            # DNNL_ is the older name, which MindSpore 2.8 and older read.
            cap = self.cap()
            return {"ONEDNN_MAX_CPU_ISA": cap, "DNNL_MAX_CPU_ISA": cap}
        if self.device == "CUDA":
            raise ProfileError(
                "harness runs MindSpore on CPU and Ascend; CUDA is for cases of diffusers, on torch"
            )
        return {
            "HCCL_DETERMINISTIC": cann_settings().hccl,
            "LCCL_DETERMINISTIC": "1",
            "ATB_MATMUL_SHUFFLE_K_ENABLE": "0",
            "ATB_LLM_LCOC_ENABLE": "0",
            "TE_PARALLEL_COMPILER": "1",
            _VISIBLE_NPUS: self._npu(),
        }

    def _npu(self) -> str:
        given = os.environ.get(_VISIBLE_NPUS)
        if given is None:
            return str(self.device_id)
        # A job scheduler has assigned these devices; the others belong to someone else.
        ours = [number.strip() for number in given.split(",") if number.strip()]
        if self.device_id >= len(ours):
            raise ProfileError(
                f"NPU {self.device_id} was requested (they count from 0), but {_VISIBLE_NPUS}={given} leaves "
                f"{len(ours)}: use fewer processes (-n) or another --device-id, or make more NPUs visible"
            )
        return ours[self.device_id]

    def name(self) -> str:
        """Return the settings that can change the bits as one line, without numbers of cores or devices."""
        if self.device == "CPU":
            pinned = "one core" if self.core is not None else "not pinned"
            launches = "blocking" if self.blocking else "asynchronous"
            return f"cpu: oneDNN ISA at most {self.cap()}, {pinned}, {launches} launches"
        asked = cann_settings()
        repeats = "deterministic" if asked.level else "not deterministic"
        level = "" if asked.level == 1 else f" (level {asked.level})"
        hccl = "" if asked.hccl == "true" else f" (HCCL {asked.hccl})"
        return (
            f"ascend: {repeats}{level}, HCCL and LCCL deterministic{hccl}, "
            "ATB matmul K-shuffle and LCOC off, one TE compiler, HF32 off"
        )

    def apply_before_import(self) -> None:
        """Set the environment and pin this process; ProfileError if MindSpore is already loaded."""
        if "mindspore" in sys.modules:
            raise ProfileError("the profile must be applied before mindspore is imported, and it is already")
        os.environ.update(self.environment())
        # On Ascend the host only dispatches: a single core would starve it, and the bits do not depend on it.
        if self.device == "CPU" and (cores := self.cores if self.core is None else (self.core,)):
            os.sched_setaffinity(0, cores)

    def apply_after_import(self) -> None:
        """Apply MindSpore's own settings, before the first operator; ProfileError if it lacks the device."""
        import mindspore as ms

        # Graph mode is requested by jitting the model, so the context itself stays in PyNative mode.
        ms.set_context(mode=ms.PYNATIVE_MODE)
        if self.device == "CPU":
            ms.set_device("CPU")
            # 4 to 20 times faster on CPU than asynchronous dispatch, and errors surface where they occur.
            if self.blocking:
                ms.runtime.launch_blocking()
            return
        try:
            # ASCEND_RT_VISIBLE_DEVICES leaves one device, which then has number 0.
            ms.set_device("Ascend", 0)
        except RuntimeError as error:
            reason = (str(error).splitlines() or [""])[0]
            raise ProfileError(
                f"MindSpore cannot use NPU {self.device_id}: {reason}\n"
                "Source CANN's set_env.sh and check that `npu-smi info` shows the NPU, or choose --device CPU"
            ) from None
        asked = cann_settings()
        ms.set_deterministic(asked.level > 0)
        check_hccl(asked.hccl, ms.__version__)
        if asked.level != 1:
            set_level(asked.level)
        ms.device_context.ascend.op_precision.matmul_allow_hf32(False)
        ms.device_context.ascend.op_precision.conv_allow_hf32(False)


def named_settings(name: str) -> dict[str, str] | None:
    """Return the settings that no other field of a fingerprint has, from the line of :meth:`Profile.name`.

    They are ``launches`` of a CPU, and ``level``, ``hccl`` and ``hf32`` of an NPU. None for a line that this
    version does not write.
    """
    for each in _NAMES:
        if (found := each.fullmatch(name)) is not None:
            return {key: value or _UNNAMED[key] for key, value in found.groupdict().items()}
    return None


def visible_cores() -> int:
    """Return how many cores this process may run on; MindSpore's CPU kernels split their work by it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class CoreClaim:
    """A core that one runner holds until :meth:`release`; ``shared`` means that another also holds it."""

    core: int | None
    shared: bool
    _lock: socket.socket | None = None

    def release(self) -> None:
        """Give the core back; may be called repeatedly. If the process dies, the system gives it back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def claim_core() -> CoreClaim:
    """Return a core of this process's affinity that no other runner on the machine holds.

    If all are held, the first is shared: the bits depend on how many cores are visible, not on which they are
    or how busy. ``core`` is None if the system has no affinity. The claim is a name in Linux's abstract
    socket namespace, which leaves no file behind and ends with its process.
    """
    if not hasattr(os, "sched_getaffinity"):
        return CoreClaim(None, shared=False)
    cores = sorted(os.sched_getaffinity(0))
    for core in cores:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            lock.bind(f"\0determinism-harness-core-{core}")
        except OSError:
            lock.close()
        else:
            return CoreClaim(core, shared=False, _lock=lock)
    return CoreClaim(cores[0], shared=True)
