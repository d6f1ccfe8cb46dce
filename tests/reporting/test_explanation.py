"""`harness explain` as text and JSON, where figures are none; deep traces that are refused."""

import json
import math

from harness.explanation.causes import Cause
from harness.explanation.evidence import StepDifference, WithoutEnvelope
from harness.judgement.reasons import Failed
from harness.operations.explaining import Explanation, Note
from harness.reporting.commands import Invocation
from harness.reporting.explanation import explanation_json, explanation_text
from harness.tracing.difference import Difference
from harness.tracing.divergence import Divergence, Replay


def finding(difference, **fields):
    made = {
        "place": "cell",
        "path": "unet.block.conv",
        "operator": "Conv2d 3x3",
        "reference_operator": "Conv2d 3x3",
        "tensor": "output",
        "to": None,
        "after": None,
        "ancestors": (("unet", "Net"), ("unet.block", "Block")),
        "dtype": "float32",
        "shape": (1, 2, 4, 4),
        "difference": difference,
        "changes": (),
        "limit": 16 * 2.0**-23,
        "beyond": True,
    }
    return Divergence(**{**made, **fields})


def explanation(*findings, **fields):
    replay = Replay(0, 999, findings, 3, {"Conv2d 3x3": (1, 2), "Dense": (0, 1)}, (), (), True)
    largest = StepDifference(3, 900, "mean", 0.5, None)
    causes = (Cause("numerics", WithoutEnvelope(Failed("other", "the latents differ"), largest, True)),)
    made = {"replay": replay, "finding": findings[0], "notes": (Note("a note"),)}
    return Explanation("guide/a", "the baseline", causes, "cell", **{**made, **fields})


def test_not_a_number_is_told_in_both_forms():
    found = explanation(finding(Difference(32, 32, math.nan, math.inf, math.inf, 5.0)))
    assert explanation_text(found, Invocation()).splitlines() == [
        "guide/a, compared with the baseline: a cell of the model computes something else",
        "",
        "what differs, first cause first:",
        "  1. numerics: the latents differ",
        "     largest after step 3: mean is off by 0.5",
        "",
        "step 0 (timestep 999), cell by cell, each given the reference's inputs (3 calls):",
        "  first difference in bits, and more than rounding:",
        "    block.conv: Conv2d 3x3",
        "      in unet (Net) > block (Block) > conv (Conv2d 3x3)",
        "      output 1x2x4x4 float32: 32 of 32 values differ, relative L2 nan (rounding: up to 1.9e-06), "
        "at most inf, which is inf ulp of the largest value",
        "  cells that give different bits when run individually: 1 of 2 Conv2d 3x3",
        "note: a note",
    ]
    figures = json.loads(explanation_json(found, Invocation()))["replay"]["findings"][0]["difference"]
    assert (figures["relative_l2"], figures["max_abs"], figures["differing"]) == ("nan", "inf", 32)


def test_rounding_first_then_what_is_more():
    rounded = finding(Difference(1, 32, 1e-7, 1e-7, 1.0, 1.0), beyond=False)
    other = finding(Difference(form="a, b"), path="unet", ancestors=(), operator="Odd", tensor="output[1]")
    text = explanation_text(explanation(rounded, other, finding=other), Invocation())
    assert "  first difference in bits, not more than rounding:\n    block.conv: Conv2d 3x3\n" in text
    assert (
        "  first difference that is more than rounding:\n    unet: Odd, Conv2d 3x3 in the reference\n" in text
    )
    assert "      output[1]: a, b\n" in text
    text = explanation_text(explanation(rounded), Invocation())
    assert text.startswith("guide/a, compared with the baseline: no more than rounding in any cell")
    assert "  nowhere more than rounding\n" in text
