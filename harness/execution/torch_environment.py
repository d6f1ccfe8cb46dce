"""torch under the profile: its settings, its fingerprint and its canaries.

``torch_npu`` brings NPUs to torch. What is here for it has never run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import FingerprintError, ProfileError
from harness.execution.ascend import ascend_fields
from harness.execution.canaries import run_canaries
from harness.execution.fingerprint import effective_isa, host_fields
from harness.execution.profile import Profile, visible_cores
from harness.frameworks.framework import FrameworkName
from harness.pipelines.diffusers import check_installed

# The names that ATen has for the caps on oneDNN's instruction set; it has no others.
_ATEN = {"AVX2": "avx2", "AVX512_CORE": "avx512"}
# Those of MKL, which torch's matrix products use on x86-64.
_MKL = {"AVX": "AVX", "AVX2": "AVX2", "AVX512_CORE": "AVX512"}
# https://docs.nvidia.com/cuda/cublas: with it, cuBLAS repeats its results.
_CUBLAS = ":4096:8"
_DRIVER = Path("/proc/driver/nvidia/version")
# torch's names for the devices.
_TORCH_DEVICES = {"CPU": "cpu", "CUDA": "cuda", "Ascend": "npu"}


class TorchEnvironment:
    """torch, on the CPU, a GPU or, with ``torch_npu``, an NPU."""

    framework: FrameworkName = "torch"

    def __init__(self, profile: Profile, dtype: str) -> None:
        check_installed()
        self._profile, self._in_float64 = profile, dtype == "float64"
        self.device = _TORCH_DEVICES[profile.device]

    def variables(self) -> dict[str, str]:
        """Return the variables: of the CPU's libraries, of cuBLAS, or of the NPU's profile."""
        if self._profile.device == "Ascend":
            return self._profile.environment()
        if self._profile.device == "CUDA":
            return {"CUBLAS_WORKSPACE_CONFIG": _CUBLAS}
        cap = self._profile.cap()
        variables = {
            "ONEDNN_MAX_CPU_ISA": cap,
            "DNNL_MAX_CPU_ISA": cap,
            "ATEN_CPU_CAPABILITY": _ATEN.get(cap, "default"),
        }
        return variables | ({"MKL_CBWR": _MKL[cap]} if cap in _MKL else {})

    def apply_before_import(self) -> None:
        """Set the environment and pin this process; ProfileError if torch is already loaded."""
        if "torch" in sys.modules:
            raise ProfileError("the profile must be applied before torch is imported, and it is already")
        os.environ.update(self.variables())
        profile = self._profile
        if profile.device == "CPU" and (cores := profile.cores if profile.core is None else (profile.core,)):
            os.sched_setaffinity(0, cores)

    def apply_after_import(self) -> None:
        """Import torch and make it deterministic; ProfileError if it lacks the device."""
        import torch

        torch.use_deterministic_algorithms(True)
        # A model that is run for its result needs no gradients, and neither do single calls of its parts.
        torch.set_grad_enabled(False)
        if self._in_float64:
            # For tensors that a model makes without saying of which dtype, such as masks with the smallest
            # number of the model's own.
            torch.set_default_dtype(torch.float64)
        if self._profile.device == "CPU":
            torch.set_num_threads(visible_cores())
        elif self._profile.device == "CUDA":
            self._apply_to_gpu(torch)
        else:
            self._apply_to_npu(torch)

    def _apply_to_gpu(self, torch: Any) -> None:
        number = self._profile.device_id
        if number >= torch.cuda.device_count():
            raise ProfileError(
                f"torch {torch.__version__} of {sys.executable} cannot use GPU {number}: it sees "
                f"{torch.cuda.device_count()}; install a torch for CUDA there, or choose --device CPU"
            )
        torch.cuda.set_device(number)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True

    def _apply_to_npu(self, torch: Any) -> None:
        if importlib.util.find_spec("torch_npu") is None:
            raise ProfileError(
                f"torch_npu is not installed for {sys.executable}; install it there, or choose --device CPU"
            )
        importlib.import_module("torch_npu")
        # ASCEND_RT_VISIBLE_DEVICES leaves one device, which then has number 0.
        torch.npu.set_device(0)
        torch.npu.matmul.allow_hf32 = False
        torch.npu.conv.allow_hf32 = False
        torch.npu.set_compile_mode(jit_compile=False)

    def fingerprint(self, *, mode: str, dtype: str) -> dict[str, str]:
        """Return the fields of torch and its device."""
        import torch

        device = self._profile.device
        fields = {
            "device": device,
            **host_fields(),
            "torch": f"{torch.__version__} ({str(torch.version.git_version)[:12]})",
            "profile": self._name(torch),
            "mode": mode,
            "dtype": dtype,
        }
        if device == "CPU":
            fields["isa"] = effective_isa(self._profile.cap())
            fields["cores"] = str(visible_cores())
        elif device == "CUDA":
            fields |= {
                "soc": torch.cuda.get_device_name(),
                "cuda": str(torch.version.cuda),
                "cudnn": str(torch.backends.cudnn.version()),
                "driver": _driver(),
            }
        else:
            fields |= ascend_fields(soc=lambda: torch.npu.get_device_name(0))
            fields["torch_npu"] = str(sys.modules["torch_npu"].__version__)
        if empty := [name for name, value in fields.items() if not value]:
            raise FingerprintError(f"this system leaves fields of the fingerprint empty: {', '.join(empty)}")
        return fields

    def _name(self, torch: Any) -> str:
        """Return the settings that are in force, as torch says them, in one line."""
        repeats = "deterministic" if torch.are_deterministic_algorithms_enabled() else "not deterministic"
        if self._profile.device == "CPU":
            pinned = "one core" if self._profile.core is not None else "not pinned"
            variables = os.environ
            return (
                f"torch on cpu: {repeats}, {torch.get_num_threads()} threads, {pinned}, oneDNN at most "
                f"{variables['ONEDNN_MAX_CPU_ISA']}, ATen {torch.backends.cpu.get_cpu_capability()}, "
                f"MKL {variables.get('MKL_CBWR', 'not capped')}"
            )
        if self._profile.device == "CUDA":
            matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
            return (
                f"torch on cuda: {repeats}, cuBLAS workspace {os.environ['CUBLAS_WORKSPACE_CONFIG']}, "
                f"TF32 of matmul {_on(matmul.allow_tf32)} and of convolution {_on(cudnn.allow_tf32)}, "
                f"sums in half {_on(matmul.allow_fp16_reduced_precision_reduction)}, "
                f"cuDNN {'deterministic' if cudnn.deterministic else 'not deterministic'}, "
                f"benchmark {_on(cudnn.benchmark)}"
            )
        return (
            f"torch on npu: {repeats}, HF32 {_on(torch.npu.matmul.allow_hf32 or torch.npu.conv.allow_hf32)}"
        )

    def canaries(self) -> dict[str, str]:
        """Return the hashes of torch's operators on this device."""
        return run_canaries(lambda inputs: _operators(inputs, self.device))

    def devices(self) -> tuple[str, ...]:
        """Return those that torch can use."""
        import torch

        found = {"CPU": True, "CUDA": torch.cuda.is_available(), "Ascend": "torch_npu" in sys.modules}
        return tuple(kind for kind, is_there in found.items() if is_there)


