"""`harness atlas`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.commands import options
from harness.commands.exits import leave, say
from harness.commands.options import File, Texts, option
from harness.commands.settings import Setting, check_destinations, remedied, write
from harness.errors import UsageError
from harness.operations.atlas import RUNS, Wanted, compare_files, make_atlas, stored_atlas
from harness.reporting.atlas import AtlasDisplay, atlas_json, atlas_text_of, comparison_json, comparison_text
from harness.reporting.html.atlas_page import atlas_page, comparison_page

_SELECT = "only entries with this in their name (* and ? are wildcards); may be repeated"
_TWO = typer.Option("--compare", metavar="A.json B.json", help="say what differs between two atlases")


def atlas(
    out: Annotated[File, option("--out", "FILE", "write the atlas of this environment as JSON")] = None,
    select: Annotated[Texts, option("--select", "PATTERN", _SELECT)] = None,
    dtype: Annotated[Texts, option("--dtype", "DTYPE", "only entries in this dtype; may be repeated")] = None,
    runs: Annotated[int, option("--runs", "N", "runs of each entry, in two processes")] = RUNS,
    read: Annotated[File, option("--read", "FILE", "measure nothing: show this atlas")] = None,
    compare: Annotated[tuple[Path, Path] | None, _TWO] = None,
    page: Annotated[File, option("--page", "FILE", "write a page to search and sort")] = None,
    json_file: Annotated[File, option("--json", "FILE", "write the comparison as JSON")] = None,
    device: options.Device = "CPU",
    device_id: options.DeviceId = 0,
    python: options.Python = None,
    memory: options.WorkerMemory = None,
) -> None:
    """Measure single operators at shapes of real models, or compare two such atlases.

    For each operator, shape and dtype: does it repeat, does its first row change when the batch grows, how
    far is it from float64, and which bits does it give? Fails if an operator does not repeat, or if two
    atlases differ.
    """
    if read is not None and compare is not None:
        raise UsageError("--read and --compare exclude each other: give only one of them")
    measures = read is None and compare is None
    for name, given in (("--out", out), ("--select", select), ("--dtype", dtype), ("--python", python)):
        if given is not None and not measures:
            raise UsageError(f"{name} is for measuring: leave it out beside --read and --compare")
    if json_file is not None and compare is None:
        raise UsageError("--json is for --compare: --out writes the atlas")
    check_destinations(out, page, json_file)
    if compare is not None:
        found = compare_files(*compare)
        say(comparison_text(found))
        write(page, comparison_page, found)
        write(json_file, comparison_json, found)
        none = not (found.same or found.moved or found.appeared or found.gone)
        leave(passed=found.equal, incomplete=none)
        return
    if read is not None:
        whole = stored_atlas(read)
    else:
        wanted = Wanted(tuple(select or ()), tuple(dtype or ()), runs)
        at = Setting.of(Path.cwd(), device, device_id, 600.0, memory, python)
        with remedied(at.invocation):
            whole = make_atlas(wanted, at.workers, AtlasDisplay(Console(stderr=True), at.invocation))
    say(atlas_text_of(whole))
    write(out, atlas_json, whole)
    write(page, atlas_page, whole)
    leave(passed=whole.repeats and whole.complete, incomplete=whole.repeats)
