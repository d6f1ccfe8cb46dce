"""Cases with `run: nightly`: a run leaves them out, unless it is asked for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.pytest_plugin.collection import CaseItem


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> int:
    """Take the cases with `run: nightly` out of ``items``, in place, and return how many there were.

    They stay with --harness-nightly, with -k, whose choice ``items`` are, and where they are named by their
    node id. What -m chooses is no reason to run them.
    """
    if config.getoption("harness_nightly") or config.option.keyword:
        return 0
    named = _named(config)
    left_out = [
        item
        for item in items
        if isinstance(item, CaseItem)
        and item.case.run == "nightly"
        and (item.path.resolve(), item.name) not in named
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]
    return len(left_out)


def _named(config: pytest.Config) -> set[tuple[Path, str]]:
    """Return the file and the id of each case on the command line."""
    asked = (argument.partition("::") for argument in config.args)
    return {((config.invocation_params.dir / path).resolve(), name) for path, _, name in asked if name}
