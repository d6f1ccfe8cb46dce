"""The coverage report's worker: tries one pipeline class of mindone after another, on tiny components.

It runs under any interpreter that has mindone. What crosses the channel is plain data.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from harness.errors import HarnessError
from harness.execution.profile import Profile

_LINE = 200
# The other side kills this process at the time limit; a process that outlives it has no other side any more.
_GRACE = 10.0


class Channel(Protocol):
    """What the worker needs of an execnet channel."""

    def send(self, item: object) -> None:
        """Send plain data to the other side."""

    def __iter__(self) -> Iterator[Any]:
        """Yield what the other side sends until it closes."""


def serve(channel: Channel, settings: dict[str, Any]) -> None:
    """Apply the profile, send what there is to try, then try each class whose name comes.

    ``settings`` holds ``profile``, ``limit`` (the seconds that one class may take) and ``log`` (a file that
    takes stdout and stderr). The first answer is
    ``("ready", {"classes": [...], "mindone": version, "mindspore": version})``, or ``("error", message)``
    where the user has to do something first. The answer to a name is :func:`examine`'s.
    """
    log = os.open(Path(settings["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    try:
        opening = _open(Profile(**settings["profile"]))
    except HarnessError as error:
        channel.send(("error", str(error)))
        return
    except ModuleNotFoundError as error:
        channel.send(("error", f"{sys.executable}: {error}; install it there, or choose another interpreter"))
        return
    channel.send(("ready", opening))
    for name in channel:
        faulthandler.dump_traceback_later(settings["limit"] + _GRACE, exit=True)
        row = examine(name)
        faulthandler.cancel_dump_traceback_later()
        channel.send(("row", row))


def examine(name: str) -> dict[str, Any]:
    """Try the pipeline class ``name`` and return what happened.

    ``outcome`` is ``runs``, ``kernel`` (``detail`` is the primitive that the device has no kernel for),
    ``package`` (a Python package that mindone imports is not installed), ``fails`` (``detail`` says why) or
    ``unknown`` (there is no sample). Where it runs, ``shape`` is the first output array's, ``repeats`` says
    whether a second call with the same seed gave the same bits and ``sha256`` is the output's. ``kernels``
    are the calls to each of harness' own kernels.
    """
    from harness.kernels import missing_kernel, reset, used
    from harness.pipelines.mindone.classes import pipeline_class
    from harness.pipelines.mindone_coverage.names import SAMPLES
    from harness.pipelines.mindone_coverage.trial import attempt

    if name not in SAMPLES:
        return _row(name, "unknown")
    reset()
    try:
        trial = attempt(pipeline_class(name), SAMPLES[name]())
    except Exception as error:  # noqa: BLE001  whatever a pipeline raises is what the report is about
        outcome, detail = _reason(error, missing_kernel(error))
        return {**_row(name, outcome, detail), "kernels": used()}
    shape = list(trial.shapes[0])
    return {
        **_row(name, "runs"),
        "shape": shape,
        "repeats": trial.repeats,
        "sha256": trial.sha256,
        "kernels": used(),
    }


def _open(profile: Profile) -> dict[str, Any]:
    from harness.pipelines.mindone.classes import check_installed, code_version

    check_installed()
    profile.apply_before_import()
    import mindspore as ms

    profile.apply_after_import()
    from harness.kernels import install
    from harness.pipelines.mindone_coverage.names import pipeline_names

    install()
    return {"classes": pipeline_names(), "mindone": code_version(), "mindspore": ms.__version__}


def _row(name: str, outcome: str, detail: str = "") -> dict[str, Any]:
    return {"name": name, "outcome": outcome, "detail": detail}


def _reason(error: Exception, kernel: str | None) -> tuple[str, str]:
    """Return the outcome and the one line that says why."""
    if kernel is not None:
        return "kernel", kernel
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name is not None:
            return "package", cause.name
        cause = cause.__cause__ or cause.__context__
    text = " ".join(str(error).split("----")[0].split())
    line = f"{type(error).__name__}: {text}"
    return "fails", line if len(line) <= _LINE else line[: _LINE - 3] + "..."
