"""Observing a method of some objects, also in the copies that are made of them meanwhile."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from harness.measurement.guard import replaced

_MARKS = "_harness_marks"
_numbers = itertools.count()
_in_use: set[int] = set()


class Call(NamedTuple):
    """One call of an observed method: ``sound`` of ``of``, which is an observed object or a copy of it.

    ``place`` is the position of that object among those that are observed.
    """

    place: int
    of: Any
    sound: Callable[..., Any]


Around = Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def observed_method(objects: Sequence[Any], name: str, around: Around) -> Iterator[None]:
    """Let ``around`` make each call of the method ``name`` of ``objects`` inside the body.

    What the class defines is replaced in the class, because a pipeline may go on with a copy of its
    scheduler: a copy with a method of its own would go on working in the original, and would keep that
    method. The objects are marked, and so are copies of them. Of a call within a call only the outer one is
    observed.
    """
    number: dict[int, int] = {}
    inside = False

    def observed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        nonlocal inside
        if inside:
            return call.sound(*args, **kwargs)
        inside = True
        try:
            return around(call, args, kwargs)
        finally:
            inside = False

    def of_object(index: int, of: Any) -> Any:
        sound = getattr(of, name)

        @functools.wraps(sound)
        def method(*args: Any, **kwargs: Any) -> Any:
            return observed(Call(index, of, sound), args, kwargs)

        return method

    def of_class(kind: type) -> Any:
        sound = getattr(kind, name)

        @functools.wraps(sound)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            mark = next((mark for mark in number if mark in getattr(self, _MARKS, ())), None)
            if mark is None:
                return sound(self, *args, **kwargs)
            return observed(Call(number[mark], self, functools.partial(sound, self)), args, kwargs)

        return method

    with ExitStack() as patches:
        kinds = []
        for index, each in enumerate(objects):
            if name in vars(each) or not inspect.isfunction(inspect.getattr_static(type(each), name, None)):
                patches.enter_context(replaced(each, name, of_object(index, each)))
                continue
            mark = patches.enter_context(_marked(each))
            number[mark] = index
            kinds.append(type(each))
        # All are made before the first is put in, since one may be a base of another.
        for kind, method in [(kind, of_class(kind)) for kind in dict.fromkeys(kinds)]:
            patches.enter_context(replaced(kind, name, method))
        yield


@contextmanager
def _marked(each: Any) -> Iterator[int]:
    """Give ``each`` a mark that its copies will have, too; a copy's mark means nothing after the body."""
    mark = next(_numbers)
    _in_use.add(mark)
    others = frozenset(getattr(each, _MARKS, ())) & _in_use
    setattr(each, _MARKS, others | {mark})
    try:
        yield mark
    finally:
        _in_use.discard(mark)
        if left := frozenset(getattr(each, _MARKS, ())) & _in_use:
            setattr(each, _MARKS, left)
        elif _MARKS in vars(each):
            delattr(each, _MARKS)
