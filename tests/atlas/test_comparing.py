"""Comparing two atlases."""

import numpy as np
import pytest
from atlases import FINGERPRINT, SAMPLE, atlas, conv, packed, result

from harness.atlas.comparing import class_of, compare, same_operators, sample_of
from harness.atlas.result import State

NEXT = np.nextafter(SAMPLE, np.float32(np.inf))


def moved(**changes):
    return conv(**{"sha256": "1" * 64, "sample": packed(NEXT), **changes})


def test_the_same_atlas_has_no_difference():
    found = compare(atlas(), atlas())
    assert (found.equal, found.same, found.moved) == (True, 2, ())


def test_an_operator_with_other_bits_is_named_with_how_far_it_moved():
    found = compare(atlas(), atlas(result(), moved(), mindspore="2.9.0 (def)"))
    assert not found.equal
    assert [each.name for each in found.moved] == ["ops.conv2d sd15 3x3 float32"]
    assert (found.moved[0].sampled, found.moved[0].differing, found.moved[0].ulp_max) == (4, 4, 1.0)
    assert found.moved[0].relative_l2 == pytest.approx(np.linalg.norm(NEXT - SAMPLE) / np.linalg.norm(SAMPLE))
    assert found.classes == {"conv2d 3x3": 1}
    assert found.differences == {"mindspore": ("2.10.0 (abc)", "2.9.0 (def)")}
    assert found.same == 1


def test_what_moved_most_comes_first():
    far = result("ops.sin", sha256="2" * 64, sample=packed(SAMPLE * np.float32(1.5)))
    found = compare(atlas(result("ops.sin"), conv()), atlas(far, moved()))
    assert [each.first.operator for each in found.moved] == ["ops.sin", "ops.conv2d"]


def test_bits_may_differ_outside_the_sample():
    found = compare(atlas(conv()), atlas(moved(sample=packed(SAMPLE))))
    assert (found.moved[0].differing, found.moved[0].ulp_max, found.moved[0].relative_l2) == (0, 0.0, 0.0)


def test_another_shape_or_dtype_has_no_distance():
    for other in (
        moved(shape=(4, 1)),
        moved(result_dtype="float16", sample=packed(SAMPLE.astype(np.float16))),
    ):
        each = compare(atlas(conv()), atlas(other)).moved[0]
        assert (each.sampled, each.ulp_max, each.relative_l2) == (0, None, None)


def test_whole_numbers_differ_without_ulp():
    ours, theirs = (result(result_dtype="int64", sample=packed(np.array([1, each]))) for each in (2, 3))
    each = compare(
        atlas(ours), atlas(conv(), result(result_dtype="int64", sha256="3", sample=theirs.sample))
    ).moved[0]
    assert (each.differing, each.ulp_max) == (1, None)


def test_bfloat16_is_kept_as_its_upper_half():
    halves = (SAMPLE.view(np.uint32) >> 16).astype(np.uint16)
    assert sample_of(result(result_dtype="bfloat16", sample=packed(halves))).tolist() == SAMPLE.tolist()


def test_two_nans_are_the_same_value():
    values = np.array([np.nan, 1.0], np.float32)
    found = compare(atlas(conv(sample=packed(values))), atlas(moved(sample=packed(values))))
    assert found.moved[0].differing == 0


def test_entries_with_numbers_on_one_side_or_another_definition_are_told_apart():
    lost = conv(state=State.CRASHED, sha256="")
    found = compare(atlas(result(), conv()), atlas(result(definition="e" * 16), lost))
    assert [each.operator for each in found.gone] == ["ops.conv2d"]
    assert found.redefined == ("ops.exp sd15 float32",)
    assert (found.moved, found.same, found.equal) == ((), 0, False)
    back = compare(atlas(lost), atlas(conv()))
    assert [each.operator for each in back.appeared] == ["ops.conv2d"]


def test_what_lacks_numbers_on_both_sides_is_no_difference_and_has_no_bits():
    lost = conv(state=State.NO_KERNEL, sha256="")
    found = compare(atlas(lost), atlas(lost))
    assert found.equal
    assert (found.same, found.unmeasured) == (0, 1)
    found = compare(atlas(lost, result()), atlas(lost, result()))
    assert (found.same, found.unmeasured) == (1, 1)


def test_entries_of_one_file_alone_are_counted_and_two_files_without_a_common_one_are_not_equal():
    found = compare(atlas(result()), atlas(conv()))
    assert len(found.alone) == 2
    assert not found.equal


@pytest.mark.parametrize(
    ("each", "name"),
    [
        (conv(), "conv2d 3x3"),
        (result("mint.nn.functional.conv2d", arguments="1x4x8x8, 8x4x1x1"), "conv2d 1x1"),
        (result("nn.Conv2d", arguments="1x64x16x16, in_channels=64, kernel_size=3"), "conv2d 3x3"),
        (result("mint.nn.Linear"), "linear"),
        (result("nn.Dense"), "linear"),
        (result("nn.GroupNorm"), "group_norm"),
        (result("ops.conv1d", arguments="1x64x128, 64x64x3"), "conv1d 3"),
        (result("ops.exp"), "exp"),
    ],
)
def test_the_class_of_an_operator(each, name):
    assert class_of(each) == name


def test_environments_of_the_same_operators():
    assert same_operators(
        FINGERPRINT, {**FINGERPRINT, "mode": "graph", "dtype": "float16", "mindone": "0.5.0"}
    )
    plain = {name: value for name, value in FINGERPRINT.items() if name != "mint_kernels"}
    assert same_operators(FINGERPRINT, plain)
    assert not same_operators(FINGERPRINT, {**FINGERPRINT, "mint_kernels": "harness 2"})
    assert not same_operators(FINGERPRINT, {**FINGERPRINT, "isa": "SSE41"})
    assert not same_operators(FINGERPRINT, {**FINGERPRINT, "mindspore": "2.9.0 (x)"})
