"""What can be wrong with a baseline, and the command that puts it right."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError


class BaselineError(HarnessError):
    """A baseline cannot be read, written or found."""


class BaselineMissing(BaselineError):
    """No baseline is stored for this case on this device."""


class BaselineDamaged(BaselineError):
    """A stored baseline is not what was recorded: truncated, edited, or of another format."""


def shown(path: Path) -> str:
    """Return ``path`` as it is shown to the user: relative where it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def calibrate_command(
    suite_file: Path | None, suite: str, case_id: str, root: Path, *, options: Sequence[str] = ()
) -> str:
    """Return the command that calibrates one case; see :func:`record_command`."""
    return _command("calibrate", suite_file, suite, case_id, root, options)


def record_command(
    suite_file: Path | None,
    suite: str,
    case_id: str,
    root: Path,
    *,
    reason: bool,
    calibrate: bool = False,
    options: Sequence[str] = (),
) -> str:
    """Return the command that records one case's baseline.

    Without the suite's file its usual place, ``suites/<suite>.yaml``, is named. ``options`` say where the
    case is to run, as a store's do. ``reason`` adds the option that is asked for where a baseline that exists
    would change. ``calibrate`` has it calibrated too: one that changes loses the calibration it had.
    """
    options = [*options, "--calibrate"] if calibrate else options
    command = _command("record", suite_file, suite, case_id, root, options)
    return command + (" --reason '<why it changes>'" if reason else "")


def _command(
    name: str, suite_file: Path | None, suite: str, case_id: str, root: Path, options: Sequence[str]
) -> str:
    file = f"suites/{suite}.yaml" if suite_file is None else shown(suite_file)
    return shlex.join(["harness", name, f"{file}::{case_id}", "--baseline-dir", shown(root), *options])
