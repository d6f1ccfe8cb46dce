"""Run the cases of kernels.safetensors with MindSpore and print as JSON how far each is from torch.

Usage: python tests/data/mint/run_cases.py [--native]    (with harness importable; in a process of its own)

Installing the kernels changes MindSpore for the whole process, hence a script. With --native nothing is
installed: what MindSpore raises by itself is told, and the primitive that `missing_kernel` reads from it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from harness.execution.profile import Profile, claim_core

REFERENCE = Path(__file__).with_name("kernels.safetensors")
# What an element's error is relative to: functions of single elements, its value; activations, whose tails
# cancel in torch's float32, at least 0.01; sums of many terms, the largest value of the result.
ELEMENTWISE, ACTIVATIONS, SMALL = "elementwise", "activations", 0.01


def load() -> tuple[dict[str, np.ndarray], list[list[Any]], str]:
    """Return the tensors, the cases and torch's version."""
    with safe_open(REFERENCE, "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    return tensors, json.loads(metadata["cases"]), metadata["torch"]


class Caller:
    """Calls functions of mint with decoded arguments."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        import mindspore

        self.mindspore, self.tensors = mindspore, tensors

    def decoded(self, value: Any) -> Any:
        """Return the argument that ``value`` stands for."""
        if isinstance(value, str) and value.startswith("~"):
            return getattr(self.mindspore, {"bool": "bool_"}.get(value[1:], value[1:]))
        if isinstance(value, str) and value.startswith("@"):
            name, _, dtype = value[1:].partition(":")
            tensor = self.mindspore.Tensor(self.tensors[name].copy("C"))
            return tensor.astype(getattr(self.mindspore, dtype)) if dtype else tensor
        if isinstance(value, list):
            return [self.decoded(each) for each in value]
        if isinstance(value, dict):
            return float(value["number"]) if "number" in value else tuple(map(self.decoded, value["tuple"]))
        return value

    def results(self, function: str, args: Any, kwargs: Any) -> list[Any]:
        """Return what the call gives, as a list."""
        owner: Any = self.mindspore.mint
        if function.startswith(("Tensor.", "ops.")):
            owner, function = self.mindspore, function
        for part in function.split("."):
            owner = getattr(owner, part)
        return self.called(owner, args, kwargs)

    def called(self, function: Any, args: Any, kwargs: Any) -> list[Any]:
        """Return what ``function`` gives, as a list: of one in place, what its tensor then holds."""
        inputs = self.decoded(args)
        result = function(*inputs, **{key: self.decoded(value) for key, value in kwargs.items()})
        if getattr(function, "__name__", "").endswith("_"):
            result = inputs[0]
        results = list(result) if isinstance(result, tuple | list) else [result]
        tensor = self.mindspore.Tensor
        return [each if isinstance(each, tensor) else tensor(each) for each in results]

    def error(self, got: Any, reference: str, family: str) -> float:
        """Return the largest relative error; AssertionError where shape, dtype or infinities differ."""
        name, _, dtype = reference[1:].partition(":")
        expected = self.tensors[name]
        kind = str(got.dtype).lower()
        assert kind == dtype, f"dtype {kind}, not {dtype}"
        values = (got.astype(self.mindspore.float32) if kind == "bfloat16" else got).asnumpy()
        assert values.shape == expected.shape, f"shape {values.shape}, not {expected.shape}"
        if expected.dtype.kind != "f":
            return 0.0 if np.array_equal(values, expected) else 1.0
        values, expected = values.astype(np.float64), expected.astype(np.float64)
        finite = np.isfinite(expected)
        same = np.array_equal(values[~finite], expected[~finite], equal_nan=True)
        assert same, "other infinities or NaN"
        assert np.isfinite(values[finite]).all(), "not finite where torch is"
        difference, size = np.abs(values[finite] - expected[finite]), np.abs(expected[finite])
        least = {ELEMENTWISE: 0.0, ACTIVATIONS: SMALL}.get(family, size.max(initial=0))
        wrong = difference > 0
        with np.errstate(divide="ignore"):
            return float((difference[wrong] / np.maximum(size, least)[wrong]).max(initial=0))


def digest(results: list[Any]) -> str:
    """Return the sha256 of the results' bytes."""
    sha256 = hashlib.sha256()
    for each in results:
        widened = each.float() if str(each.dtype) == "BFloat16" else each
        sha256.update(widened.asnumpy().tobytes())
    return sha256.hexdigest()


def main(native: bool) -> None:
    """Print the outcome of every case."""
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore

    profile.apply_after_import()
    from harness import kernels

    if not native:
        kernels.install()
    tensors, cases, torch_version = load()
    caller = Caller(tensors)
    outcomes = []
    for primitive, function, args, kwargs, results in cases:
        kernel = kernels.KERNELS[primitive]
        dtypes = [each.partition(":")[2] for each in results]
        outcome: dict[str, Any] = {"primitive": primitive, "function": function, "dtypes": dtypes}
        kernels.reset()
        try:
            if native or primitive in kernels.replaced():
                got = caller.results(function, args, kwargs)
            else:  # this release has a kernel of its own
                got = caller.called(kernel.function, args, kwargs)
            # Beside its result a primitive may give buffers of the gradient, which torch's function keeps.
            pairs = zip(got, results, strict=False)
            outcome["error"] = max(caller.error(*each, kernel.family) for each in pairs)
            outcome["sha256"] = digest(got)
        except Exception as error:  # noqa: BLE001  told in the outcome
            outcome["problem"] = f"{type(error).__name__}: {error}".splitlines()[0]
            outcome["missing"] = kernels.missing_kernel(error)
        outcome["used"] = sorted(kernels.used())
        outcomes.append(outcome)
    told = {
        "mindspore": mindspore.__version__,
        "torch": torch_version,
        "replaced": sorted(kernels.replaced()),
        "outcomes": outcomes,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(native="--native" in sys.argv[1:])
