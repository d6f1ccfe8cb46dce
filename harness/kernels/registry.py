"""The table of CPU kernels: which primitive each replaces, and the ways in which MindSpore reaches it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mindspore import Tensor

from harness.kernels.arrays import number, to_tensor, unified

Function = Callable[..., Any]


@dataclass(frozen=True)
class Kernel:
    """One entry of the table.

    ``primitive`` is the name in MindSpore's "The kernel X unregistered". ``function`` takes the arguments of
    the primitive, ``computed`` says how it computes, and ``family`` is the module that contains it.
    ``serves`` names the functions of ``mindspore.mint`` (and methods of ``Tensor``) that end in it. Most are
    reached through the primitive's class. Some functions dispatch in C++ instead and are replaced too:
    ``overload`` is the name of such an overloaded function, and ``when`` tells from its arguments whether it
    would end in this primitive (None: always). ``methods`` are such methods of ``Tensor``, and ``source`` is
    the "module:function" that has no primitive behind it. ``native_from`` is the first MindSpore release with
    a CPU kernel of its own; from then on, that kernel is left in place.
    """

    primitive: str
    function: Function
    computed: str
    family: str
    serves: tuple[str, ...]
    native_from: str | None = None
    overload: str | None = None
    when: Callable[..., bool] | None = None
    methods: tuple[str, ...] = ()
    source: str | None = None


KERNELS: dict[str, Kernel] = {}


def kernel(
    *primitives: str,
    serves: tuple[str, ...],
    computed: str | None = None,
    native_from: str | None = None,
    on: Callable[[Tensor], Any] | None = None,
    mixes: tuple[str, ...] = (),
    **routes: Any,
) -> Callable[[Function], Function]:
    """Add the decorated function to the table, once for each name in ``primitives``.

    The other routes (overload, when, methods, source) lead to the first of them. Without ``computed``, the
    first line of the docstring says how it computes. With ``on``, the function gets the arrays that ``on``
    makes from its tensors, and its result gets the dtype of the first tensor.

    ``mixes`` names the parameters whose dtypes may differ: the function gets them in their common dtype, by
    torch's rules (:func:`harness.kernels.arrays.result_dtype`). One parameter may be a sequence of tensors.
    """

    def enter(function: Function) -> Function:
        own = function.func if isinstance(function, functools.partial) else function
        told = computed or (own.__doc__ or "").splitlines()[0]
        family = own.__module__.rpartition(".")[2]
        if on is not None:
            function = _of_arrays(function, on)
        if mixes:
            function = _of_one_dtype(function, mixes)
        for primitive in primitives:
            if primitive in KERNELS:
                raise ValueError(f"{primitive} has two kernels")
            own_routes = routes if primitive == primitives[0] else {}
            KERNELS[primitive] = Kernel(primitive, function, told, family, serves, native_from, **own_routes)
        return function

    return enter


def _of_arrays(function: Function, on: Callable[[Tensor], Any]) -> Function:
    def plain(value: Any) -> Any:
        return on(value) if isinstance(value, Tensor) and value.ndim else number(value)

    @functools.wraps(function)
    def compute(input: Tensor, *args: Any, **options: Any) -> Tensor:
        named = {name: plain(value) for name, value in options.items()}
        return to_tensor(function(on(input), *map(plain, args), **named), input.dtype)

    return compute


def _of_one_dtype(function: Function, mixes: tuple[str, ...]) -> Function:
    names = list(inspect.signature(function).parameters)
    places = [(names.index(name), name) for name in mixes]

    @functools.wraps(function)
    def compute(*args: Any, **options: Any) -> Any:
        given = list(args)
        found = [(place, name) for place, name in places if place < len(given) or name in options]
        operands = [given[place] if place < len(given) else options[name] for place, name in found]
        if len(operands) == 1 and isinstance(operands[0], list | tuple):
            operands = [list(unified(*operands[0]))]
        else:
            operands = list(unified(*operands))
        for (place, name), operand in zip(found, operands, strict=True):
            if place < len(given):
                given[place] = operand
            else:
                options[name] = operand
        return function(*given, **options)

    return compute
