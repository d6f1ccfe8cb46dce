"""The mutants are what they say, and none changes what only words a message."""

from __future__ import annotations

import ast

import pytest

from benchmarks.mindone_mutants.operators import mutants_of, mutated

SOURCE = '''
SIZE = 3


def scale(x: int = 2, *, factor: float = 0.5, flip: bool = False):
    """Two is in the text: 2."""
    if x < 0:
        raise ValueError(f"{x} is below {0 + 1}")
    if flip and x > 1:
        x = -x
    logger.warning("it is", 3 + 4)
    self.left = clamp(x, factor, low=1)
    return x * factor if flip else x
'''


def changes() -> list[tuple[str, str, bool]]:
    return [
        (each.operator, mutated(SOURCE, each.number)[1], each.default)
        for each in mutants_of(SOURCE, "one.py", "area")
    ]


@pytest.mark.parametrize(
    "change",
    [
        ("constant", "2 → 3", True),
        ("constant", "0.5 → 0.25", True),
        ("boolean", "False → True", True),
        ("boolean", "flip and x > 1 → flip or x > 1", False),
        ("comparison", "x > 1 → x >= 1", False),
        ("arithmetic", "-x → x", False),
        ("arithmetic", "x * factor → x / factor", False),
        ("condition", "x * factor if flip else x → x if flip else x * factor", False),
        ("statement dropped", "x = -x → if False: x = -x", False),
        (
            "statement dropped",
            "self.left = clamp(x, factor, low=1) → if False: self.left = clamp(x, factor, low=1)",
            False,
        ),
        ("arguments swapped", "clamp(x, factor, low=1) → clamp(factor, x, low=1)", False),
        ("argument dropped", "clamp(x, factor, low=1) → clamp(x, factor)", False),
        ("call dropped", "clamp(x, factor, low=1) → x", False),
    ],
    ids=lambda change: f"{change[0]} {change[1]}",
)
def test_a_place_is_changed_by(change: tuple[str, str, bool]) -> None:
    assert change in changes()


def test_what_only_words_a_message_or_stands_outside_of_functions_is_left_alone() -> None:
    lines = {each.line for each in mutants_of(SOURCE, "one.py", "area")}
    assert lines == {5, 9, 10, 12, 13}


def test_a_mutant_differs_in_its_one_place_and_keeps_the_lines() -> None:
    sound = ast.parse(SOURCE)
    for each in mutants_of(SOURCE, "one.py", "area"):
        tree, _ = mutated(SOURCE, each.number)
        compile(tree, "one.py", "exec")
        assert ast.dump(tree) != ast.dump(sound)
        assert tree.body[1].lineno == sound.body[1].lineno


def test_a_number_that_no_mutant_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no mutant 10000"):
        mutated(SOURCE, 10_000)
