"""The aftermath: what a case changed in its worker's process that could affect the next case.

After every case, the process is compared with its state before the first case. If a case replaced a function
that measuring depends on, its own result cannot be trusted. Any other change is reported, and the worker is
replaced. This is not a security barrier: it does not notice a case that hides its changes, or C code that
writes to memory. With `isolate: true` there is no other case that could be affected.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from operator import attrgetter, is_
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from harness.measurement.figures import ProcessChange, ProcessPart

# The packages whose functions measuring depends on.
_MEASURING = (
    *("harness", "numpy", "safetensors", "builtins"),
    *("copy", "dataclasses", "functools", "hashlib", "json", "math", "operator", "random", "struct", "types"),
)
# The namespaces of MindSpore in which pipelines are written; its other modules rebind names as they run.
_FRAMEWORK = (
    *("mindspore", "mindspore.mint", "mindspore.mint.nn", "mindspore.mint.nn.functional"),
    *("mindspore.nn", "mindspore.ops", "mindspore.common.tensor", "mindspore.nn.cell"),
)
# Parts of numpy that measuring does not use.
_UNUSED = ("numpy._typing", "numpy.fft", "numpy.ma", "numpy.polynomial", "numpy.testing")
# Set by libraries when a pipeline imports them.
_OF_LIBRARIES = frozenset({"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"})
# Settings that affect what an operator computes.
_CONTEXT = (
    *("mode", "jit_level", "jit_config", "deterministic", "enable_graph_kernel", "runtime_num_threads"),
)
_HEAP_TYPE = 1 << 9  # one of CPython's type flags: attributes can be set only on classes that have it
# The seconds that a thread gets to end by itself.
_LAST_WORDS = 0.1
_LIBRARIES = {"site-packages", "dist-packages"}
_NAMES_TOLD, _LONGEST_NAME = 5, 200

# What the measuring modules contain besides functions.
_CONSTANTS = (str, tuple, int, float, frozenset)
_CODE = tuple(map(attrgetter, ("__code__", "__defaults__", "__kwdefaults__")))
_Namespace = tuple[str, Mapping[str, Any], tuple[str, ...], tuple[Any, ...]]


class Aftermath:
    """Compares this process, after each case, with its state when this object was made.

    ``shared_framework`` means that replaced functions of MindSpore count. mindone replaces some when it is
    imported, but no other pipelines run in its workers. Without ``cpu``, child processes do not count,
    because MindSpore starts compilers for an NPU.
    """

    def __init__(self, *, shared_framework: bool, cpu: bool) -> None:
        self._parts = {
            ProcessPart.MEASURING: _Functions(_measuring_modules()),
            ProcessPart.FRAMEWORK: _Functions(_FRAMEWORK if shared_framework else ()),
        }
        self._cpu = cpu
        self._threads = set(sys._current_frames())
        self._states = self._now()

    def changes(self) -> tuple[ProcessChange, ...]:
        """Return everything that has changed."""
        found = {part: functions.replaced() for part, functions in self._parts.items()}
        found[ProcessPart.THREADS] = self._new_threads()
        for part, now in self._now().items():
            before = self._states[part]
            found[part] = [name for name in sorted(before.keys() | now) if before.get(name) != now.get(name)]
        told = {part: tuple(map(_text, names[:_NAMES_TOLD])) for part, names in found.items() if names}
        return tuple(ProcessChange(part, names) for part, names in told.items())

    def _now(self) -> dict[ProcessPart, dict[str, Any]]:
        return {
            ProcessPart.ENVIRONMENT: _environment(),
            ProcessPart.SIGNALS: _signals(),
            ProcessPart.SETTINGS: _settings(),
            ProcessPart.CHILDREN: {"a child process": True} if self._cpu and _has_children() else {},
        }

    def _new_threads(self) -> list[str]:
        deadline = time.monotonic() + _LAST_WORDS
        while True:
            frames = sys._current_frames()
            found = sorted(filter(None, map(_place, (frames[new] for new in frames.keys() - self._threads))))
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(_LAST_WORDS / 10)


class _Functions:
    """The functions and classes in some modules, and the methods of these classes."""

    def __init__(self, modules: Iterable[str]) -> None:
        loaded = {
            name: sys.modules[name] for name in modules if isinstance(sys.modules.get(name), ModuleType)
        }
        self._namespaces: list[_Namespace] = [_namespace("sys.modules", sys.modules, loaded.items())]
        seen: set[int] = set()
        functions: dict[int, FunctionType] = {}
        for name, module in loaded.items():
            for where, namespace in _namespaces(name, module, seen):
                constants = _CONSTANTS if where.startswith("harness.measurement.") else ()
                kept = [(n, value) for n, value in namespace.items() if _is_code(value, constants)]
                self._namespaces.append(_namespace(where, namespace, kept))
                functions |= {id(value): value for _, value in kept if isinstance(value, FunctionType)}
        self._functions = list(functions.values())
        self._codes = [list(map(read, self._functions)) for read in _CODE]

    def replaced(self) -> list[str]:
        """Return the names that now refer to another function, or to a function with other code.

        Ten thousand are compared after every case, so the loops over them run inside the interpreter.
        """
        found = []
        for where, namespace, names, values in self._namespaces:
            if not all(map(is_, map(namespace.get, names), values)):
                kept = zip(names, values, strict=True)
                found += [f"{where}.{name}" for name, value in kept if namespace.get(name) is not value]
        for read, codes in zip(_CODE, self._codes, strict=True):
            if not all(map(is_, map(read, self._functions), codes)):
                changed = zip(self._functions, codes, strict=True)
                found += [f"{f.__module__}.{f.__qualname__}" for f, code in changed if read(f) is not code]
        return found


def _namespace(where: str, namespace: Mapping[str, Any], kept: Iterable[tuple[str, Any]]) -> _Namespace:
    names, values = tuple(zip(*kept, strict=True)) or ((), ())
    return where, namespace, names, values


def _namespaces(name: str, module: ModuleType, seen: set[int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield name, vars(module)
    for each, value in list(vars(module).items()):
        if isinstance(value, type) and value.__flags__ & _HEAP_TYPE and id(value) not in seen:
            seen.add(id(value))
            if value.__module__ == name:
                yield f"{name}.{each}", vars(value)


def _is_code(value: Any, constants: tuple[type, ...]) -> bool:
    kinds = (ModuleType, property, staticmethod, classmethod, *constants)
    return callable(value) or isinstance(value, kinds)


def _text(name: str) -> str:
    """Return a name, which may contain any bytes and have any length, as text that can be sent."""
    return name[:_LONGEST_NAME].encode(errors="backslashreplace").decode()


def _measuring_modules() -> list[str]:
    below = (name for name in sys.modules if name.partition(".")[0] in _MEASURING)
    return [name for name in below if not f"{name}.".startswith(tuple(f"{each}." for each in _UNUSED))]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OF_LIBRARIES}


def _signals() -> dict[str, Any]:
    handlers = {_SIGNALS.get(each, str(each)): signal.getsignal(each) for each in signal.valid_signals()}
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return {**handlers, "a timer": any(signal.getitimer(timer)[0] for timer in timers)}


def _settings() -> dict[str, Any]:
    try:
        folder = str(Path.cwd())
    except OSError:
        folder = ""
    limits = {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS}
    return {
        "the current folder": folder,
        # MindSpore adds folders of its own to it.
        "sys.path": [entry for entry in sys.path if not _LIBRARIES & set(Path(str(entry)).parts[:-1])],
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "sys.settrace": sys.gettrace(),
        "sys.setprofile": sys.getprofile(),
        "gc.disable": gc.isenabled(),
        "numpy.seterr": np.geterr(),
        "numpy.random.set_bit_generator": id(np.random.mtrand._rand._bit_generator),
        "warnings as errors": any(action == "error" for action, *_ in warnings.filters),
        "the cores": os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None,
        "rounding and subnormal numbers": _rounding(),
        **limits,
        **_of_mindspore(),
    }


_SIGNALS = {int(number): number.name for number in signal.Signals}
_LIMITS = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))


def _of_mindspore() -> dict[str, Any]:
    ms = sys.modules.get("mindspore")
    if ms is None:
        return {}
    found = {"mindspore.set_seed": ms.get_seed()}
    for name in _CONTEXT:
        with suppress(ValueError, RuntimeError):  # not every version has all of them
            found[f"mindspore.set_context({name})"] = ms.get_context(name)
    return found


def _rounding(one: float = 1.0, small: float = 2.0**-60, tiny: float = 5e-324) -> tuple[float, ...]:
    """Return figures that show how the processor rounds; libraries built for speed change its rounding."""
    return tiny * one, one + small, -one - small, small - one


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _place(frame: FrameType | None) -> str | None:
    """Return the function that a thread was started with and its location; None for a library's thread."""
    first = None
    while frame is not None:
        if frame.f_code.co_filename != threading.__file__:
            first = frame.f_code
        frame = frame.f_back
    if first is None:
        return "threading.Timer"
    if _LIBRARIES & set(Path(first.co_filename).parts):
        return None  # for example the monitor of tqdm's progress bars
    return f"{first.co_name} at {first.co_filename}:{first.co_firstlineno}"
