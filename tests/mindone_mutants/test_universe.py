"""What is drawn follows from the seed alone."""

from __future__ import annotations

import itertools
import json

import pytest

from benchmarks.mindone_mutants.page import SAMPLE
from benchmarks.mindone_mutants.universe import AREAS, NIGHTLY, drawn

pytestmark = pytest.mark.mindone


def test_the_areas_take_turns_and_the_order_is_the_published_one() -> None:
    first = list(itertools.islice(drawn(), 8))
    assert [each.area for each in first] == [*AREAS, *AREAS]
    # A change of the operators, of the files or of the seed shows here, and needs a new measurement.
    assert [each.key for each in first[:4]] == [
        "pipelines/controlnet/pipeline_controlnet.py:359 #131",
        "schedulers/scheduling_lcm.py:223 #114",
        "models/attention_processor.py:4199 #6496",
        "models/autoencoders/vae.py:266 #206",
    ]


def test_the_sample_of_the_night_says_nothing_of_the_machine_it_was_made_on() -> None:
    sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    assert len(sample) == NIGHTLY
    assert {(each["verdict"], tuple(each["passed"])) for each in sample} == {("", ())}
    # The areas take turns, so that none is left out.
    assert {each["mutant"]["area"] for each in sample} == set(AREAS)
