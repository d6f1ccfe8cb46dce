"""What the atlases of the CPU say, release by release, as the tables in `docs/atlas.md`.

    python -m benchmarks.atlas_table [--print]

Reads the atlases in `docs/atlas`, which `harness atlas --out` made; nothing runs.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.pages import write_between
from harness.atlas.comparing import Comparison, class_of, compare
from harness.atlas.document import read_atlas
from harness.atlas.result import OWN_KERNEL, Atlas, State
from harness.reporting.figures import figure

_DOCS = Path(__file__).parents[1] / "docs"
_BEGIN, _END = "<!-- table: benchmarks/atlas_table.py -->", "<!-- end of table -->"
_WORST = 8


def stored() -> list[Atlas]:
    """Return the atlases of the documentation, oldest release first."""
    found = map(read_atlas, (_DOCS / "atlas").glob("cpu-*.json"))
    return sorted(found, key=lambda each: [int(part) for part in release(each).split(".")])


def release(atlas: Atlas) -> str:
    return atlas.fingerprint["mindspore"].partition(" ")[0]


def lines(atlases: list[Atlas]) -> Iterator[str]:
    """Yield the tables."""
    yield "| release | operators | results | own kernels | no kernel or name | repeat | first row changes |"
    yield "|---|---|---|---|---|---|---|"
    for each in atlases:
        measured = list(each.measured())
        lacking = Counter(result.state for result in each.results)
        tried = sum(bool(result.batches) for result in measured)
        yield (
            f"| {release(each)} | {len({result.operator for result in measured})} | {len(measured)} "
            f"| {sum(result.kernel == OWN_KERNEL for result in measured)} "
            f"| {lacking[State.NO_KERNEL] + lacking[State.MISSING] + lacking[State.FAILED]} "
            f"| {sum(not result.deviating for result in measured)} of {len(measured)} "
            f"| {sum(bool(result.row_changes) for result in measured)} of {tried} |"
        )
    yield ""
    yield "| between | results with other bits | of classes | moved most (relative L2) | same bits |"
    yield "|---|---|---|---|---|"
    for earlier, later in pairwise(atlases):
        yield _between(compare(earlier, later))
    yield ""
    latest = atlases[-1]
    yield f"First rows that change as the batch grows, under {release(latest)}, by class of operator:"
    yield ""
    yield "| class | results | smallest batch | of |"
    yield "|---|---|---|---|"
    changing = [each for each in latest.measured() if each.row_changes]
    tried = Counter(class_of(each) for each in latest.measured() if each.batches)
    for name, number in Counter(map(class_of, changing)).most_common():
        smallest = min(each.row_changes[0] for each in changing if class_of(each) == name)
        yield f"| {name} | {number} | {smallest} | {tried[name]} |"
    yield ""
    yield f"Furthest from float64 in float32, under {release(latest)}, by the median of a result's elements:"
    yield ""
    yield "| operator | shapes | median ulp | relative L2 | kernel |"
    yield "|---|---|---|---|---|"
    exact = [
        (each.exactness.ulp_median, each, each.exactness)
        for each in latest.measured()
        if each.exactness is not None and each.dtype == "float32"
    ]
    # Of one operator, the shape that is furthest.
    named: dict[str, str] = {}
    for median, each, how in sorted(exact, key=lambda one: -one[0]):
        if class_of(each) not in named and len(named) < _WORST:
            named[class_of(each)] = (
                f"| `{each.operator}` | {each.model} | {figure(median, 2)} | {figure(how.relative_l2, 2)} "
                f"| {each.kernel} |"
            )
    yield from named.values()


def _between(found: Comparison) -> str:
    classes = ", ".join(f"{name} ({number})" for name, number in found.classes.items()) or "none"
    most = max((each.relative_l2 or 0.0 for each in found.moved), default=0.0)
    names = f"{release(found.first)} and {release(found.second)}"
    return f"| {names} | {len(found.moved)} | {classes} | {figure(most, 2) if most else ''} | {found.same} |"


def main() -> None:
    """Write the tables, or print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", help="print the tables instead of writing them")
    asked = parser.parse_args()
    text = "\n".join(lines(stored()))
    if asked.print:
        print(text)
    else:
        write_between(_DOCS / "atlas.md", _BEGIN, _END, text)


if __name__ == "__main__":
    main()
