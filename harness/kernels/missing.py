"""MindSpore's messages when the CPU has no kernel for a primitive."""

from __future__ import annotations

import re

TABLE_ADDRESS = "docs/mindone-kernels.md"

# Collected from releases 2.7.0 to 2.10.0. The names are those of the primitives, except in the last three,
# which are raised above the primitives and name the function or the method. In 2.7.0 the second one names the
# C++ class.
_TEXTS = tuple(
    re.compile(text)
    for text in (
        r"The kernel (?P<name>\w+) unregistered",
        r"Not found op (?P<name>\w+) on device",
        r"Create kernelmod for op (?P<name>\w+) failed",
        r"Unsupported op \[(?P<name>\w+)\] on CPU",
        r"'(?P<name>\w+)' is not supported on this device",
        r"(?P<name>\w+) only supports Ascend",
        r"(?P<name>\w+) method support Ascend only",
    )
)
_MANGLED = re.compile(r"N(?:\d+[a-z]\w*?)*?(?P<length>\d+)(?P<rest>[A-Z]\w*)E")
# Raised where shapes are inferred, without any name: shape inference is missing, too.
_NAMELESS = "Not implement exception"


def missing_kernel(error: BaseException) -> str | None:
    """Return the name of the primitive without a CPU kernel; None if ``error`` is about something else.

    MindSpore launches kernels late unless ``pynative_synchronize`` is on: then this error may come from any
    later call that waits for a value. One of its messages contains no name; the answer is then
    ``"(unnamed)"``.
    """
    text = str(error)
    for pattern in _TEXTS:
        if found := pattern.search(text):
            return _demangled(found["name"])
    return "(unnamed)" if text.startswith(_NAMELESS) else None


def _demangled(name: str) -> str:
    # Itanium C++ ABI: N, then each name after its length, then E.
    found = _MANGLED.fullmatch(name)
    return found["rest"][: int(found["length"])] if found else name
