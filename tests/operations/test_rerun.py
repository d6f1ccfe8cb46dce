"""What a draw of cases proves of those that were not drawn."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from gate_facts import certificate

from harness.gate.verification import Verification
from harness.operations.rerun import Rerun
from harness.reporting.verification import verification_lines

SOUND = Verification(certificate(), False, (), (), 0, 0, (), None, None)


def drawn(judged, confirmed, unknown=0):
    names = tuple(map(str, range(confirmed + unknown)))
    return Rerun(1, judged, names, {}, dict.fromkeys(names[confirmed:], ()))


@pytest.mark.parametrize("judged", [1, 2, 5, 8])
def test_the_probability_to_escape_is_the_share_of_draws_without_a_forged_case(judged):
    for confirmed in range(1, judged + 1):
        for forged in range(judged + 1):
            draws = list(combinations(range(judged), confirmed))
            missed = [draw for draw in draws if all(index >= forged for index in draw)]
            assert drawn(judged, confirmed).escape(forged) == pytest.approx(len(missed) / len(draws))


def test_what_is_excluded_is_the_first_number_that_escapes_one_draw_in_twenty_or_fewer():
    found = drawn(26, 5)
    assert found.escape(found.excluded) <= 0.05 < found.escape(found.excluded - 1)
    assert drawn(26, 26).excluded == 1
    assert drawn(20, 19).excluded == 1
    assert drawn(26, 0).excluded is None


def test_no_odds_are_told_where_something_is_unknown():
    """Which cases come to no measurement may be whoever forged them to say: it is no draw."""
    for unknown in (0, 1):
        lines = verification_lines(Path("c.json"), SOUND, drawn(10, 3, unknown))
        assert any("would have escaped" in line for line in lines) is (unknown == 0)
        assert any("95 %" in line for line in lines) is (unknown == 0)


def test_a_case_of_which_nothing_was_learnt_counts_for_nothing():
    assert drawn(10, 3, unknown=4).escape(2) == drawn(10, 3).escape(2)
