"""The table of harness's CPU kernels for mint, with how far each is from torch, in docs/mindone-kernels.md.

    python -m benchmarks.mint_kernels [--print]

Runs tests/data/mint/run_cases.py in a process of its own and writes the table between the page's markers;
with --print it is printed instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "mindone-kernels.md"
BEGIN, END = "<!-- kernels -->", "<!-- end of kernels -->"
HALVES = {"float16", "bfloat16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--print", action="store_true", help="print the table, do not write the page")
    told = measure()
    text = "\n".join([*table(told), "", versions(told)])
    if parser.parse_args().print:
        print(text)
        return
    write_between(PAGE, BEGIN, END, text)


def measure() -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "tests" / "data" / "mint" / "run_cases.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def table(told: dict[str, Any]) -> list[str]:
    """Return the lines of the table."""
    from harness.kernels import KERNELS

    errors = worst(told["outcomes"])
    lines = [
        "| primitive | is reached by | computed by | from torch | in 16 bits |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, kernel in sorted(KERNELS.items(), key=lambda item: item[0].lower()):
        reached = ", ".join(f"`{each}`" for each in kernel.serves)
        if kernel.native_from is not None:
            reached += f" (before MindSpore {kernel.native_from})"
        singles = _figure(errors[name, False]) if kernel.family != "random" else "other numbers"
        halves = _figure(errors[name, True])
        lines.append(f"| `{name}` | {reached} | {kernel.computed} | {singles} | {halves} |")
    return lines


def worst(outcomes: Iterable[dict[str, Any]]) -> dict[tuple[str, bool], list[float]]:
    """Return the errors of each primitive, apart for results of 16 bits."""
    errors: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for outcome in outcomes:
        errors[outcome["primitive"], bool(HALVES & set(outcome["dtypes"]))].append(outcome["error"])
    return errors


def versions(told: dict[str, Any]) -> str:
    """Return what the figures were measured with."""
    return f"MindSpore {told['mindspore']} against torch {told['torch']}, {len(told['outcomes'])} cases."


def _figure(errors: list[float]) -> str:
    if not errors:
        return ""
    return f"{max(errors):.1e}" if max(errors) else "exact"


if __name__ == "__main__":
    main()
