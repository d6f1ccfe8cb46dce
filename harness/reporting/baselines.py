"""What is wrong with the baselines of cases, told before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from harness.baselines.current import unusable
from harness.baselines.errors import shown
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.reporting.commands import Invocation, remedy_text


def warn_of_baselines(
    console: Console, cases: Sequence[Case], store: BaselineStore, invocation: Invocation
) -> None:
    """Say which cases that ask for calibrated limits have no baseline to take them from, and what to type.

    Where the folder is not there it is said once. None of it keeps cases from being compared: the same bits
    need no limits.
    """
    needing = [case for case in cases if case.needs_calibration]
    if needing and not store.root.is_dir():
        _note(
            console,
            f"{shown(store.root)}: no such folder of baselines, so bits that differ cannot be judged by a "
            "calibration; name it with --baseline-dir, or make it: harness record SUITES --calibrate",
        )
        return
    for case in needing:
        try:
            found = unusable(case, store)
        except HarnessError as error:
            _note(console, f"{case.name}: {error}")
        else:
            if found is not None:
                _note(console, f"{case.name}: {found.told}{remedy_text(found.remedy, invocation)}")


def _note(console: Console, text: str) -> None:
    console.print(Text.assemble(("note", "yellow"), f"  {text}"), soft_wrap=True)
