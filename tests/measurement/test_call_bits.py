"""What differs between two calls of a pipeline: the first difference, draws before steps and output."""

from dataclasses import replace

import pytest
from samples import make_measurement

from harness.codec import from_json, to_json
from harness.measurement.measurement import Measurement
from harness.measurement.second_call import CallBits, Outcome, SecondCall

BASE = make_measurement()
FIRST = CallBits(BASE.ledger, BASE.trace, "a")
DIFFERS = Outcome.DIFFERS


def moved(step, **fields):
    return tuple(replace(each, **fields) if each.step == step else each for each in FIRST.steps)


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (FIRST, SecondCall(Outcome.SAME)),
        (replace(FIRST, draws=(replace(FIRST.draws[0], site="other.py:1"),)), SecondCall(Outcome.SAME)),
        (replace(FIRST, draws=(replace(FIRST.draws[0], sha256="b"),)), SecondCall(DIFFERS, "draw", 0)),
        (replace(FIRST, draws=FIRST.draws * 2), SecondCall(DIFFERS, "draws", 2)),
        (replace(FIRST, draws=()), SecondCall(DIFFERS, "draws", 0)),
        (replace(FIRST, steps=moved(1, sha256="b")), SecondCall(DIFFERS, "step", 1)),
        (replace(FIRST, steps=moved(0, timestep=3)), SecondCall(DIFFERS, "step", 0)),
        (replace(FIRST, steps=FIRST.steps[:1]), SecondCall(DIFFERS, "steps", 1)),
        (replace(FIRST, output="b"), SecondCall(DIFFERS, "output")),
        (replace(FIRST, draws=FIRST.draws * 2, output="b"), SecondCall(DIFFERS, "draws", 2)),
        (replace(FIRST, steps=moved(1, sha256="b"), output="b"), SecondCall(DIFFERS, "step", 1)),
    ],
)
def test_the_first_difference_is_found(second, found):
    assert FIRST.compared(second) == found
    assert from_json(SecondCall, to_json(found)) == found


def test_it_is_stored_but_neither_bits_nor_required():
    measured = replace(BASE, second_call=SecondCall(DIFFERS, "step", 1))
    assert measured.bits == BASE.bits
    assert Measurement.from_wire(measured.to_wire()).second_call == measured.second_call
    older = measured.figures()
    del older["second_call"]
    assert Measurement.of(older, measured.arrays).second_call is None
