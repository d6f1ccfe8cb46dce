"""The table of CPU kernels: which primitive each stands in for, by which ways MindSpore reaches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kernel:
    """One entry of the table.

    ``primitive`` is the name in MindSpore's "The kernel X unregistered"; ``function`` takes what the
    primitive takes. ``serves`` names the functions of ``mindspore.mint`` (and methods of ``Tensor``) that
    end in it. Most are reached through the primitive's class. Some functions dispatch in C++ instead:
    ``overload`` is the name of such an overloaded function, ``methods`` of such methods of ``Tensor``,
    ``source`` the "module:function" that has no primitive behind it; those are replaced too. ``native_from``
    is the first MindSpore release with a CPU kernel of its own, which is then left in place.
    """

    primitive: str
    function: Callable[..., Any]
    serves: tuple[str, ...]
    overload: str | None = None
    methods: tuple[str, ...] = ()
    source: str | None = None
    native_from: str | None = None

    @property
    def computed(self) -> str:
        """How it is computed: the first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    @property
    def family(self) -> str:
        """The module that holds it."""
        return self.function.__module__.rpartition(".")[2]


KERNELS: dict[str, Kernel] = {}


def kernel(
    *primitives: str,
    serves: tuple[str, ...],
    overload: str | None = None,
    methods: tuple[str, ...] = (),
    source: str | None = None,
    native_from: str | None = None,
) -> Callable[[Function], Function]:
    """Enter the decorated function into the table, once for each name in ``primitives``.

    The other routes (overload, methods, source) lead to the first of them.
    """

    def enter(function: Function) -> Function:
        for place, primitive in enumerate(primitives):
            if primitive in KERNELS:
                raise ValueError(f"{primitive} has two kernels")
            routes = (overload, methods, source) if place == 0 else (None, (), None)
            KERNELS[primitive] = Kernel(primitive, function, serves, *routes, native_from)
        return function

    return enter
