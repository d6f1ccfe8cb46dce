"""Tracebacks of failures, cut to what the person who can fix them needs."""

from __future__ import annotations

import importlib
import os
import traceback
from pathlib import Path

from harness.pipelines.calling import call_pipeline
from harness.pipelines.factory import find_factory, make_pipeline

# The functions in which the harness calls a user's code.
_HANDING_OVER = {function.__code__ for function in (call_pipeline, find_factory, make_pipeline)}
_HARNESS = str(Path(__file__).parents[1]) + os.sep
_OPERATORS = ("mindspore.", "harness.kernels.")
_IMPORTING = ("<frozen importlib", importlib.__file__)


def told(error: BaseException) -> str:
    """Return the traceback of ``error`` from the user's code on; all of it if harness itself failed."""
    start = entered = error.__traceback__
    while entered is not None and entered.tb_frame.f_code not in _HANDING_OVER:
        entered = entered.tb_next
    if entered is not None:
        entered = entered.tb_next
        while entered is not None and entered.tb_frame.f_code.co_filename.startswith(_IMPORTING):
            entered = entered.tb_next
        if entered is None or not entered.tb_frame.f_code.co_filename.startswith(_HARNESS):
            start = entered
    return "".join(traceback.format_exception(type(error), error, start))


def raised_by_operator(error: BaseException) -> bool:
    """Return whether a MindSpore operator raised ``error``; its C++ code only raises RuntimeError.

    The kernels call that code too, and raise none themselves.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals.get("__name__", "")) if frames else ""
    return isinstance(error, RuntimeError) and module.startswith(_OPERATORS)
