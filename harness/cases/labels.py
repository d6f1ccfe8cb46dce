"""How the values of `parametrize` read in the ids of cases, which are also names of folders."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from harness.cases.names import MAX_NAME

# The longest text of a value. What is cut ends in the beginning of its hash, which tells it from others.
_LONGEST = 24
_HASH = 6
# Between the words of the name of a class: DPMSolver, Multistep.
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def label(key: str, value: Any) -> str:
    """Return how ``value``, one of those of ``key``, reads in an id; it depends on nothing else.

    Two values may read the same if they differ only in punctuation or upper case.
    """
    if key == "seeds":
        return key + "_".join(map(str, value))
    if key in ("seed", "steps"):
        return f"{key}{value}"
    if key == "scheduler":
        return _slug(_WORDS.sub("-", value.removesuffix("Scheduler")))
    if key == "scheduler_arguments":
        return "-".join(_named(name, value[name]) for name in sorted(value)) or "none"
    _, dot, name = key.partition(".")
    return _named(name, value) if dot else _slug(value)


def shortened(case_id: str) -> str:
    """Return an expanded ``case_id`` that is not too long for the name of a folder."""
    return case_id if len(case_id) <= MAX_NAME else _cut(case_id, case_id, MAX_NAME)


def _named(name: str, value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return f"{name.lower()}{'' if is_number else '-'}" + (text.replace("+", "") if is_number else _slug(text))


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-.")
    if text.isascii() and slug and len(slug) <= _LONGEST:
        return slug
    return _cut(slug, text, _LONGEST)


def _cut(name: str, whole: str, longest: int) -> str:
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    return f"{name[: longest - _HASH - 1].rstrip('-')}-{digest}".lstrip("-")
