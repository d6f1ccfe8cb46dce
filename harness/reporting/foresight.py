"""What will not come out well, in the terminal, before anything runs."""

from __future__ import annotations

from rich.console import Console

from harness.baselines.errors import BaselineUnusable, shown
from harness.cases.names import MINDONE
from harness.counting import count
from harness.operations.foresight import Foresight
from harness.reporting.commands import Invocation, remedy_text
from harness.reporting.tables import show, told


def show_foresight(console: Console, foreseen: Foresight, invocation: Invocation) -> None:
    """Say which cases will be errors, and which cannot be judged by a calibration, and what to type."""
    for made, remedy in ((True, "add it: --with "), (False, "install it there: ")):
        if lacking := [each.name for each in foreseen.lacking if each.made is made]:
            tags = sorted(set.intersection(*(set(case.tags) for case in foreseen.needing)))
            leave_out = f", or leave them out: --without-tag {tags[0]}" if tags else ""
            need = "need" if len(foreseen.needing) > 1 else "needs"
            text = (
                f"{MINDONE} is not installed in {', '.join(lacking)}: "
                f"{count(len(foreseen.needing), 'case')} that {need} it will be errors there; "
                f"{remedy}{MINDONE}==0.5.0{leave_out}"
            )
            show(console, told("note", text))
    if foreseen.no_folder is not None:
        text = (
            f"{shown(foreseen.no_folder)}: no such folder of baselines, so bits that differ cannot be judged "
            "by a calibration; name it with --baseline-dir, or make it: harness record SUITES --calibrate"
        )
        show(console, told("note", text))
    for case, wrong in foreseen.unjudged:
        text = wrong.told if isinstance(wrong, BaselineUnusable) else str(wrong)
        show(console, told("note", f"{case.name}: {text}{remedy_text(wrong.remedy, invocation)}"))
