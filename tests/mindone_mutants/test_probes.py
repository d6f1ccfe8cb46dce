"""What counts as another result: more than rounding, or another form."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mindone_mutants.probes import differs

SOUND = np.linspace(1.0, 2.0, 50, dtype=np.float32)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SOUND, False),
        (np.nextafter(SOUND, np.float32(3)), False),
        (SOUND * np.float32(1 + 1e-5), True),
        (SOUND[:49], True),
        (SOUND.astype(np.float64), True),
        (np.where(SOUND == 1, np.float32("nan"), SOUND), True),
    ],
    ids=["same", "rounding", "moved", "shape", "dtype", "nan"],
)
def test_a_result_differs(other: np.ndarray, expected: bool) -> None:
    assert differs([SOUND], [other]) is expected


def test_another_number_of_arrays_differs() -> None:
    assert differs([SOUND], [SOUND, SOUND])


def test_float16_is_held_to_its_own_rounding() -> None:
    half = SOUND.astype(np.float16)
    assert not differs([half], [(half * np.float16(1.001)).astype(np.float16)])
    assert differs([half], [(half * np.float16(1.02)).astype(np.float16)])
