"""What many runs prove, which setting a deviation goes with, and what is drawn for each run."""

import math

import numpy as np
import pytest

from harness.baselines.tally import Tally, counted, merged
from harness.cases.job import Conditions
from harness.judgement.soak.association import SIGNIFICANT, associations
from harness.judgement.soak.proof import interval, runs_needed, upper_bound
from harness.judgement.soak.trial import EXPLAINING, SOAKING, Offer, Trial, draw_trial


@pytest.mark.parametrize(
    ("runs", "bound"), [(2, 0.776), (50, 0.0582), (1_000, 0.002991), (3_000, 0.000998), (10_000, 0.0003)]
)
def test_runs_without_a_deviation_bound_the_share_that_deviates(runs: int, bound: float) -> None:
    assert upper_bound(runs, 0) == pytest.approx(bound, rel=2e-3)
    # If the share were that large, so many runs would all be equal once in twenty times.
    assert (1 - upper_bound(runs, 0)) ** runs == pytest.approx(0.05)


def test_the_bounds_with_deviations_are_those_of_clopper_and_pearson() -> None:
    # The tails of the binomial distribution at its limits are what the confidence leaves.
    def tail(runs: int, most: int, share: float) -> float:
        return sum(math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(most + 1))

    low, high = interval(50, 3)
    assert tail(50, 3, high) == pytest.approx(0.025)
    assert 1 - tail(50, 2, low) == pytest.approx(0.025)
    assert tail(50, 3, upper_bound(50, 3)) == pytest.approx(0.05)
    assert interval(10, 0)[0] == 0
    assert interval(10, 10)[1] == upper_bound(10, 10) == upper_bound(0, 0) == 1


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("bound", [0.5, 0.05, 0.01, 0.001, 3e-5])
def test_the_runs_needed_are_the_fewest_that_prove_the_bound(bound: float, confidence: float) -> None:
    runs = runs_needed(bound, confidence)
    assert upper_bound(runs, 0, confidence) <= bound
    assert runs == 1 or upper_bound(runs - 1, 0, confidence) > bound


def test_impossible_counts_are_refused() -> None:
    for wrong in (lambda: upper_bound(3, 4), lambda: interval(3, -1), lambda: runs_needed(0.0)):
        with pytest.raises(ValueError, match=r"runs|bound"):
            wrong()


def test_tallies_add_up_by_setting_and_level() -> None:
    one = counted({}, {"load": "busy", "core": "own"}, Tally(1, 1))
    two = counted(one, {"load": "idle", "core": "own"}, Tally(1, 0))
    assert two == {"load": {"busy": Tally(1, 1), "idle": Tally(1, 0)}, "core": {"own": Tally(2, 1)}}
    assert merged(one, two)["core"]["own"] == Tally(3, 2)
    assert one == {"load": {"busy": Tally(1, 1)}, "core": {"own": Tally(1, 1)}}


def test_the_setting_that_a_deviation_goes_with_comes_first() -> None:
    found = associations(
        {
            "load": {"busy": Tally(40, 20), "idle": Tally(40, 0)},
            "memory": {"fragmented": Tally(41, 11), "plain": Tally(39, 9)},
            "core": {"own": Tally(80, 20)},
        }
    )
    assert (found[0].setting, found[0].level) == ("load", "busy")
    assert (found[0].runs, found[0].others) == (Tally(40, 20), Tally(40, 0))
    # Of 20 deviating runs among 80, all in one half of 40, times the four levels that were tested.
    assert found[0].p_value == pytest.approx(4 * math.comb(40, 20) / math.comb(80, 20))
    assert found[0].significant
    assert not any(each.significant for each in found[1:])
    assert "core" not in {each.setting for each in found}


def test_chance_alone_is_rarely_taken_for_a_cause() -> None:
    generator, false = np.random.default_rng(0), 0
    for _ in range(300):
        tallies = {}
        for _ in range(60):
            levels = draw_trial(generator, EXPLAINING, Offer((0, 1))).levels("the same")
            tallies = counted(tallies, levels, Tally(1, int(generator.random() < 0.2)))
        false += any(each.p_value < 0.05 for each in associations(tallies))
    # Of 300 at 5 % with Bonferroni, 15 are expected at most; 30 would be four standard deviations more.
    assert false < 30
    assert SIGNIFICANT < 0.05


def test_the_same_seed_draws_the_same_trials_and_each_setting_as_often_as_it_should() -> None:
    def drawn(seed: int) -> list[Trial]:
        generator = np.random.default_rng(seed)
        return [draw_trial(generator, SOAKING, Offer((0, 1))) for _ in range(4_000)]

    trials = drawn(1)
    assert trials == drawn(1)
    assert trials != drawn(2)
    shares = {
        "fresh": (SOAKING.fresh, lambda each: each.fresh),
        "busy": (SOAKING.busy, lambda each: each.busy),
        "moved": (SOAKING.moved, lambda each: each.conditions.core is not None),
        "fragmented": (SOAKING.fragmented, lambda each: bool(each.conditions.blocks)),
    }
    for share, of in shares.values():
        assert sum(map(of, trials)) / 4_000 == pytest.approx(share, abs=4 * math.sqrt(share / 4_000))
    # What needs a process of its own is drawn for no other, and nothing precedes in it.
    assert not any(
        each.conditions.variables or each.conditions.asynchronous for each in trials if not each.fresh
    )
    assert not any(each.fresh and each.preceded is not None for each in trials)
    assert any(each.conditions.asynchronous for each in trials)
    # A share changes nothing but what it is the share of.
    generator = np.random.default_rng(1)
    other = [draw_trial(generator, EXPLAINING, Offer(launches=False)) for _ in range(4_000)]
    both = [(a, b) for a, b in zip(trials, other, strict=True) if a.conditions.blocks and b.conditions.blocks]
    assert both
    assert all(a.conditions.blocks == b.conditions.blocks for a, b in both)
    assert all(each.conditions.core is None and not each.conditions.asynchronous for each in other)
    assert Offer(launches=False).fixed == ("core", "launches")
    assert Offer((3,)).fixed == ("core",)
    assert Offer((0, 1)).fixed == ()


def test_the_levels_name_what_a_run_was_under() -> None:
    generator = np.random.default_rng(3)
    fresh = next(t for t in (draw_trial(generator, EXPLAINING, Offer((0,))) for _ in range(100)) if t.fresh)
    assert {"hash-seed", "locale", "environment-size", "launches"} <= fresh.levels(None).keys()
    assert fresh.levels(None)["process"] == "fresh"
    assert "before" not in fresh.levels(None)
    plain = {"process": "warm", "core": "own", "load": "idle", "memory": "plain", "before": "s/c"}
    assert Trial().levels("s/c") == plain
    # Moved to the core where it is anyway.
    moved = Trial(conditions=Conditions(core=1))
    assert [moved.levels("s/c", own)["core"] for own in (None, 0, 1)] == ["other", "other", "own"]
