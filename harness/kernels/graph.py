"""What a graph compiled on CPU has in place of the operators that MindSpore's CPU has no kernel for.

The kernels of this package are Python functions on numpy, which cannot be compiled. The functions here are
built of ``mindspore.ops`` alone, so MindSpore compiles them as part of the graph. They are in place only
while :func:`compilable` is entered: what runs in PyNative keeps its kernels, and with them its bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mindspore import Tensor, nn, ops
from mindspore.ops import functional_overload
from mindspore.ops.auto_generate import gen_ops_prim, pyboost_inner_prim

from harness.kernels.install import originals
from harness.kernels.registry import KERNELS

# Increased whenever a replacement gives other bits than before.
VERSION = 1

# The packages whose modules hold operators that the code of a model calls.
_PACKAGES = ("mindspore", "mindone")

# An object, the name of one of its attributes, and a value for it.
Place = tuple[Any, str, Any]


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    if isinstance(padding, str):
        return ops.conv2d(input, weight, bias, stride, padding, 0, dilation, groups)
    return ops.conv2d(input, weight, bias, stride, "pad", padding, dilation, groups)


def _gelu(input: Tensor, approximate: str = "none") -> Tensor:
    return ops.gelu(input, approximate)


# The primitive, and what is compiled in its place.
REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "Conv2DExt": _conv2d,
    "Conv2DPadding": _conv2d,
    "GeluExt": _gelu,
}


def places_of(model: nn.Cell) -> list[Place]:
    """Return where the code of ``model`` finds each primitive of :data:`REPLACEMENTS`, and what goes there.

    That is in modules and in the model's cells. Functions that :func:`harness.kernels.install.install` has
    put in the place of MindSpore's, which compiles neither them nor what they call, get MindSpore's own back.
    """
    classes = {
        kind: function
        for name, function in REPLACEMENTS.items()
        for module, class_name in ((gen_ops_prim, name), (pyboost_inner_prim, f"_Pyboost{name}Prim"))
        if (kind := getattr(module, class_name, None)) is not None
    }
    modules = [each for name, each in list(sys.modules.items()) if name.partition(".")[0] in _PACKAGES]
    cells = [cell for _, cell in model.cells_and_names()]
    found: list[Place] = [
        (owner, name, classes[type(value)])
        for owner in (*modules, *cells)
        for name, value in list(getattr(owner, "__dict__", {}).items())
        if type(value) in classes
    ]
    own = {id(owner): owner for owner in modules}
    found += [place for place in originals() if id(place[0]) in own]
    # After the originals, which they take the place of.
    found += [
        (functional_overload, f"_{kernel.overload}_instance", REPLACEMENTS[kernel.primitive])
        for kernel in KERNELS.values()
        if kernel.overload is not None and kernel.primitive in REPLACEMENTS
    ]
    return found


@contextmanager
def compilable(places: list[Place]) -> Iterator[None]:
    """Have the values of ``places`` in their places while the body runs, which compiles a graph."""
    before: list[Place] = []
    try:
        for owner, name, value in places:
            before.append((owner, name, vars(owner)[name]))
            _put(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            _put(owner, name, value)


def _put(owner: Any, name: str, value: Any) -> None:
    # A cell would enter a primitive in its list of primitives.
    object.__setattr__(owner, name, value)
