"""Faults from the history of diffusers and mindone: whether each can be planted and changes a result.

    python -m benchmarks.planted check                      # every fault
    python -m benchmarks.planted check --only flux-norm-out --python PYTHON
    python -m benchmarks.planted align --torch-python TORCH_PYTHON [--print]

Each case is run with the sound mindone and with each of its faults. A fault passes if the run with it drifts
from the shipped baseline across releases, which allows more than the same environment does, and the sound run
does not. The table has the relative L2 distance from the sound run, of the output and of the latents of the
first step that moved.

`align` asks `harness align` about each fault, and writes into docs/alignment.md which are found in the right
component and module, and which with a hypothesis that is right to suspect.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.pages import write_between
from benchmarks.planted.aligning import Aligned, aligned
from benchmarks.planted.checking import Checked, check
from benchmarks.planted.faults import Fault, chosen, load
from harness.reporting.mistakes import mistake_text

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs" / "alignment.md"
_BEGIN, _END = "<!-- faults -->", "<!-- end of faults -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", choices=["check", "align"])
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this fault; may be repeated"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="an interpreter with mindone (default: this one)"
    )
    parser.add_argument("--torch-python", help="for align: an interpreter with torch and diffusers")
    parser.add_argument("--print", action="store_true", help="for align: print the table, write nothing")
    arguments = parser.parse_args()
    if arguments.action == "align" and arguments.torch_python is None:
        parser.error("align needs --torch-python")
    try:
        faults = chosen(load(), arguments.only)
    except ValueError as error:
        parser.error(str(error))
    if arguments.action == "align":
        return _align(faults, arguments)
    print("| fault | case | output | first step that moved | verdict |\n|---|---|---|---|---|", flush=True)
    bad = 0
    for found in check(faults, arguments.python, ROOT):
        print(_row(found), flush=True)
        bad += not found.good
    print(f"\n{len(faults) - bad} of {len(faults)} faults can be planted and are noticed")
    return 1 if bad else 0


def _align(faults: list[Fault], arguments: argparse.Namespace) -> int:
    """Write what aligning says of each fault; 1 if more than one is not found at its place."""
    rows, found = [], []
    for each in aligned(faults, arguments.python, arguments.torch_python, ROOT):
        found.append(each)
        rows.append(_aligned_row(each))
        print(rows[-1], flush=True)
    placed, guessed = (sum(getattr(each, name) for each in found) for name in ("placed", "guessed"))
    lines = [
        f"Of {len(found)} faults, {placed} are found in the right component and module, and {guessed} of "
        "them with a hypothesis that is right to suspect.",
        "",
        "| fault | case | found in | relative L2 | right place | looks like | right |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    if not arguments.print:
        write_between(_PAGE, _BEGIN, _END, "\n".join(lines))
    return 1 if placed < len(found) - 1 else 0


def _aligned_row(each: Aligned) -> str:
    fault, found = each.fault, each.found
    case = fault.case.replace("suites/mindone/", "")
    named = f"[{fault.name}]({fault.link})"
    if found is None or found.finding is None:
        what = each.problem or (found.conclusion if found is not None else "")
        return f"| {named} | {case} | {what} | | {'yes' if each.placed else 'no'} | | |"
    finding = found.finding
    place = f"`{finding.path}`" if finding.path else finding.place
    size = "another form" if finding.difference.form else f"{finding.difference.relative_l2:.1e}"
    guess = "" if found.mistake is None else mistake_text(found.mistake.mistake)
    right = ("yes" if each.guessed else "no") if guess else ""
    return f"| {named} | {case} | {place} | {size} | {'yes' if each.placed else 'no'} | {guess} | {right} |"


def _row(found: Checked) -> str:
    fault = found.fault
    case = fault.case.replace("suites/mindone/", "")
    if found.problem:
        return f"| {fault.name} | {case} | | | **{found.problem}** |"
    moved = "none" if found.step is None else f"{found.step}: {found.step_distance:.1e}"
    verdict = f"{found.verdict}, the sound run {found.sound_verdict}"
    verdict = verdict if found.good else f"**{verdict}**"
    return f"| {fault.name} | {case} | {found.distance:.1e} | {moved} | {verdict} |"


if __name__ == "__main__":
    sys.exit(main())
