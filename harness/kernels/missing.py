"""What MindSpore says when the CPU has no kernel of a primitive."""

from __future__ import annotations

import re

TABLE_ADDRESS = "docs/mindone-kernels.md"

# Collected from releases 2.7.0 to 2.10.0. The names are the primitive's, but for the last three, which are
# raised above the primitives and name the function or the method. In 2.7.0 the second names the C++ class.
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
# Raised where shapes are inferred, and names nothing: shape inference too is missing.
_NAMELESS = "Not implement exception"


def missing_kernel(error: BaseException) -> str | None:
    """Return the name of the primitive that has no CPU kernel, or None if ``error`` is about something else.

    MindSpore launches kernels late unless ``pynative_synchronize`` is on: then this error may come from any
    later call that waits for a value. One of its texts names nothing; the answer then is ``"(unnamed)"``.
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
