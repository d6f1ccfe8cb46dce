"""What collection found besides the cases that run. It imports nothing that only a run needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.counting import count

if TYPE_CHECKING:
    from harness.baselines.baseline import Key


def left_out_lines(left_out: int) -> list[str]:
    """Return the line that says how many cases with `run: nightly` were left out, or no line if none were."""
    return (
        [f"left out: {count(left_out, 'nightly case')}; run with --harness-nightly to include them"]
        if left_out
        else []
    )


def orphan_lines(orphaned: Sequence[Key]) -> list[str]:
    """Return one line for each baseline that belongs to no case."""
    return [
        f"orphan: {'/'.join(key)}.json belongs to no case; remove it if its case is gone" for key in orphaned
    ]
