"""Installing the kernels in place of what the CPU lacks, and counting their calls."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import Tensor
from mindspore.ops import functional_overload
from mindspore.ops.auto_generate import gen_ops_prim, pyboost_inner_prim

from harness.kernels import arithmetic, casting, parents, shortcuts, widening
from harness.kernels.quiet import quiet
from harness.kernels.registry import KERNELS, Kernel

# Increased whenever a kernel gives other bits than before.
VERSION = 1

_NO_ARGUMENTS = frozenset({"self", "args", "kwargs"})

_used: Counter[str] = Counter()
_replaced: set[str] = set()
# Where something else than a primitive was replaced, and what was there.
_originals: list[tuple[Any, str, Any]] = []


def install(*, bfloat16: bool = False) -> None:
    """Replace the primitives in the table for the rest of the process; only if the device is a CPU.

    With ``bfloat16``, they and all others compute in float32 what they get in bfloat16
    (:mod:`harness.kernels.widening`).

    Primitives that this release lacks, or has a CPU kernel for, are left alone. A second call does nothing.
    The ``__call__`` of classes and the attributes of modules are replaced, so every alias is covered,
    including those that were bound before.
    """
    if _replaced or ms.get_context("device_target") != "CPU":
        return
    casting.install()
    parents.install()
    _originals.extend(shortcuts.install())
    if bfloat16:
        widening.install()
    for kernel in KERNELS.values():
        if kernel.native_from is None or _numbers(ms.__version__) < _numbers(kernel.native_from):
            _replace(kernel, widening.of_kernel(kernel) if bfloat16 else kernel.function)
    # Last, so that the functions which it falls back to are those from above.
    _originals.extend(arithmetic.install())


def used() -> dict[str, int]:
    """Return the number of calls of each replaced primitive since the last :func:`reset`."""
    return dict(sorted(_used.items()))


def replaced() -> frozenset[str]:
    """Return the primitives that :func:`install` has replaced in this process."""
    return frozenset(_replaced)


def originals() -> list[tuple[Any, str, Any]]:
    """Return the objects of which :func:`install` replaced an attribute, its name, and what it was."""
    return list(_originals)


def reset() -> None:
    """Reset the counts."""
    _used.clear()


def _replace(kernel: Kernel, function: Callable[..., Any]) -> None:
    name, overload, silent = kernel.primitive, f"_{kernel.overload}_instance", quiet(function)

    @functools.wraps(kernel.function)
    def call(*args: Any, **kwargs: Any) -> Any:
        _used[name] += 1
        return silent(*args, **kwargs)

    for module, class_name in ((gen_ops_prim, name), (pyboost_inner_prim, f"_Pyboost{name}Prim")):
        if primitive := getattr(module, class_name, None):
            primitive.__call__ = _as_method(call, primitive)
            _replaced.add(name)
    places = [(Tensor, method) for method in kernel.methods if hasattr(Tensor, method)]
    if hasattr(functional_overload, overload):
        places.append((functional_overload, overload))
    if kernel.source is not None:
        places += _aliases(kernel.source)
    for owner, attribute in places:
        serves: Callable[..., Any] = call
        if kernel.when is not None and owner is functional_overload:
            serves = _chosen(kernel.when, call, getattr(owner, attribute))
        _originals.append((owner, attribute, getattr(owner, attribute)))
        setattr(owner, attribute, serves)
        _replaced.add(name)


def _chosen(when: Callable[..., bool], call: Callable[..., Any], otherwise: Any) -> Callable[..., Any]:
    # In graph mode MindSpore compiles this function: plain branches of which it takes one.
    def by_arguments(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            return call(*args, **kwargs)
        return otherwise(*args, **kwargs)

    return by_arguments


def _as_method(call: Callable[..., Any], primitive: type) -> Callable[..., Any]:
    # Some primitives are given arguments when they are created, and keep them as attributes.
    made = inspect.signature(vars(primitive).get("__init__", object))
    own = [name for name in made.parameters if name not in _NO_ARGUMENTS]

    def of_primitive(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs, **{name: getattr(self, name) for name in own})

    def without_own(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        return call(*args, **kwargs)

    return of_primitive if own else without_own


def _aliases(source: str) -> list[tuple[Any, str]]:
    """Return every name in imported modules for a function that has no primitive behind it."""
    module, _, name = source.partition(":")
    original = getattr(importlib.import_module(module), name)
    return [
        (each, alias)
        for each in list(sys.modules.values())
        for alias, value in list(getattr(each, "__dict__", {}).items())
        if value is original
    ]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:3] if part.isdigit())
