"""docs/judging.md names every metric, statistic, verdict and tier, and the numbers that the code has."""

from pathlib import Path

import pytest

from harness.baselines.calibration import DEFAULT_FACTOR
from harness.judgement.calibration.findings import LOOSE
from harness.judgement.calibration.limits import kind_of
from harness.judgement.calibration.spread import CHAOS, MODE_GAP
from harness.judgement.judgement import Verdict
from harness.judgement.metrics import METRICS
from harness.judgement.tiers import DEVICE_FACTOR, Tier
from harness.operations.calibrate import MEMBERS

ROOT = Path(__file__).parents[2]
PAGE = " ".join((ROOT / "docs" / "judging.md").read_text(encoding="utf-8").split())


def test_every_metric_verdict_and_tier_is_told():
    assert [name for name in METRICS if f"`{name}`" not in PAGE] == []
    assert [verdict.value for verdict in Verdict if f"| `{verdict.value}` |" not in PAGE] == []
    assert [tier.words for tier in Tier if f"| {tier.words} |" not in PAGE] == []


@pytest.mark.parametrize(
    "told",
    [
        f"(`--members`, {MEMBERS} unless said)",
        f"So across releases the factor is {DEFAULT_FACTOR:g}.",
        f"gets {DEVICE_FACTOR:g} times as much, {DEVICE_FACTOR * DEFAULT_FACTOR:g};",
        f"the latents' spread reaches {CHAOS:g} there",
        f"at most {MODE_GAP:g} times the largest step inside",
        f"a difference of {LOOSE:g} times the envelope would pass",
    ],
)
def test_the_numbers_are_those_of_the_code(told):
    assert told in PAGE


def test_the_kinds_of_statistics_are_told():
    kinds = {kind_of(name) for name in ("abs_sum", "mean", "std", "min", "q50")}
    assert kinds == {"sum", "mean", "std", "extreme", "quantile"}
    told = (
        "The kinds are sums (`abs_sum`, `l2`), means, standard deviations, extremes (min, max) and quantiles"
    )
    assert told in PAGE


def test_the_scripts_and_pages_that_it_names_are_there():
    for name in ("benchmarks/envelope.py", "benchmarks/calibration_cost.py", "docs/false-alarms.md"):
        assert Path(name).name in PAGE
        assert (ROOT / name).exists()
