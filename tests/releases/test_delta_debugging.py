"""The search for settings, on planted truth tables: each set is tested once, and what is claimed is true."""

import itertools
import random

import pytest

from harness.releases.delta_debugging import Exhausted, Runs, Search, reductions, search

NAMES = ("isa", "cores", "launches", "mode", "numpy", "mindspore")


def found(has_effect, elements=NAMES, most=1000):
    """Search by a truth table, and say which sets were tested, in order."""
    runs = Runs(has_effect, most)
    return search(elements, runs), list(runs.known)


def needing(*names):
    """The effect needs all of ``names``."""
    return lambda chosen: chosen >= set(names)


@pytest.mark.parametrize("cause", NAMES)
def test_one_cause_is_found_alone(cause):
    result, tested = found(needing(cause))
    assert result == Search((cause,), (), True, smallest=True)
    # Each alone, and all together: nothing in between.
    assert tested == [frozenset([each]) for each in NAMES] + [frozenset(NAMES)]


@pytest.mark.parametrize("pair", list(itertools.combinations(NAMES, 2)))
def test_two_that_work_only_together(pair):
    result, tested = found(needing(*pair))
    assert result == Search((), pair, True, smallest=True)
    assert len(tested) == len(set(tested)) <= 20


def test_either_of_two_is_enough():
    result, _ = found(lambda chosen: bool(chosen & {"cores", "numpy"}))
    assert result == Search(("cores", "numpy"), (), True, smallest=True)


@pytest.mark.parametrize("cause", list(itertools.combinations(NAMES, 4)))
def test_four_that_work_only_together(cause):
    result, _ = found(needing(*cause))
    assert result == Search((), cause, True, smallest=True)


def test_two_pairs_of_which_each_is_enough():
    result, _ = found(lambda chosen: needing("isa", "numpy")(chosen) or needing("cores", "mode")(chosen))
    assert result.together in (("isa", "numpy"), ("cores", "mode"))
    assert result.smallest


def test_a_smaller_set_that_delta_debugging_passes_over():
    # Not monotone: with the pair, any third setting that is not of the triple spoils it.
    triple, pair = {"launches", "mode", "mindspore"}, {"isa", "numpy"}

    def has_effect(chosen):
        return chosen == pair or chosen >= triple

    *_, last = reductions(frozenset(NAMES), NAMES, has_effect)
    assert last == triple
    result, _ = found(has_effect)
    assert result == Search((), ("isa", "numpy"), True, smallest=True)


def test_alone_but_not_with_all_the_others():
    result, _ = found(lambda chosen: chosen == {"mode"})
    assert result == Search(("mode",), (), False, smallest=True)


def test_nothing_has_the_effect():
    result, tested = found(lambda chosen: False)
    assert (result.found, result.all_of_them, result.complete) == (False, False, True)
    assert len(tested) == len(NAMES) + 1


def test_what_gives_no_answer_is_left_out():
    def has_effect(chosen):
        return None if "mindspore" in chosen else needing("isa", "mode")(chosen)

    result, _ = found(has_effect)
    assert result == Search((), ("isa", "mode"), None, smallest=True)
    # And where nothing gives an answer, there is none.
    assert not found(lambda chosen: None)[0].found


def test_what_gives_an_answer_only_together_stays_in():
    def has_effect(chosen):
        return None if len(chosen & {"numpy", "mode"}) == 1 else needing("numpy", "mode")(chosen)

    assert found(has_effect)[0] == Search((), ("mode", "numpy"), True, smallest=True)


def test_runs_are_limited():
    for most in range(1, 7):
        result, tested = found(needing("mode", "numpy"), most=most)
        assert (result.found, result.complete, len(tested)) == (False, False, most)
    # All together were tested, and what was found by then is told as not the smallest.
    result, _ = found(needing("mode", "numpy"), most=7)
    assert result == Search((), NAMES, True, smallest=False, complete=False)
    result, tested = found(needing("mode", "numpy"), most=10)
    assert set(result.together) >= {"mode", "numpy"}
    assert (result.complete, len(tested)) == (False, 10)
    # A cause that is known when the runs end is told, too.
    assert found(needing("cores"), most=3)[0].alone == ("cores",)


def test_one_element_and_none():
    result, tested = found(needing("isa"), ("isa",))
    assert (result, tested) == (Search(("isa",), (), True, smallest=True), [frozenset(["isa"])])
    assert not found(lambda chosen: True, ())[0].found


def test_each_set_runs_once():
    ran = []
    runs = Runs(ran.append, 2)
    one, other = frozenset("a"), frozenset("b")
    for each in (one, other, one, other):
        runs(each)
    assert ran == [one, other]
    with pytest.raises(Exhausted):
        runs(frozenset("ab"))


def test_any_truth_table_is_answered_truly():
    """Whatever the table says: what is found has the effect, and nothing smaller that was asked for."""
    generator = random.Random(0)
    names = NAMES[:5]
    sets = [frozenset(each) for size in range(6) for each in itertools.combinations(names, size)]
    for _ in range(500):
        table = {each: generator.random() < 0.2 for each in sets}
        table[frozenset()] = False
        result, tested = found(table.__getitem__, names)
        assert len(tested) == len(set(tested))
        assert result.alone == tuple(each for each in names if table[frozenset([each])])
        assert result.all_of_them == table[frozenset(names)]
        if result.together:
            chosen = frozenset(result.together)
            assert table[chosen]
            assert not any(table[each] for each in sets if len(each) < len(chosen))
        else:
            assert result.alone or not table[frozenset(names)]
