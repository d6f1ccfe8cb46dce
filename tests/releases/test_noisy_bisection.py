"""Bisecting versions that do not repeat: right as often as it says, for few runs."""

import dataclasses
import io
import json
import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from samples import make_case, make_measurement, refused

from benchmarks.noisy_bisection import FLAKES, best_possible, simulate
from harness.baselines.store import BaselineStore
from harness.errors import HarnessError, UsageError
from harness.operations.compare_runs import compare_runs
from harness.releases.attribution import FoundChange, attribute
from harness.releases.bisection import NeitherGoodNorBad, NothingToFind, Repeats, RunsOf, Undecided
from harness.releases.interpreters import Subject
from harness.releases.noisy_bisection import Plan, bisect_by, bisect_noisy
from harness.releases.noisy_search import believe, information, is_changed, wilson_interval
from harness.reporting.bisection import change_json, show_change
from harness.reporting.commands import Invocation, error_text

LIMITS = {"same_environment": {"max_abs": 0.01}}


@pytest.mark.parametrize("flake", FLAKES[1:], ids=lambda flake: flake.words)
def test_the_right_version_in_99_of_100_lines_for_twice_the_best_possible(flake):
    """At flakes of 20 %, 2,000 lines in all; the table in docs/matrix.md has more of them."""
    right = []
    for length in (5, 12, 40, 150, 1000):
        found = simulate(flake, length, 80, seed=length)
        right.append(found.right)
        assert found.mean <= 2 * best_possible(flake, length), (length, found.mean)
    assert np.mean(right) >= 0.99


def test_the_best_possible_is_what_theory_says():
    both, lacking = FLAKES[4], FLAKES[1]
    # A symmetric flake of 20 %: a capacity of 1 - H(0.2), and a divergence of 0.6 ln 4 in both directions.
    capacity = 1 + 0.2 * math.log2(0.2) + 0.8 * math.log2(0.8)
    confirming = 2 * math.log(100) / (0.6 * math.log(4))
    assert best_possible(both, 1025) == pytest.approx(10 / capacity + confirming, rel=2e-3)
    # The Z channel: log2(1 + (1 - p) p^(p / (1 - p))).
    z = math.log2(1 + 0.8 * 0.2**0.25)
    longer, shorter = (best_possible(lacking, length) for length in (1025, 33))
    assert longer - shorter == pytest.approx(5 / z, rel=1e-3)
    # Versions that never flake: one bit a run, and then as many runs as rule out rates of 20 %.
    assert best_possible(FLAKES[0], 1025) - best_possible(FLAKES[0], 33) == pytest.approx(5)


