"""The search ends at the smallest size caught, however detection goes, in few runs where it is tame."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.faults.catalogue import FAULTS, Fault
from harness.judgement.power.detection import Detection
from harness.judgement.power.search import PRECISION, search

FAULT = Fault("a-fault", "model", "something is wrong", 1e-2, 1e-8, 1.0, "relative change")


def linear(begins):
    """Detection by figures that grow with the size: at the limit at ``begins``."""
    return lambda size: Detection(size > begins, "max_abs", size / begins, size > begins)


def run(detection, fault=FAULT):
    """Search, and return the bracket with the sizes examined, the reference first."""
    sizes = [fault.reference]
    looking = search(fault, detection(fault.reference))
    try:
        size = next(looking)
        while True:
            sizes.append(size)
            size = looking.send(detection(size))
    except StopIteration as end:
        return end.value, sizes


@pytest.mark.parametrize("begins", [3e-8, 1e-5, 4.7e-3, 9.9e-3])
def test_a_fault_caught_at_its_reference_is_made_smaller(begins):
    bracket, sizes = run(linear(begins))
    assert bracket.missed_at <= begins < bracket.caught_from <= PRECISION * bracket.missed_at
    assert len(sizes) <= 4


@pytest.mark.parametrize("begins", [1.1e-2, 0.1, 0.8])
def test_a_fault_missed_at_its_reference_is_made_larger(begins):
    bracket, sizes = run(linear(begins))
    assert bracket.missed_at <= begins < bracket.caught_from <= PRECISION * bracket.missed_at
    assert len(sizes) <= 4


@pytest.mark.parametrize("begins", [3e-8, 1e-5, 4.7e-3, 0.1, 0.8])
def test_a_margin_that_is_right_is_confirmed_on_both_sides(begins):
    _, sizes = run(linear(begins))
    assert sizes[1:] == pytest.approx([begins * math.sqrt(1.2), begins / math.sqrt(1.2)], rel=1e-2)


@pytest.mark.parametrize("caught", [True, False])
def test_steps_outwards_grow_where_the_margins_foretell_too_little(caught):
    """Always just beside the limit: the steps double from the third on, to the bound of the fault."""
    margin = 1.001 if caught else 0.999
    _, sizes = run(lambda size: Detection(caught, "max_abs", margin, caught))
    *steps, last = [abs(math.log(after / before, 1.2)) for before, after in pairwise(sizes)]
    assert steps == pytest.approx([1, 1, 2, 4, 8, 16, 32][: len(steps)], abs=0.05)
    assert len(steps) == (7 if caught else 5)
    assert last < 2 * steps[-1]


def test_rounding_beside_the_fault_takes_a_run_or_two_more():
    """What rounding alone does, half of the limit, adds to what the fault does."""
    bracket, sizes = run(lambda size: linear(1)(math.hypot(0.5, size / 1e-6)))
    assert bracket.missed_at <= 1e-6 * math.sqrt(0.75) < bracket.caught_from
    assert len(sizes) <= 5


def test_the_search_stays_within_the_bounds_of_the_fault():
    assert run(linear(1e-12))[0].caught_from == FAULT.smallest
    assert run(linear(1e-12))[0].missed_at is None
    assert run(linear(50.0))[0].caught_from is None
    assert run(linear(50.0))[0].missed_at == FAULT.largest


def test_a_fault_without_effect_costs_one_run_more():
    bracket, sizes = run(lambda size: Detection(False, None, 0.0))
    assert (bracket.caught_from, bracket.missed_at) == (None, FAULT.largest)
    assert sizes == [FAULT.reference, FAULT.largest]


def test_an_exact_fact_is_tried_at_the_smallest_size_at_once():
    """The ledger catches every size; the margin, which says the numbers would not, foretells nothing."""
    bracket, sizes = run(lambda size: Detection(True, "ledger", size / 10))
    assert (bracket.caught_from, bracket.missed_at, bracket.numbers_from) == (FAULT.smallest, None, False)
    assert sizes == [FAULT.reference, FAULT.smallest]


def test_it_is_told_whether_the_numbers_catch_the_smallest_size_or_a_fact_alone():
    """Caught at every size by the ledger, by the numbers as well from 1e-4 on."""
    bracket, _ = run(lambda size: Detection(True, "ledger", size / 1e-4, size > 1e-4))
    assert (bracket.caught_from, bracket.numbers_from) == (FAULT.smallest, False)
    assert run(linear(1e-5))[0].numbers_from
    assert run(linear(0.1))[0].numbers_from
    assert run(linear(1e-12))[0].numbers_from


@pytest.mark.parametrize("margin", [math.inf, None])
def test_margins_that_say_nothing_leave_halving_the_interval(margin):
    bracket, sizes = run(lambda size: Detection(size > 3e-5, "max_abs", margin if size > 3e-5 else 0.0))
    assert bracket.missed_at <= 3e-5 < bracket.caught_from <= PRECISION * bracket.missed_at
    assert len(sizes) <= 12


@pytest.mark.parametrize("power", [0.1, 0.5, 2.0, 4.0])
def test_margins_that_foretell_badly_end_the_search_all_the_same(power):
    begins = 2e-6
    bracket, sizes = run(
        lambda size: Detection(size > begins, "max_abs", (size / begins) ** power, size > begins)
    )
    assert bracket.missed_at <= begins < bracket.caught_from <= PRECISION * bracket.missed_at
    assert len(sizes) <= 12


def test_a_margin_that_jumps_does_not_make_the_search_creep():
    """Just at the limit where it is missed, far over it where caught: foretold at the lower end each time."""
    bracket, sizes = run(
        lambda size: Detection(size > 3e-5, "max_abs", 1e6 if size > 3e-5 else 0.99, size > 3e-5)
    )
    assert bracket.missed_at <= 3e-5 < bracket.caught_from <= PRECISION * bracket.missed_at
    assert len(sizes) <= 25


def test_where_detection_comes_and_goes_only_what_is_caught_up_to_the_reference_counts():
    """Caught from 1e-7 to 1e-6 and above 1e-3, as a clamp could have it: the former counts for nothing."""

    def detection(size):
        caught = 1e-7 < size < 1e-6 or size > 1e-3
        return Detection(caught, "max_abs", 2.0 if caught else 0.5, caught)

    bracket, sizes = run(detection)
    assert bracket.missed_at <= 1e-3 < bracket.caught_from
    assert all(detection(size).caught for size in sizes if size >= bracket.caught_from)


@settings(max_examples=300, deadline=None)
@given(
    st.floats(-9, 1),
    st.floats(0.05, 5),
    st.sampled_from([fault for fault in FAULTS if fault.sized]),
    st.data(),
)
def test_every_search_ends_with_a_true_bracket(decade, power, fault, data):
    """Whatever the law of the margin, and where it is wrong: detection is one thing, the margin another."""
    begins = fault.reference * 10**decade
    noisy = data.draw(st.booleans())

    def detection(size):
        caught = size > begins
        margin = (size / begins) ** power
        if noisy:
            margin = data.draw(st.one_of(st.none(), st.just(math.inf), st.floats(0, 1e6)))
        return Detection(caught, "max_abs", margin, caught)

    bracket, sizes = run(detection, fault)
    assert all(fault.smallest <= size <= fault.largest for size in sizes)
    assert len(sizes) == len(set(sizes)) <= 30
    if bracket.caught_from is None:
        assert bracket.missed_at == fault.largest <= begins
    elif bracket.missed_at is None:
        assert begins < bracket.caught_from == fault.smallest
    else:
        assert bracket.missed_at <= begins < bracket.caught_from <= PRECISION * bracket.missed_at
