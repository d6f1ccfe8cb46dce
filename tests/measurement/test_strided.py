"""Noise that is not contiguous in memory has the values of any other."""

import numpy as np
import pytest

from harness.measurement.ledger import Ledger, case_generators
from harness.measurement.strided import strided_generators


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("standard_normal", ((2, 3), "float32")), ("integers", (0, 9, (4,))), ("random", ((1, 2, 3),))],
)
def test_the_values_and_the_ledger_are_the_same_and_the_memory_is_not(method, arguments):
    plain, strided = Ledger(), Ledger()
    (ours,), (theirs,) = strided_generators((5,), strided), case_generators((5,), plain)
    for _ in range(2):
        found, expected = getattr(ours, method)(*arguments), getattr(theirs, method)(*arguments)
        assert np.array_equal(found, expected)
        assert found.dtype == expected.dtype
        assert not found.flags.c_contiguous
    assert [each.sha256 for each in strided.draws] == [each.sha256 for each in plain.draws]


def test_numbers_and_the_callers_own_arrays_stay_as_they_are():
    (generator,) = strided_generators((5,), Ledger())
    assert isinstance(generator.standard_normal(), float)
    own = np.empty(3)
    assert generator.standard_normal(out=own) is own
    assert not generator.spawn(1)[0].standard_normal((2, 3)).flags.c_contiguous