@pytest.mark.parametrize("length", [2, 3, 9, 20, 200])
def test_versions_that_repeat_run_once_in_between(length):
    for first in {1, 2, length // 2, length - 1} - {0, length}:
        ran = []

        def run(version, first=first, ran=ran):
            ran.append(version)
            return SimpleNamespace(bits=str(version >= first))

        found = bisect_noisy(Plan(), range(length), run, lambda *_: None)
        assert (found.last_good, found.first_bad, found.runs) == (first - 1, first, len(ran))
        assert ran[:5] == [0, 0, 0, length - 1, length - 1]
        often = {version for version in ran if ran.count(version) > 1}
        assert often <= {0, first - 1, first, length - 1}
        assert len(ran) <= math.ceil(math.log2(length)) + 12
        assert found.repeats.confidence >= 0.99


def scripted(*lines, plan=None, **options):
    """Bisect versions, each of which gives the bits in its line in turn, and then the last of them."""
    turns, ran, told = [list(line) for line in lines], [], []

    def run(version):
        ran.append(version)
        bits = turns[version].pop(0) if len(turns[version]) > 1 else turns[version][0]
        if bits == "!":
            raise HarnessError(f"version {version} does not run")
        return SimpleNamespace(bits=bits)

    found = bisect_noisy(
        plan or Plan(), range(len(lines)), run, lambda *_: None, tried=told.append, **options
    )
    assert found.runs == len(ran) == len(told)
    return found, ran, told


def test_a_good_end_that_flakes_first_is_seen_through():
    found, ran, told = scripted("yxxxx", "x", "x", "z", "z")
    assert (found.last_good, found.first_bad) == (2, 3)
    assert found.repeats.ends[0] == RunsOf(0, 1, ran.count(0))
    # y, x, and x again: from then on, x is what the good end gives.
    assert [each.told for each in told[:3]] == [
        "the good end",
        "other bits",
        "as most runs of the good end are now",
    ]
    # Even if it flakes as long as it may mislead.
    assert scripted("yyyxxxxxxx", "x", "x", "z", "z")[0].first_bad == 3
    assert scripted("zzzxxxxxxx", "x", "x", "z", "z")[0].first_bad == 3


def test_what_does_not_run_is_left_out_and_named():
    found, ran, _ = scripted("x", "x", "!", "z", "z")
    assert (found.last_good, found.first_bad, ran.count(2)) == (1, 3, 1)
    assert found.untested == ((2, "version 2 does not run"),)
    # A version that has run counts, and does not run again after an error.
    found, ran, _ = scripted("x", "x", "x", "x", "x", "z!", "z", "z", "z")
    assert (found.last_good, found.first_bad, ran.count(5)) == (4, 5, 2)
    for lines in (("!", "z"), ("x", "!")):
        with pytest.raises(HarnessError, match="does not run"):
            scripted(*lines)


def test_ends_that_do_not_differ():
    with pytest.raises(NothingToFind, match="2 has the same bits as 0: there is no change") as same:
        scripted("x", "z", "x")
    good, bad = same.value.ends
    assert (good.changed, bad.changed) == (0, 0)
    assert good.runs >= 4
    told = error_text(same.value, Invocation())
    assert f"; runs that show the change: good end 0 of {good.runs} runs (0% to " in told
    assert f", bad end 0 of {bad.runs} runs (0% to " in told
    # Ends that never repeat: every run has bits of its own.
    numbers = map(str, range(10_000))
    with pytest.raises(NothingToFind, match="differs from 0 no more often than that differs from itself"):
        bisect_noisy(Plan(), range(3), lambda _: SimpleNamespace(bits=next(numbers)), lambda *_: None)
    with pytest.raises(NothingToFind, match="are the same"):
        scripted("x")


def test_no_answer_has_the_confidence_in_so_few_runs():
    with pytest.raises(Undecided) as undecided:
        scripted("x", *["x"] * 20, *["z"] * 20, plan=Plan(max_runs=8))
    good, bad = undecided.value.ends
    assert (good.changed, good.runs, bad.changed, bad.runs) == (0, 3, 2, 2)
    told = error_text(undecided.value, Invocation())
    assert told.startswith("no answer has the confidence 0.99 after 8 runs. Most likely is a change with ")
    assert told.endswith("Allow more with --max-runs, or ask for less with --confidence")


def test_less_confidence_takes_fewer_runs_and_more_repeats_take_more():
    line = ["x"] * 10 + ["z"] * 10
    usual = scripted(*line)[0].runs
    assert scripted(*line, plan=Plan(confidence=0.9))[0].runs < usual
    assert scripted(*line, plan=Plan(confidence=0.9999))[0].runs > usual
    ran = scripted(*line, plan=Plan(repeats=20))[1]
    assert ran[:40] == [0] * 20 + [19] * 20
    # A change that shows in one run of ten is found if the bad end runs often enough to show it.
    rare = ["x" * 9 + "z" + "x" * 4 + "z" + "x" * 11 + "z" + "x" * 6 + "z"] * 4
    found = scripted("x", "x", "x", *rare, plan=Plan(repeats=30))[0]
    assert found.repeats.ends[1].changed >= 3


@pytest.mark.parametrize(
    "wrong",
    [{"repeats": 0}, {"confidence": 0.5}, {"confidence": 1.0}, {"confidence": math.nan}, {"max_runs": 3}],
)
def test_plans_that_make_no_sense(wrong):
    with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')} "):
        Plan(**wrong)


def test_one_run_each_is_plain_bisection():
    found = bisect_by(
        Plan(repeats=1), range(9), lambda version: SimpleNamespace(bits=str(version > 4)), lambda *_: None
    )
    assert (found.first_bad, found.runs, found.repeats) == (5, 5, None)


class Moves:
    """Versions whose runs move the output by the numbers of their line in turn, again and again."""

    def __init__(self, folder, *lines):
        self.lines, self.count = lines, [0] * len(lines)
        self.compare = partial(compare_runs, make_case(tolerance=LIMITS), store=BaselineStore(folder))

    def run(self, version):
        line = self.lines[version]
        moved = line[self.count[version] % len(line)]
        self.count[version] += 1
        output = make_measurement().output
        return make_measurement((output + np.float32(moved)).astype(np.float32))

    def bisect(self, **options):
        return bisect_noisy(Plan(), range(len(self.lines)), self.run, self.compare, **options)


def test_until_drift_noise_within_the_limits_counts_as_good(tmp_path):
    noise = [0.0, 0.001, 0.002, 0.003, 0.004]
    drift = [0.5, 0.501, 0.502, 0.001, 0.503]
    found = Moves(tmp_path, noise, noise, noise, drift, drift).bisect(until_drift=True)
    assert (found.last_good, found.first_bad) == (2, 3)
    assert (found.step.verdict.value, found.repeats.ends[0].changed) == ("drift", 0)
    assert found.repeats.before[0] == 0
    assert min(found.repeats.since) > 0
    # The good end flakes first: most of its runs are within the limits of each other.
    found = Moves(tmp_path, [0.9, *noise], noise, noise, drift, drift).bisect(until_drift=True)
    assert found.first_bad == 3


def test_a_version_that_cannot_be_judged_ends_it(tmp_path):
    line = Moves(tmp_path, [0.0], [0.5])
    other = {**make_measurement().fingerprint, "mindspore": "2.9.0"}

    def run(version):
        measured = line.run(version)
        return dataclasses.replace(measured, fingerprint=other) if version else measured

    with refused(NeitherGoodNorBad, r"1: incomparable with 0: .* Leave out --drift"):
        bisect_noisy(Plan(), [0, 1], run, line.compare, until_drift=True)
    assert bisect_noisy(Plan(), [0, 1], run, line.compare).first_bad == 1


def test_what_is_reported(tmp_path):
    found = Moves(tmp_path, [0.0], [0.0], [0.0], [0.5, 0.5, 0.5, 0.0, 0.5], [0.5]).bisect()
    change = FoundChange(make_case(), found)
    console = Console(file=io.StringIO(), width=200)
    show_change(console, change, Invocation())
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "guide/two-steps changed with 3"
    tallies = found.repeats.tallies
    assert any(line.startswith("  confidence 99") for line in lines)
    start = lines.index("  runs that show the change, and the 95% interval of their rate:") + 1
    assert [line.split()[0:3:2] + line.split()[-1:] for line in lines[start:-1]] == [
        [str(each.changed), str(each.runs), str(each.version)] for each in tallies
    ]
    assert lines[start] == "    0 of 3 runs (0% to 56%)    0"
    assert lines[-2] == "    2 of 2 runs (34% to 100%)  4"
    assert lines[-1] == f"  {found.runs} runs"
    written = json.loads(change_json(change, Invocation()))
    assert written["confidence"] == found.repeats.confidence
    assert [(each["version"], each["changed"], each["runs"]) for each in written["runs_of"]] == [
        (str(each.version), each.changed, each.runs) for each in tallies
    ]
    assert sum(each["runs"] for each in written["runs_of"]) == written["runs"]


def test_the_part_that_changed_the_output_although_runs_flake():
    """The bad release shows the change in 4 of 5 runs; so does whatever has the part at fault."""
    good, bad = {"mindspore": "1", "numpy": "1", "scipy": "1"}, {"mindspore": "2", "numpy": "2", "scipy": "2"}
    subjects = tuple(Subject("", "", packages) for packages in (good, bad))
    old, new = make_measurement(seed=0), make_measurement(seed=1)
    repeats = Repeats(
        confidence=0.99, tallies=(), before=(0, 12), since=(12, 3),
        shows=lambda run: run.bits != old.bits, changed_bits=frozenset({new.bits}),
    )  # fmt: skip
    for part in ("mindspore", "numpy", "scipy"):
        turns = 0

        def run_with(pins, part=part):
            nonlocal turns
            turns += 1
            # The first run of each kind is the one that flakes.
            return new if {**bad, **pins}[part] == "2" and turns % 5 != 1 else old

        found = attribute("mindspore", subjects, (old, new), run_with, repeats=repeats)
        assert (found.part, found.runs) == (part, turns)
        assert turns > 3
    # Runs that fit neither side are no answer, and neither are bits that the bad release never gave.
    turns = 0

    def half(pins):
        nonlocal turns
        turns += 1
        return new if turns % 5 in (1, 3) else old

    found = attribute("mindspore", subjects, (old, new), half, repeats=repeats)
    assert (found.part, "runs show the change, which fits neither side" in found.text) == (None, True)
    third = make_measurement(seed=2)
    found = attribute("mindspore", subjects, (old, new), lambda _: third, repeats=repeats)
    assert found.text == "mindspore and numpy, scipy: each of them changes bits"


def test_the_posterior_is_that_of_the_model():
    """By hand: three versions, rates integrated out on a grid, for all positions and for none."""
    changed, same = np.array([0, 1, 3]), np.array([3, 2, 0])
    rate = np.linspace(0, 1, 20_001)
    before, since = 4 * (1 - rate) ** 3, 4 * rate**3

    def likelihood(density, start, stop):
        c, s = changed[start:stop].sum(), same[start:stop].sum()
        return np.trapz(density * rate**c * (1 - rate) ** s, rate)

    # If nothing changed, there is one rate, which is low or high.
    either = (before + since) / 2
    weights = np.array(
        [
            *(0.4 * likelihood(before, 0, k) * likelihood(since, k, 3) for k in (1, 2)),
            0.2 * likelihood(either, 0, 3),
        ]
    )
    belief = believe(changed, same)
    assert belief.positions == pytest.approx(weights / weights.sum(), rel=1e-6)
    assert belief.first_changed == 2
    # What a run of each version tells: the entropy of the position, less what is expected to be left of it.
    entropy = -(belief.positions * np.log(belief.positions)).sum()
    for version in range(3):
        left = 0.0
        has = np.arange(1, 4) <= version
        shown = np.where(has, belief.since, belief.before)
        for likely in (shown, 1 - shown):
            joint = belief.positions * likely
            after = joint / joint.sum()
            left -= joint.sum() * (after * np.log(after)).sum()
        assert information(belief)[version] == pytest.approx(entropy - left, abs=1e-9)


def test_an_interval_of_a_rate():
    # Wilson's interval for 4 of 5 and 0 of 10, by the formula's published examples.
    assert wilson_interval(4, 5) == pytest.approx((0.3755, 0.9638), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson_interval(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_which_side_something_else_is_like():
    assert is_changed((0, 0), (0, 5), (5, 0)) == pytest.approx(0.5)
    assert is_changed((3, 0), (0, 5), (5, 0)) > 0.99
    assert is_changed((0, 3), (0, 5), (5, 0)) < 0.01
    assert 0.1 < is_changed((1, 1), (1, 4), (4, 1)) < 0.9
