"""`harness doctor --bundle`: what came of it in the terminal, and the texts of its archive."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

import harness
from harness.codec import to_json
from harness.operations.bundle import FirstRun
from harness.operations.proposal import Refusal
from harness.reporting.commands import Invocation, error_text
from harness.reporting.machine import show_examination
from harness.reporting.tables import labelled, show

_README = """\
What `harness doctor --bundle` found on one machine.

doctor.txt    the output of the command
report.json   the same as data, with the versions of packages, the output of `npu-smi info`,
              and the version files of CANN and the driver
baselines/    the results of the cases that gave the same bits twice, as a folder of baselines

Removed from all text:
- the names of this machine and its user, and home folders
- values of 8 or more characters of environment variables other than those in report.json, and
  each line of 8 or more characters in such a value
- from URLs in these values: names of 8 or more characters, and passwords of 4 or more

The names root, localhost and mindspore stay, and so does all that stands in the fingerprint too.
A file of baselines/ with text to remove is left out as a whole, and report.json names it. Shorter
values, and names that harness cannot know, may still be there. Read doctor.txt and report.json
before you send this.
"""


def show_first_run(console: Console, found: FirstRun) -> None:
    """Show the examination, then what came of each case."""
    show_examination(console, found.examination)
    show(console, Text("cases", "bold"))
    if found.proposal is None:
        show(console, labelled("failed", "no case ran, because no worker starts"))
        return
    for result in found.proposal.results:
        if isinstance(result, Refusal):
            show(console, labelled("failed", _error(result)))
        else:
            show(console, labelled("ok", f"{result.case.name}: the same bits in two fresh workers"))
    for name in found.left_out:
        why = "it has text that must be removed, which would break its seal"
        show(console, labelled("warning", f"{name} is not in the archive: {why}"))


def _error(refusal: Refusal) -> str:
    return error_text(refusal.error, Invocation(), refusal.case)


def show_bundle(console: Console, path: Path) -> None:
    """Say where the archive is, and what to do with it."""
    show(console, f"wrote {path}; names and home folders have been removed. Read it before you send it")


def bundle_texts(found: FirstRun) -> dict[str, Any]:
    """Return the texts of the archive by their names, those with JSON values among them."""
    file = io.StringIO()
    # Without colours: a name that begins where one ends would look like a part of its code.
    show_first_run(Console(file=file, color_system=None, force_jupyter=False), found)
    examination = found.examination
    cases = [] if found.proposal is None else found.proposal.results
    report = {
        "format": 1,
        "harness": harness.__version__,
        "python": found.python,
        "packages": dict(found.packages),
        "variables": dict(found.variables),
        "workers": examination.python,
        "profile": examination.profile.name(),
        "environment": examination.environment,
        "fingerprint": examination.fingerprint,
        "canaries": examination.canaries,
        "devices": list(examination.devices),
        "diagnoses": [to_json(each) for each in examination.diagnoses],
        "cases": [
            {"case": each.case.name, "error": _error(each) if isinstance(each, Refusal) else None}
            for each in cases
        ],
        "left_out": list(found.left_out),
        "npu_smi": found.npu,
        # Paths are text that is redacted, keys are not.
        "version_files": [{"path": path, "text": text} for path, text in found.versions.items()],
    }
    return {"README.txt": _README, "doctor.txt": file.getvalue(), "report.json": report}
