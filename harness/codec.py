"""Convert dataclasses to JSON values, and back with every value checked.

Pydantic can do this, but workers and `harness verify` have only Python's standard library.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: bool):
        """Do nothing. It is for type checkers, and the standard library has it from Python 3.11 on."""
        return lambda made: made


T = TypeVar("T")

_NOT_FINITE = ("inf", "-inf", "nan")
# No real file is nested more deeply, and deeper nesting would exhaust the stack.
_DEEPEST = 64
_hints = cache(get_type_hints)


@dataclass_transform(frozen_default=True)
class Tagged:
    """The base of class families. Any class of a family may be in a field; JSON names it as ``kind``.

    A family is a subclass, and every class in it is a frozen dataclass. The ``kind`` of ``OutputDiffers`` is
    ``output-differs``. All classes of a family are in one module, so that whoever reads the JSON knows them
    all.
    """

    def __init_subclass__(cls) -> None:
        if Tagged not in cls.__bases__:
            dataclasses.dataclass(frozen=True)(cls)


def kind_of(tagged: type[Tagged]) -> str:
    """Return the JSON name of a class of a family."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", tagged.__name__).lower()


def family_of(base: type[Tagged]) -> Iterator[type[Tagged]]:
    """Yield the dataclasses in the family of ``base``."""
    if "__dataclass_fields__" in vars(base):
        yield base
    for each in base.__subclasses__():
        yield from family_of(each)


def to_json(value: Any) -> Any:
    """Return ``value``, made of dataclasses, enums, mappings, sequences and plain values, as JSON values.

    NaN and infinities, which JSON lacks, become the texts ``nan``, ``inf`` and ``-inf``. Bytes, which only a
    channel between processes carries, stay bytes. Any other value becomes its text.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = {"kind": kind_of(type(value))} if isinstance(value, Tagged) else {}
        return tag | {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str | bytes) else str(value)


def parse_json(text: str | bytes, **hooks: Any) -> Any:
    """Return the value of a JSON text from an external source; ``hooks`` are those of :func:`json.loads`.

    Raises ValueError for anything else, including text nested more than 64 levels deep.
    """
    deep = ValueError(f"it is nested more than {_DEEPEST} levels deep")
    try:
        value = json.loads(text, **hooks)
    except RecursionError:
        raise deep from None
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            each
            for outer in level
            if isinstance(outer, list | dict)
            for each in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return value
    raise deep


def from_json(kind: type[T], value: Any) -> T:
    """Return the dataclass ``kind`` from a ``value`` made by :func:`to_json`.

    Nothing is converted or filled in. Raises ValueError, with the location, for a missing or unknown key and
    for a value of the wrong type.
    """
    made: T = _made(kind, value, "")
    return made


def _made(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin in (UnionType, Union):
        return _one_of(get_args(kind), value, where)
    if origin is Literal:
        _expect(isinstance(value, str) and value in get_args(kind), where)
        return value
    if origin is tuple:
        _expect(isinstance(value, list), where)
        return tuple(_made(get_args(kind)[0], each, f"{where}[{i}]") for i, each in enumerate(value))
    if origin is dict:
        _expect(isinstance(value, dict), where)
        return {key: _made(get_args(kind)[1], each, _below(where, key)) for key, each in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        _expect(value in {each.value for each in kind}, where)
        return kind(value)
    if isinstance(kind, type) and issubclass(kind, Tagged):
        return _tagged(kind, value, where)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, value, where)
    if isinstance(origin, type):  # what JSON cannot express, such as an array, stays unchanged
        _expect(isinstance(value, origin), where)
        return value
    return _scalar(kind, value, where)


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Return ``value`` as the type beside None or, among several plain types, as the type that it has."""
    others = [each for each in kinds if each is not NoneType]
    if value is None:
        _expect(len(others) < len(kinds), where)
        return None
    return _made(next((each for each in others if each is type(value)), others[0]), value, where)


def _tagged(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where)
    found = _family(kind).get(value.get("kind"))
    _expect(found is not None, _below(where, "kind"))
    return _instance(found, {name: each for name, each in value.items() if name != "kind"}, where)


@cache
def _family(kind: Any) -> dict[str, type[Tagged]]:
    return {kind_of(each): each for each in family_of(kind)}


def _instance(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where)
    hints = _hints(kind)
    if odd := sorted(value.keys() ^ hints.keys()):
        raise ValueError(f"the key {_below(where, odd[0])} is {'unknown' if odd[0] in value else 'missing'}")
    return kind(**{name: _made(hint, value[name], _below(where, name)) for name, hint in hints.items()})


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        if isinstance(value, str):
            _expect(value in _NOT_FINITE, where)
            return float(value)
        _expect(isinstance(value, int | float) and not isinstance(value, bool), where)
        return value
    # To isinstance, bool is an int, but here neither stands for the other.
    _expect(type(value) is kind, where)
    return value


def _expect(fits: bool, where: str) -> None:
    if not fits:
        raise ValueError(f"{where or 'all of it'} is of another type")


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
