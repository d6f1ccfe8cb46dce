"""SECURITY.md promises what tests hold: each one that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_a_test_that_the_page_names_is_there(file, test):
    assert test in functions_in(file)


def test_each_line_of_what_may_be_done_names_its_test():
    _, _, lines = PAGE.partition("## What each part may and may not do")
    rows = [line for line in lines.partition("## Supply chain")[0].splitlines() if line.startswith("|")]
    told = [row for row in rows if not re.match(r"\|[- |]+$|.*\| held by \|$", row)]
    assert len(told) > 20
    assert [row for row in told if not re.search(r"`tests/[\w/]+\.py::\w+`", row)] == []
