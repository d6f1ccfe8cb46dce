"""A mutant runs wherever its function is used, and is gone afterwards."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.mindone_mutants.live import put_in
from benchmarks.mindone_mutants.operators import Mutant, mutants_of, mutated

SOURCE = """
class Scheduler:
    def __init__(self, steps=10, *, offset=1):
        self.steps = steps
        self.offset = offset

    @property
    def last(self):
        return self.steps - self.offset

    def __repr__(self):
        return super().__repr__().lower()


def outer(x):
    def inner(y):
        return y * 2
    return inner(x) + 1
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "one.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("one", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def mutant(told: str) -> Mutant:
    return next(
        each for each in mutants_of(SOURCE, "one.py", "area") if mutated(SOURCE, each.number)[1] == told
    )


@pytest.mark.parametrize(
    ("told", "last", "called"),
    [
        ("self.steps - self.offset → self.steps + self.offset", 11, 7),
        ("10 → 9", 8, 7),
        ("1 → 2", 8, 7),
        ("y * 2 → y / 2", 9, 2.5),
        ("inner(x) + 1 → inner(x) - 1", 9, 5),
    ],
)
def test_a_mutant_runs_within_and_is_gone_afterwards(
    told: str, last: float, called: float, module: ModuleType, tmp_path: Path
) -> None:
    kept = functools.wraps(module.outer)(module.outer)
    with put_in(mutant(told), tmp_path) as number:
        assert number >= 1
        assert (module.Scheduler().last, kept(3)) == (last, called)
    assert (module.Scheduler().last, kept(3)) == (9, 7)


def test_it_is_gone_after_an_error_too(module: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), put_in(mutant("y * 2 → y / 2"), tmp_path):
        raise ZeroDivisionError
    assert module.outer(3) == 7


def test_a_method_that_calls_super_can_lose_a_call(module: ModuleType, tmp_path: Path) -> None:
    with put_in(mutant("super().__repr__().lower() → super().__repr__()"), tmp_path) as number:
        assert number == 1
        assert "Scheduler" in repr(module.Scheduler())
    assert "scheduler" in repr(module.Scheduler())


def test_a_function_that_nobody_imported_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(SOURCE)
    with put_in(mutant("y * 2 → y / 2"), tmp_path) as number:
        assert number == 0
