"""Which cell of two dumps is named: the first whose output is further off than its inputs explain."""

import math

import numpy as np
import pytest

from harness.dumps.comparing import ComparedCall, ComparedTensor, DumpComparison, Exactness
from harness.judgement.dumps import AMPLIFICATION, InputLimit, judge_dumps
from harness.judgement.judgement import Verdict
from harness.tracing.difference import Difference, difference, rounding_of

LINE = rounding_of("float32")


def tensor(relative, label="output.0", dtype="float32", form=None):
    found = None if relative == 0 and form is None else Difference(1, 4, relative, 0.1, 1.0, 1.0, form)
    return ComparedTensor(label, dtype, (2, 2), found)


def call(
    path, given, got, parent=None, *, exact=None, parameters=(), dtype="float32", operator="Dense", index=0
):
    given = given if isinstance(given, (list, tuple)) else [given]
    return ComparedCall(
        path,
        index,
        operator,
        operator,
        None if parent is None else (parent, 0),
        tuple(tensor(each, f"input.{i}", dtype) if not isinstance(each, ComparedTensor) else each
              for i, each in enumerate(given)),
        (got if isinstance(got, ComparedTensor) else tensor(got, dtype=dtype),),
        tuple(parameters),
        exact,
    )  # fmt: skip


def judged(*calls, limit=None, missing=()):
    return judge_dumps(DumpComparison(calls, tuple(missing), (), 0, 0), limit)


def named(judgement):
    return [(each.place, each.path, each.to, each.tensor) for each in judgement.findings]


def test_the_same_bits_are_identical():
    found = judged(call("a", 0, 0), call("b", 0, 0))
    assert (found.verdict, found.same, found.used, found.passed) == (Verdict.IDENTICAL, 2, 0.0, True)
    # As far as both have been seen.
    assert judged(call("a", 0, 0), missing=["b"]).verdict is Verdict.WITHIN


def test_rounding_is_within_and_more_is_a_drift():
    found = judged(call("a", 0, LINE), call("b", LINE, 0))
    assert (found.verdict, found.findings, found.used) == (Verdict.WITHIN, (), 1.0)
    found = judged(call("a", 0, 1.01 * LINE), call("b", LINE, 0))
    assert (found.verdict, named(found)) == (Verdict.DRIFT, [("cell", "a", None, "output.0")])
    assert not found.passed
    assert (found.first.source, found.first.allowed) == (0.0, LINE)


def test_a_cell_may_carry_on_what_it_was_given():
    """Runs of two releases are apart by rounding everywhere, and the first cell is not to blame for all."""
    most = LINE + AMPLIFICATION * 1e-6
    assert judged(call("a", 1e-6, most)).verdict is Verdict.WITHIN
    found = judged(call("a", 1e-6, 1.01 * most))
    assert (named(found), found.first.source) == ([("cell", "a", None, "output.0")], 1e-6)


def test_what_follows_a_fault_is_not_blamed():
    found = judged(
        call("net.a", 0, 1e-3, "net"),
        call("net.b", 1e-3, 2e-3, "net"),
        call("net", 0, 3e-3),
        call("after", 3e-3, 5e-3),
    )
    assert named(found) == [("cell", "net.a", None, "output.0")]


def test_a_second_fault_is_found_behind_the_first():
    found = judged(call("net.a", 0, 1e-4, "net"), call("net.b", 1e-4, 1e-2, "net"), call("net", 0, 1e-2))
    assert [each.path for each in found.findings] == ["net.a", "net.b"]


def test_what_a_cell_passes_on_is_its_own_work():
    """Both inner cells are right; what lies between them is not."""
    found = judged(call("net.a", 0, 0, "net"), call("net.b", 1e-3, 1e-3, "net"), call("net", 0, 1e-3))
    assert named(found) == [("cell", "net", "net.b", "input.0")]
    behind = judged(call("net.a", 0, 0, "net"), call("net", 0, 1e-3))
    assert named(behind) == [("cell", "net", None, "output.0")]


def test_the_order_is_that_of_the_run():
    found = judged(
        call("net.a.x", 0, 0, "net.a"), call("net.a", 1e-3, 1e-3, "net"), call("net.b", 0, 1e-3, "net"),
        call("net", 0, 1e-3),
    )  # fmt: skip
    assert [(each.path, each.to) for each in found.findings] == [("net", "net.a"), ("net.b", None)]


def test_what_the_pipeline_passes_to_its_model():
    found = judged(call("unet", [1e-5, 0], 1e-5))
    assert named(found) == [("model input", "", "unet", "input.0")]
    # Of the two inputs that are off, the one that is further off.
    assert named(judged(call("unet", [1e-5, 1e-4], 1e-4)))[0][3] == "input.1"
    # The result of an earlier model goes into a later one.
    assert judged(call("encoder", 0, LINE), call("unet", LINE, LINE)).verdict is Verdict.WITHIN


