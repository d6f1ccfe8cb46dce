"""`import harness` imports nothing else, and the names it promises are there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness

SOURCE = Path(harness.__file__)


def in_fresh_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_harness_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import harness; print(sorted(set(sys.modules) - before))"
    assert in_fresh_python(code) == "['harness']"


def test_errors_and_suites_need_no_numpy():
    code = "import sys, harness; harness.HarnessError; harness.load_suite; print('numpy' in sys.modules)"
    assert in_fresh_python(code) == "False"


@pytest.mark.parametrize("name", harness.__all__)
def test_every_name_is_there(name):
    found = getattr(harness, name)
    assert name in dir(harness)
    assert isinstance(found, str) or found.__name__ == name
    assert found.__doc__


def test_type_checkers_see_the_same_names_in_the_same_modules():
    blocks = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    (block,) = (each for each in blocks if ast.unparse(each.test) == "TYPE_CHECKING")
    seen = {
        alias.asname: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: f"harness.{home}" for name, home in harness._HOMES.items()}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'chekc'"):
        _ = harness.chekc


def test_a_submodule_can_still_be_imported_from_it():
    assert in_fresh_python("from harness import errors; print(errors.__name__)") == "harness.errors"
