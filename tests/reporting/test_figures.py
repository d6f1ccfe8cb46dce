"""How a number is written: in one way, whoever writes it."""

import math

import pytest

from harness.reporting.figures import figure, part_of_limit
from harness.reporting.wording import filled

FIGURES = {
    0: "0", 1: "1", 0.5: "0.5", 57: "57", 1.2345: "1.23", 99.96: "100", 999.4: "999", 999.6: "1000",
    1991: "1991", 1991.4: "1991", -1991.0: "-1991", 123456.7: "123457", 1e6: "1e+06", 2.64e6: "2.64e+06",
    0.062: "0.062", 0.00058: "0.00058", 9.9999e-5: "0.0001", 1.994e-7: "1.99e-07", 2e-7: "2e-07",
    1e-300: "1e-300", math.inf: "inf", -math.inf: "-inf",
}  # fmt: skip
SHARES = {0.384: "38%", 0: "0%", 9.9: "990%", 10: "10 times", 1991.0: "1991 times", math.inf: "over"}


@pytest.mark.parametrize(("value", "text"), [*FIGURES.items(), (math.nan, "nan"), (None, "")])
def test_whole_digits_stay_and_three_count(value, text):
    assert figure(value) == text


def test_parts_of_a_limit():
    assert {value: part_of_limit(value) for value in SHARES} == SHARES


def test_two_digits():
    assert [figure(value, 2) for value in (4.64e-7, 0.466, 1991.2, 99.6)] == [
        "4.6e-07",
        "0.47",
        "1991",
        "100",
    ]


def test_templates_write_numbers_likewise():
    class Found:
        def __init__(self):
            self.size, self.moved = 1991.2, 4.64e-7

    assert filled(Found(), {Found: "{size:figure} and {moved:figure2}"}) == "1991 and 4.6e-07"
