"""numpy without warnings of overflow and the like: MindSpore's kernels do not warn either."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def quiet(function: Function) -> Function:
    """Return ``function`` made to run without numpy's warnings about floating-point errors."""
    # In numpy 1, `errstate` translates its names at every call, which takes longer than a small kernel.
    read, write = getattr(np, "geterrobj", None), getattr(np, "seterrobj", None)
    if read is None or write is None:
        return np.errstate(all="ignore")(function)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        before = read()
        if not before[1]:  # a kernel within another
            return function(*args, **kwargs)
        write([before[0], 0, None])
        try:
            return function(*args, **kwargs)
        finally:
            write(before)

    return run
