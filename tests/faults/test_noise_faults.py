"""Faulty generators by themselves: what they give, and what the ledger says they gave."""

import numpy as np
import pytest

from harness.faults.catalogue import FAULTS, FaultNotApplicable
from harness.faults.noise import check_acted, faulty_generators
from harness.measurement.ledger import Ledger, case_generators

NOISE_FAULTS = [known.name for known in FAULTS if known.family == "noise"]
SHAPE = (1, 3, 4, 4)


def drawn(name, seeds=(7,), size=None, shape=SHAPE):
    ledger = Ledger()
    generators = faulty_generators(name, size, seeds, ledger)
    return [generator.standard_normal(shape) for generator in generators], ledger, generators


def plain(seed=7, bits=np.random.PCG64):
    return np.random.Generator(bits(seed))


def test_what_each_fault_gives():
    values = plain().standard_normal(SHAPE)
    last_first = plain().standard_normal((1, 4, 4, 3)).transpose(0, 3, 1, 2)
    late = plain()
    late.standard_normal()
    expected = {
        "other-seed": plain(8).standard_normal(SHAPE),
        "other-bit-generator": plain(7, np.random.MT19937).standard_normal(SHAPE),
        "float32-draw": plain().standard_normal(SHAPE, np.float32),
        "draw-order": values.ravel().reshape(SHAPE[::-1]).transpose(3, 2, 1, 0),
        "channel-order": last_first,
        "extra-draw": late.standard_normal(SHAPE),
    }
    for name, array in expected.items():
        ((given,), _, generators) = drawn(name)
        np.testing.assert_array_equal(given, array)
        assert given.dtype == array.dtype
        check_acted(name, generators)


def test_a_shared_generator_gives_the_second_image_what_comes_next():
    (first, second), _, generators = drawn("shared-generator", seeds=(7, 8))
    source = plain()
    np.testing.assert_array_equal(first, source.standard_normal(SHAPE))
    np.testing.assert_array_equal(second, source.standard_normal(SHAPE))
    check_acted("shared-generator", generators)


def test_the_ledger_holds_what_was_given():
    for name in set(NOISE_FAULTS) - {"noise-scaled"}:
        arrays, ledger, _ = drawn(name, seeds=(7, 8))
        again = Ledger()
        for index, array in enumerate(arrays):
            if name == "extra-draw":
                again.enter(index, "standard_normal", plain(7 + index).standard_normal(), "")
            again.enter(index, "standard_normal", array, "")
        hashes = {(draw.generator, draw.sha256) for draw in ledger.draws}
        assert hashes == {(draw.generator, draw.sha256) for draw in again.draws}


def test_the_ledger_cannot_see_noise_that_is_scaled_after_it_was_drawn():
    ledgers, arrays = [], []
    for make in (
        lambda ledger: faulty_generators("noise-scaled", 1e-3, (7,), ledger),
        lambda ledger: case_generators((7,), ledger),
    ):
        ledgers.append(Ledger())
        (generator,) = make(ledgers[-1])
        generator.integers(0, 9, 3)
        out = np.empty(SHAPE)
        arrays.append(
            [generator.standard_normal(SHAPE), generator.standard_normal(out=out), generator.normal()]
        )
        assert arrays[-1][1] is out
    assert ledgers[0].draws == ledgers[1].draws
    (scaled, later, last), (sound, *rest) = arrays
    np.testing.assert_allclose(scaled, sound * 1.001, rtol=1e-15)
    assert not np.array_equal(scaled, sound)
    np.testing.assert_array_equal(later, rest[0])
    assert last == rest[1]


@pytest.mark.parametrize("name", NOISE_FAULTS)
def test_a_pipeline_that_draws_nothing(name):
    with pytest.raises(FaultNotApplicable, match=name):
        check_acted(name, faulty_generators(name, 1e-3, (7, 8), Ledger()))


@pytest.mark.parametrize("name", ["float32-draw", "draw-order", "channel-order", "noise-scaled"])
def test_draws_that_a_fault_does_not_concern_are_left_alone(name):
    (generator,) = faulty_generators(name, 1e-3, (7,), Ledger())
    source = plain()
    out, expected = np.empty(4, np.float32), np.empty(4, np.float32)
    if name != "noise-scaled":
        np.testing.assert_array_equal(
            generator.standard_normal(4, np.float32, out), source.standard_normal(4, np.float32, expected)
        )
        assert generator.normal() == source.normal()
    np.testing.assert_array_equal(generator.integers(0, 9, (3, 3)), source.integers(0, 9, (3, 3)))
    assert generator.bytes(3) == source.bytes(3)
    with pytest.raises(FaultNotApplicable):
        check_acted(name, [generator])


def test_an_array_of_the_callers_is_changed_in_place():
    (generator,) = faulty_generators("draw-order", None, (7,), Ledger())
    out = np.empty((3, 4), np.float32)
    assert generator.standard_normal(out=out, dtype=np.float32) is out
    np.testing.assert_array_equal(out, plain().standard_normal(12, np.float32).reshape(4, 3).T)


@pytest.mark.parametrize("name", ["noise-scaled", "draw-order"])
def test_a_draw_that_is_made_through_another_is_changed_once(name):
    def draw(generator):
        return generator.multivariate_normal([0, 0, 0], np.eye(3), 4)

    ledger, sound_ledger = Ledger(), Ledger()
    (generator,) = faulty_generators(name, 0.5, (7,), ledger)
    values, sound = draw(generator), draw(*case_generators((7,), sound_ledger))
    expected = sound * 1.5 if name == "noise-scaled" else sound.ravel().reshape(3, 4).T
    np.testing.assert_array_equal(values, expected)
    assert len(ledger.draws) == 1
    assert (ledger.draws == sound_ledger.draws) == (name == "noise-scaled")
