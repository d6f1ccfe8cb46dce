"""Settings that every test of this repository shares."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]
_LEFT_OUT = ("slow", "releases", "emulation", "msprobe")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests with one of the markers ``_LEFT_OUT``, unless -m or -k chooses them; never a case."""
    if config.option.markexpr or config.option.keyword:
        return
    left_out = [
        item
        for item in items
        if isinstance(item, pytest.Function) and any(map(item.get_closest_marker, _LEFT_OUT))
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
