"""What the runs of a history prove about how often a case repeats."""

from dataclasses import replace

import pytest
from history_runs import RECORD, RUN

from harness.baselines.tally import Tally
from harness.history.repeats import repeats
from harness.history.trends import trends
from harness.reporting.history_report import repeats_lines

SAME = replace(RECORD, verdict="identical", tier="same_environment")


def trend_of(*records):
    runs = [replace(RUN, number=number, cases=(record,)) for number, record in enumerate(records, 1)]
    (found,) = trends(runs)
    return found


def test_equal_runs_bound_the_share_that_deviates() -> None:
    trend = trend_of(*[SAME] * 60)
    assert repeats(trend) == Tally(60)
    (line,) = repeats_lines(trend)
    assert line == (
        "60 runs in the baseline's environment, like the newest: at most 4.87 % of all runs deviate "
        "(95 % confidence)"
    )


@pytest.mark.parametrize("verdict", ["within", "drift"])
def test_a_run_with_other_bits_in_the_same_environment_deviates(verdict: str) -> None:
    trend = trend_of(SAME, replace(SAME, verdict=verdict, output_sha256="e" * 64), SAME)
    assert repeats(trend) == Tally(3, 1)
    assert "1 of 3 runs deviate: 0.84" in next(repeats_lines(trend))


@pytest.mark.parametrize(
    "other",
    [
        {"case_hash": "f" * 64},
        {"baseline_sha256": "f" * 64},
        {"environment": {"mindspore": "2.10.0", "device": "CPU"}},
        {"code": {"pipelines.py": "0" * 12}},
        {"tier": "across_releases", "verdict": "within"},
        {"tier": None, "verdict": "error", "output_sha256": None},
    ],
)
def test_only_runs_like_the_newest_count(other: dict) -> None:
    assert repeats(trend_of(SAME, replace(SAME, **other), SAME)) == Tally(2)


def test_runs_elsewhere_prove_nothing() -> None:
    for newest in (RECORD, replace(SAME, tier=None, verdict="error", output_sha256=None)):
        assert repeats(trend_of(SAME, newest)) == Tally()
        assert list(repeats_lines(trend_of(SAME, newest))) == []
