"""Plain YAML scalars as values, by YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema).

PyYAML's own resolver follows YAML 1.1, which reads ``1e-6`` as text, ``no`` as false, ``12:30`` as 750 and
``2024-01-01`` as a date. The core schema, which editors use, does none of that.
"""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# Enough for 64 bits in any notation, and for more digits than a double holds.
_LONGEST_NUMBER = 100


def read_scalar(text: str) -> bool | int | float | str | None:
    """Return the value of an unquoted scalar.

    Raises:
        ValueError: a number that is not finite, does not fit in 64 bits, or is over 100 characters long.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; write one")
    decimal = _INT.fullmatch(text)
    if decimal or _OCTAL_OR_HEX.fullmatch(text):
        _check_length(text)
        whole = int(text, 10 if decimal else 0)
        if not -(2**63) <= whole < 2**64:
            raise ValueError(
                f"{text} does not fit in 64 bits; write a smaller number, or quote it to make it text"
            )
        return whole
    if _FLOAT.fullmatch(text):
        _check_length(text)
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(
                f"{text} is too large for a float; write a smaller number, or quote it to make it text"
            )
        return number
    return text


def _check_length(text: str) -> None:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(
            f"a number of {len(text)} characters; write at most {_LONGEST_NUMBER}, or quote it as text"
        )
