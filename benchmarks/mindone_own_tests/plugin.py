"""A pytest plugin that runs mindone's own tests on CPU through harness's kernels, and tells how each ends.

The interpreter that has torch, MindSpore and mindone loads it (`-p benchmarks.mindone_own_tests.plugin`).
The environment says what it does:

    OWN_TESTS_TELL      the file to which it appends a line of JSON when a test starts and when it ends
    OWN_TESTS_DTYPE     the dtype of the tests: for bfloat16 the kernels widen it
    OWN_TESTS_REPEATS   how often a pipeline's two sides are run again to be timed (default 0)
    OWN_TESTS_RSS       the megabytes of memory with which the process ends after a test (default none)
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import resource
import sys
import time
import traceback
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.execution.profile import Profile, claim_core

PROFILE = Profile(core=claim_core().core)
PROFILE.apply_before_import()
import mindspore  # noqa: E402

PROFILE.apply_after_import()
import pytest  # noqa: E402
import torch  # noqa: E402

from harness import kernels  # noqa: E402

torch.set_num_threads(1)
# Packages that slow tests alone use, but that are imported beside them.
for absent in ("controlnet_aux", "image_gen_aux"):
    if importlib.util.find_spec(absent) is None:
        sys.modules[absent] = unittest.mock.MagicMock(__name__=absent, __spec__=None)
# Some of the tests ask for an NPU and for determinism when they are imported.
mindspore.set_device = mindspore.set_deterministic = lambda *_: None
kernels.install(bfloat16=os.environ.get("OWN_TESTS_DTYPE") == "bfloat16")

REPEATS = int(os.environ.get("OWN_TESTS_REPEATS", "0"))
MOST_MEGABYTES = int(os.environ.get("OWN_TESTS_RSS", "0"))
DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
MODES = {mindspore.GRAPH_MODE: "graph", mindspore.PYNATIVE_MODE: "pynative"}
# "mindspore.float16" and the like, as tests give it.
_DTYPE = re.compile(r"(bfloat16|float16|float32|float64)", re.IGNORECASE)

_times: dict[str, list[list[float]]] = {}


def tell(line: dict[str, Any]) -> None:
    with Path(os.environ["OWN_TESTS_TELL"]).open("a") as file:
        file.write(json.dumps(line) + "\n")


def parameters(item: pytest.Item) -> dict[str, Any]:
    """Return what parametrize or ddt hands to the test, which ddt keeps in a closure."""
    if callspec := getattr(item, "callspec", None):
        return dict(callspec.params)
    given: dict[str, Any] = {}
    for cell in getattr(item.function, "__closure__", None) or ():  # type: ignore[attr-defined]
        if isinstance(cell.cell_contents, dict):
            given |= cell.cell_contents
    return given


def context(item: pytest.Item) -> dict[str, str]:
    """Return the dtype and the mode of a test; "none" where it has none."""
    given = parameters(item)
    dtype = next((value for name, value in given.items() if "dtype" in name), None)
    found = _DTYPE.search(DTYPES.get(str(dtype), str(dtype)))
    mode = given.get("mode", given.get("jit"))
    return {
        "dtype": found.group().lower() if found else "none",
        "mode": MODES.get(mode, "none") if isinstance(mode, int) else "none",
    }


def pytest_configure(config: pytest.Config) -> None:
    """Time the pipelines that the tests get by name; every test of a pipeline gets both sides so."""
    sys.path.insert(0, str(config.rootpath))
    from tests.diffusers_tests.pipelines import pipeline_test_utils as utils

    original = utils.get_module

    @functools.wraps(original)
    def get_module(path: str) -> Any:
        found = original(path)
        if path.startswith(("diffusers.pipelines.", "mindone.diffusers.pipelines.")):
            side = "mindspore" if path.startswith("mindone") else "torch"
            _time_calls(found, side)
        return found

    utils.get_module = get_module
    utils.randn_tensor_replace = _draw_by


def _draw_by(function: Callable[..., Any]) -> None:
    """Put ``function`` in the place of randn_tensor, as the tests' own `randn_tensor_replace` does.

    That one makes every autoencoder at its full size for it, twice for each class of tests: gigabytes and
    half a minute, to find the one module in which they all draw.
    """
    import mindone.diffusers.models.autoencoders.vae
    import mindone.diffusers.pipelines
    import mindone.diffusers.schedulers

    for package in (mindone.diffusers.pipelines, mindone.diffusers.schedulers):
        for name in dir(package):  # imports what is imported late
            getattr(package, name, None)
    drawing = ("mindone.diffusers.pipelines.", "mindone.diffusers.schedulers.")
    vae = mindone.diffusers.models.autoencoders.vae.__name__
    for name, module in list(sys.modules.items()):
        if (name.startswith(drawing) or name == vae) and hasattr(module, "randn_tensor"):
            module.randn_tensor = function  # type: ignore[attr-defined]


def _time_calls(pipeline: Any, side: str) -> None:
    call = vars(pipeline).get("__call__")
    if call is None or hasattr(call, "timed"):
        return

    @functools.wraps(call)
    def timed(self: Any, *args: Any, **kwargs: Any) -> Any:
        generators = [each for each in _flat(kwargs.get("generator")) if isinstance(each, torch.Generator)]
        states = [each.get_state() for each in generators]
        start = time.perf_counter()
        result = call(self, *args, **kwargs)
        seconds = [time.perf_counter() - start]
        after = [each.get_state() for each in generators], torch.get_rng_state()
        for _ in range(REPEATS):
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
            start = time.perf_counter()
            try:
                call(self, *args, **kwargs)
            except Exception:  # noqa: BLE001  it cannot run twice, so the first time stands
                break
            seconds.append(time.perf_counter() - start)
        for generator, state in zip(generators, after[0], strict=True):
            generator.set_state(state)
        torch.set_rng_state(after[1])
        _times.setdefault(side, []).append(seconds)
        return result

    timed.timed = True  # type: ignore[attr-defined]
    pipeline.__call__ = timed


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell what there is, with `--collect-only`."""
    if not config.option.collectonly:
        return
    for item in items:
        skip = next((mark for mark in item.iter_markers() if mark.name in ("skip", "skipif")), None)
        slow = skip is not None and any(skip.args[:1]) and "slow" in str(skip.kwargs.get("reason", ""))
        tell({"test": item.nodeid, "slow": bool(slow), **context(item)})


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Tell when a test starts and how it ended."""
    _times.clear()
    kernels.reset()
    tell({"started": item.nodeid})
    start = time.perf_counter()
    item.told = {"outcome": "passed"}  # type: ignore[attr-defined]
    yield
    told = {
        "test": item.nodeid,
        **context(item),
        **item.told,  # type: ignore[attr-defined]
        "seconds": round(time.perf_counter() - start, 2),
        "megabytes": megabytes(),
        "kernels": len(kernels.used()),
    }
    if _times:
        told["times"] = {
            side: [[round(each, 4) for each in call] for call in calls] for side, calls in _times.items()
        }
    tell(told)
    if MOST_MEGABYTES and megabytes() > MOST_MEGABYTES:
        tell({"full": megabytes()})
        os._exit(0)


def megabytes() -> int:
    """Return the memory that the process now has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Keep why a test failed or was left out."""
    outcome = yield
    report = outcome.get_result()
    if report.passed:
        return
    told: dict[str, Any] = {"outcome": report.outcome, "when": report.when}
    if call.excinfo is not None:
        told |= described(call.excinfo.value)
    item.told = told  # type: ignore[attr-defined]


def described(error: BaseException) -> dict[str, Any]:
    """Return the type and first line of an error, where it was raised, and the kernel that was missing."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{_short(frame.filename)}:{frame.lineno}" for frame in frames if "_pytest" not in frame.filename
    ]
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return {
        "error": type(error).__name__,
        "message": " | ".join(lines[:3])[:400],
        "places": places[-6:],
        "missing": kernels.missing_kernel(error),
    }


def _short(path: str) -> str:
    return path.rpartition("site-packages/")[2].rpartition("/tests/")[2] or path
