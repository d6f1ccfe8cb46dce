"""Which tensors of two implementations belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.tracing.matching import across, alike, in_order
from harness.tracing.trace import Value

pytestmark = pytest.mark.usefixtures("mindspore")

X, MASK = np.ones((2, 3), np.float32), np.zeros((1, 1, 3), np.float32)


def known(*arrays: Any) -> list[tuple[Value, Any]]:
    made = [np.asarray(array) for array in arrays]
    return [(Value(f"{index}", str(array.dtype)), array) for index, array in enumerate(made)]


def names(found: list[Any]) -> list[tuple[str, str]]:
    return [(label, value.sha256) for label, _, value in found]


def test_the_same_names_belong_together_whatever_their_order() -> None:
    pairs, lonely, missed = across([("mask", MASK), ("x", X)], ("x", "mask"), known(X, MASK))
    assert names(pairs) == [("mask", "1"), ("x", "0")]
    assert (lonely, missed) == ([], [])


def test_other_names_belong_together_by_order_and_shape() -> None:
    pairs, lonely, missed = across([("input", X)], ("hidden_states",), known(X))
    assert names(pairs) == [("input", "0")]
    assert (lonely, missed) == ([], [])


def test_a_tensor_without_a_partner_is_named() -> None:
    pairs, lonely, missed = across([("x", X), ("mask", MASK)], ("x", "bias"), known(X, np.ones(4)))
    assert names(pairs) == [("x", "0")]
    assert (lonely, missed) == (["mask"], ["bias"])


def test_flags_and_numbers_without_a_partner_do_not_count() -> None:
    ours = [("x", X), ("return_dict", False), ("scale", 2.0)]
    pairs, lonely, missed = across(ours, ("x", "use_cache", "scale"), known(X, True, 2.0))
    assert names(pairs) == [("x", "0"), ("scale", "2")]
    assert (lonely, missed) == ([], [])


def test_flags_are_not_compared() -> None:
    pairs, lonely, missed = across([("return_dict", False)], ("return_dict",), known(True))
    assert (pairs, lonely, missed) == ([], [], [])


def test_within_one_implementation_the_order_counts() -> None:
    assert names(in_order([("x", X), ("y", MASK)], [value for value, _ in known(X, MASK)])) == [
        ("x", "0"),
        ("y", "1"),
    ]


def test_integers_are_compared_by_value_and_masks_by_what_they_mask() -> None:
    ours, theirs = alike(np.ones(3, np.int32), np.ones(3, np.int64))
    assert ours.dtype == theirs.dtype == np.int64
    ours, theirs = alike(np.zeros((1, 1, 1, 5)), np.zeros((1, 1, 4, 5)))
    assert ours.shape == theirs.shape == (1, 1, 4, 5)


def test_other_shapes_and_dtypes_stay_as_they_are() -> None:
    ours, theirs = alike(np.zeros((2, 3)), np.zeros((3, 2)))
    assert (ours.shape, theirs.shape) == ((2, 3), (3, 2))
    ours, theirs = alike(np.zeros(3, np.float16), np.zeros(3, np.float32))
    assert (ours.dtype, theirs.dtype) == (np.float16, np.float32)
