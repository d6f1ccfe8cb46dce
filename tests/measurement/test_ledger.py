"""The ledger's generator is numpy's own, bit for bit, and misses no draw."""

import numpy as np
import pytest

from harness.measurement.ledger import Ledger, LedgerGenerator, case_generators


def plain(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_same_values_as_the_plain_generator():
    generator = LedgerGenerator(7, Ledger())
    expected = plain(7)
    for _ in range(3):
        np.testing.assert_array_equal(generator.standard_normal((2, 3)), expected.standard_normal((2, 3)))
        np.testing.assert_array_equal(generator.integers(0, 9, 5), expected.integers(0, 9, 5))
        np.testing.assert_array_equal(generator.permutation(6), expected.permutation(6))


def test_every_drawing_method_of_numpy_is_recorded():
    """A method that a later numpy adds must not slip past the ledger."""
    public = {name for name in dir(np.random.Generator) if not name.startswith("_")}
    assert public - {"bit_generator"} == {name for name in vars(LedgerGenerator) if not name.startswith("_")}


def test_an_entry_says_what_was_drawn_and_where():
    ledger = Ledger()
    generator = LedgerGenerator(0, ledger, index=2)
    generator.standard_normal((1, 4), dtype=np.float32)
    (draw,) = ledger.draws
    assert (draw.generator, draw.method, draw.shape, draw.dtype) == (2, "standard_normal", (1, 4), "<f4")
    assert draw.site.startswith("test_ledger.py:")


def test_the_hash_runs_over_all_that_was_given():
    one, other = Ledger(), Ledger()
    first = LedgerGenerator(0, one)
    second = LedgerGenerator(0, other)
    first.standard_normal(3)
    second.standard_normal(3)
    assert one.draws[-1].sha256 == other.draws[-1].sha256
    first.standard_normal(1)
    first.standard_normal(3)
    second.standard_normal(3)
    assert one.draws[-1].sha256 != other.draws[-1].sha256


def test_another_seed_gives_another_hash():
    ledger = Ledger()
    a, b = case_generators((0, 1), ledger)
    a.standard_normal(3)
    b.standard_normal(3)
    assert ledger.draws[0].sha256 != ledger.draws[1].sha256


def test_a_draw_made_through_another_is_entered_once():
    ledger = Ledger()
    LedgerGenerator(0, ledger).permutation(np.arange(5))
    assert [draw.method for draw in ledger.draws] == ["permutation"]


def test_shuffle_enters_the_shuffled_array():
    ledger, values = Ledger(), np.arange(20)
    LedgerGenerator(3, ledger).shuffle(values)
    other, unshuffled = Ledger(), np.arange(20)
    LedgerGenerator(4, other).shuffle(x=unshuffled)
    assert ledger.draws[0].shape == (20,)
    assert ledger.draws[0].sha256 != other.draws[0].sha256


def test_spawned_generators_keep_the_ledger():
    ledger = Ledger()
    (child,) = LedgerGenerator(0, ledger, index=1).spawn(1)
    (expected,) = plain(0).spawn(1)
    np.testing.assert_array_equal(child.standard_normal(4), expected.standard_normal(4))
    assert [(draw.generator, draw.method) for draw in ledger.draws] == [(1, "standard_normal")]


@pytest.mark.parametrize("value", [b"ab", 3, 2.5])
def test_scalars_and_bytes_are_entered(value):
    ledger = Ledger()
    generator = LedgerGenerator(0, ledger)
    {bytes: lambda: generator.bytes(4), int: lambda: generator.integers(9), float: generator.random}[
        type(value)
    ]()
    assert len(ledger.draws) == 1
