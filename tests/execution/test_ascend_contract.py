"""The functions and variables of MindSpore that the Ascend profile uses are there in every release.

There is no NPU here. benchmarks/ascend_contract.py has read them from the wheels of the releases, which hold
what runs on Ascend, too.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ascend_contract import BEGIN, END, FUNCTIONS, VARIABLES, table
from harness.execution.profile import Profile

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = json.loads((ROOT / "tests/data/ascend/contract.json").read_text("utf-8"))
# The modules that run on an NPU, with what they call `ms`.
MODULES = (
    "execution/profile", "execution/ascend", "execution/cann_settings", "execution/fingerprint",
    "execution/in_force", "execution/aftermath", "execution/environment", "execution/worker",
    "frameworks/on_mindspore",
)  # fmt: skip
# Attributes of MindSpore that are no functions, or exist on every device.
NO_FUNCTIONS = ("PYNATIVE_MODE", "GRAPH_MODE", "__version__", "__file__", "Tensor", "jit", "ops.cat")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield the name below `mindspore`, and the call, of everything that these modules call there."""
    for module in MODULES:
        tree = ast.parse((ROOT / "harness" / f"{module}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (name := dotted(node.func)) and name.startswith("ms."):
                yield name.removeprefix("ms."), node


def dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return None


CALLS = [(name, node) for name, node in calls() if name not in NO_FUNCTIONS]


def test_the_contract_names_what_is_called_and_nothing_else() -> None:
    assert {name for name, _ in CALLS} == set(FUNCTIONS)


def test_the_releases_are_there() -> None:
    assert list(CONTRACT) == ["2.7.0", "2.7.1", "2.7.1.post1", "2.7.2", "2.8.0", "2.9.0", "2.10.0"]


@pytest.mark.parametrize("release", CONTRACT)
@pytest.mark.parametrize("name", sorted({name for name, _ in CALLS}))
def test_every_call_fits_the_function_of_every_release(release: str, name: str) -> None:
    written = CONTRACT[release]["functions"][name]
    assert written is not None, f"MindSpore {release} has no {name}"
    scope: dict[str, Any] = {}
    exec(f"def function({written}): pass", scope)
    signature = inspect.signature(scope["function"])
    found = [node for called, node in CALLS if called == name]
    assert found
    for node in found:
        signature.bind(*node.args, **{str(keyword.arg): keyword.value for keyword in node.keywords})


@pytest.mark.parametrize("release", CONTRACT)
def test_what_mindspore_reads_is_in_its_wheel(release: str) -> None:
    """ATB's variables are read by ATB, which is no part of MindSpore; two wheels hold a piece of it."""
    there = {name for name, files in CONTRACT[release]["variables"].items() if files}
    assert {name for name in VARIABLES if not name.startswith("ATB_")} <= there


def test_the_profile_sets_the_variables_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASCEND_RT_VISIBLE_DEVICES", raising=False)
    assert set(Profile(device="Ascend").environment()) == set(VARIABLES)


def test_the_release_that_is_installed_is_as_it_was_read(mindspore: Any) -> None:
    written = CONTRACT[mindspore.__version__]["functions"]
    for name in FUNCTIONS:
        function: Any = mindspore
        for part in name.split("."):
            function = getattr(function, part)
        names = list(inspect.signature(inspect.unwrap(function)).parameters)
        scope: dict[str, Any] = {}
        exec(f"def function({written[name]}): pass", scope)
        assert names == list(inspect.signature(scope["function"]).parameters), name


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs" / "ascend.md").read_text("utf-8")
    assert f"{BEGIN}\n{table(CONTRACT)}\n{END}" in page
