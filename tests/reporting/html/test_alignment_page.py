"""The page of `harness align`: each case, and the module of both sides next to each other."""

from __future__ import annotations

import numpy as np
from samples import make_case

from harness.explanation.hypotheses.fitting import Hypothesis
from harness.explanation.hypotheses.kinds import Factor
from harness.judgement.yardstick import Distance
from harness.operations.alignment import Alignment
from harness.reporting.commands import Invocation
from harness.reporting.html.alignment_page import alignment_page
from harness.tracing.difference import Difference
from harness.tracing.divergence import Divergence, Replay
from harness.tracing.observed import Observed

VALUES = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def alignment(settings: dict[str, object]) -> Alignment:
    found = Divergence(
        "cell", "unet.conv", "Conv2d 3x3", "Conv2d 3x3", "output", None, None, (), "float32", (2, 3),
        Difference(6, 6, 0.5, 0.5, 1.0, 1.0), (), 1.9e-6, True,
    )  # fmt: skip
    observed = Observed((("x", VALUES),), VALUES, VALUES / 2, "float32", "float32", {"eps": 1e-6}, settings)
    return Alignment(
        make_case(),
        {"diffusers": "0.35.2"},
        distances=(Distance(0, 0.5, 1e-7, 4e-7), Distance(None, 1e-7, 1e-7, 4e-7)),
        replay=Replay(0, 999, (found,), 1, {}, (), (), True),
        finding=found,
        mistake=Hypothesis(Factor(0.5), 0.0),
        observed=observed,
        conclusion="place",
    )


def test_both_sides_are_next_to_each_other_and_differences_are_marked() -> None:
    page = alignment_page([alignment({"eps": 1e-5, "<b>": 1})], Invocation("baselines"))
    assert "<h1>1 case: 1 place</h1>" in page
    assert "every value is 0.5 times the original&#x27;s" in page
    row = next(line for line in page.split("<tr") if ">eps<" in line)
    assert "1e-05" in row
    assert "1e-06" in row
    assert row.count("differs") == 2
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "float32 2x3" in page
    assert "-1, -0.6, -0.2, 0.2, 0.6, 1" in page
    assert "default-src &#x27;none&#x27;" in page


def test_what_is_the_same_is_not_marked() -> None:
    page = alignment_page([alignment({"eps": 1e-6})], Invocation("baselines"))
    row = next(line for line in page.split("<tr") if ">eps<" in line)
    assert "1e-06" in row
    assert "differs" not in row


def test_each_step_has_its_distance_and_limit() -> None:
    page = alignment_page([alignment({})], Invocation("baselines"))
    assert "step 0" in page
    assert page.count("4e-07") >= 2
