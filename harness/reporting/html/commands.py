"""What to type next: to run a case again, to explain it, to calibrate it, to record it anew."""

from __future__ import annotations

import shlex
from pathlib import Path

from harness.baselines import calibrate_command, record_command
from harness.baselines.errors import shown
from harness.cases import Case


def commands(
    case: Case, root: Path, *, device: str = "CPU", python: str | None = None
) -> list[dict[str, str]]:
    """Return titles and command lines for ``case``, whose baselines are below ``root``.

    ``device`` and ``python``, the workers' interpreter, are those that the case ran on.
    """
    name = f"{shown(case.path)}::{case.id}"
    place = ["--baseline-dir", shown(root)]
    on = ["--device", device] if device != "CPU" else []
    under = ["--python", python] if python else []
    again = ["pytest", name, *place, *on, *([f"--harness-python={python}"] if python else [])]
    explain = ["harness", "explain", name, *place, *on, *under]
    options = "".join(f" {shlex.quote(option)}" for option in (*on, *under))
    return [
        {"title": "Run it again", "text": shlex.join(again)},
        {"title": "Explain it", "text": shlex.join(explain)},
        {
            "title": "Measure its tolerance",
            "text": calibrate_command(case.path, case.suite, case.id, root) + options,
        },
        {
            "title": "Record it anew, if the change is meant",
            "text": record_command(case.path, case.suite, case.id, root, reason=True) + options,
        },
    ]