def test_a_calibrated_limit_holds_for_the_latents_alone():
    limit = InputLimit(3, 1e-5, ((("unet", 0), "input.0"),))
    found = judged(call("unet", [1e-5, 0], 2e-5), limit=limit)
    assert (found.verdict, found.used) == (Verdict.WITHIN, 1.0)
    found = judged(call("unet", [1.1e-5, 0], 2e-5), limit=limit)
    assert (found.first.place, found.first.allowed, found.first.calibrated) == ("model input", 1e-5, True)
    found = judged(call("unet", [0, 1e-5], 2e-5), limit=limit)
    assert (found.first.tensor, found.first.allowed, found.first.calibrated) == ("input.1", LINE, False)
    # It may be stricter than the line.
    strict = InputLimit(3, LINE / 4, limit.inputs)
    assert not judged(call("unet", [LINE / 2], 0), limit=strict).passed


def test_another_form_is_a_finding_once():
    other = tensor(0, form="float16 here, float32 in the reference")
    found = judged(call("net.a", 0, other, "net"), call("net.b", other, 0.5, "net"), call("net", 0, 0.5))
    assert [each.path for each in found.findings] == ["net.a"]


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_what_is_not_finite_is_beyond_every_limit_once(wrong):
    found = judged(
        call("net.a", 1e-7, wrong, "net"), call("net.b", wrong, wrong, "net"), call("net", 0, wrong)
    )
    assert [each.path for each in found.findings] == ["net.a"]


def test_whole_numbers_do_not_round():
    found = judged(call("a", tensor(0), tensor(1e-9, dtype="int64")))
    assert found.verdict is Verdict.DRIFT


def test_half_precision_has_a_line_of_its_own():
    assert judged(call("a", 0, rounding_of("float16"), dtype="float16")).verdict is Verdict.WITHIN
    assert judged(call("a", 0, rounding_of("float16"))).verdict is Verdict.DRIFT


def test_the_yardstick_acquits_what_is_right_on_both_sides():
    far = 3 * LINE
    assert judged(call("a", 0, far)).verdict is Verdict.DRIFT
    found = judged(call("a", 0, far, exact=Exactness(LINE, LINE)))
    assert (found.verdict, found.recomputed) == (Verdict.WITHIN, 1)


@pytest.mark.parametrize(
    ("exact", "wrong"), [(Exactness(1e-3, 1e-7), "here"), (Exactness(1e-7, 1e-3), "reference")]
)
def test_the_yardstick_convicts_a_side(exact, wrong):
    found = judged(call("a", 0, 1e-3, exact=exact))
    assert (named(found), found.first.wrong) == ([("cell", "a", None, "output.0")], wrong)
    # Even where the inputs differ so much that nothing else would show it.
    found = judged(call("first", 0, 1.0), call("a", 1.0, 1.0, exact=exact))
    assert [(each.path, each.wrong) for each in found.findings] == [("first", None), ("a", wrong)]


def test_the_yardstick_says_nothing_if_neither_side_is_right():
    """A class of this name that computes something else, such as one with a scale of its own."""
    found = judged(call("a", 0, 1e-3, exact=Exactness(0.5, 0.5)))
    assert (found.first.path, found.first.wrong) == ("a", None)
    assert judged(call("a", 1e-3, 1e-3, exact=Exactness(0.5, 0.5)), limit=_latents("a", 1.0)).passed


def test_the_yardstick_convicts_nobody_for_little():
    """One side is just right and one is just not: that is rounding, too."""
    found = judged(
        call("a", 1e-3, 1e-4, exact=Exactness(LINE, AMPLIFICATION * LINE)), limit=_latents("a", 1.0)
    )
    assert found.passed
    found = judged(
        call("a", 1e-3, 1e-4, exact=Exactness(LINE, 1.01 * AMPLIFICATION * LINE)), limit=_latents("a", 1.0)
    )
    assert found.first.wrong == "reference"


def _latents(path, limit):
    return InputLimit(1, limit, (((path, 0), "input.0"),))


def test_other_weights_are_named_with_the_cell_that_has_them():
    weight = tensor(1e-3, "weight")
    found = judged(call("a", 0, 1e-3, parameters=[weight, tensor(0, "bias")]), call("b", 1e-3, 0))
    assert found.first.parameters == (weight,)
    assert found.weights == ("a",)
    assert judged(call("a", 0, 0, parameters=[weight])).verdict is Verdict.WITHIN


def test_a_difference_is_that_of_explain():
    """The line is the one of `harness explain`, on the same figure."""
    a = np.ones(4, np.float32)
    b = a.copy()
    b[0] += np.float32(1e-3)
    found = difference(b, a, "float32")
    judgement = judged(call("a", 0, ComparedTensor("output.0", "float32", (4,), found)))
    assert found.beyond_rounding("float32")
    assert judgement.first.difference == found
