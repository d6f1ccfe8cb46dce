"""The page that leads a newcomer through the code names every folder, in the order of the contract."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_has_every_folder_once_and_in_an_order_that_imports_allow():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## One folder per question")[2].partition("\n## ")[0]
    named = re.findall(r"\]\(\.\./harness/(\w+)\)", table)
    folders = {path.parent.name for path in (ROOT / "harness").glob("*/__init__.py")}
    assert sorted(named) == sorted(folders)
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.findall(r'"([^"]+)"', contract.partition("layers = [")[2].partition("]")[0])
    floors = {
        name.removeprefix("harness."): floor
        for floor, layer in enumerate(layers[::-1])
        for name in layer.split(" | ")
    }
    assert [floors[name] for name in named] == sorted(floors[name] for name in named)