def _operators(inputs: Mapping[str, Any], place: str) -> dict[str, Callable[[], Any]]:
    import torch
    from torch.nn import functional

    given = {name: torch.from_numpy(array).to(place) for name, array in inputs.items()}
    image, rows, kernel = given["image"], given["rows"], given["kernel3"]
    operators: dict[str, Callable[[], Any]] = {
        "conv2d_3x3": lambda: functional.conv2d(image, kernel, padding=1),
        "conv2d_3x3_stride2": lambda: functional.conv2d(image, kernel, padding=1, stride=2),
        "conv2d_1x1": lambda: functional.conv2d(image, given["kernel1"]),
        "matmul": lambda: given["left"] @ given["right"],
        "batch_matmul": lambda: torch.bmm(given["batch_left"], given["batch_right"]),
        "softmax": lambda: torch.softmax(rows, -1),
        "group_norm": lambda: functional.group_norm(image, 16),
        "layer_norm": lambda: functional.layer_norm(rows, (96,), given["scale"], given["shift"]),
        "silu": lambda: functional.silu(rows),
        "gelu": lambda: functional.gelu(rows),
        "exp": lambda: torch.exp(rows),
        "sin": lambda: torch.sin(rows),
        "sqrt": lambda: torch.sqrt(torch.abs(rows)),
        "interpolate_nearest": lambda: functional.interpolate(image, size=(32, 32)),
        "reduce_sum": lambda: rows.sum(1),
        "reduce_mean": lambda: image.mean((2, 3)),
    }
    return {name: lambda run=run: run().cpu().numpy() for name, run in operators.items()}  # type: ignore[misc]


def _on(value: bool) -> str:
    return "on" if value else "off"


def _driver(file: Path = _DRIVER) -> str:
    """Return the version of NVIDIA's driver."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FingerprintError(f"{file}: NVIDIA's driver cannot be read: {error.strerror}") from None
    found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", text)
    if found is None:
        raise FingerprintError(f"{file}: names no version of the driver")
    return found[0]
