"""What atlases of two environments add to an explanation."""

import numpy as np
import pytest
from atlases import FINGERPRINT, SAMPLE, atlas, conv, packed, result

from harness.codec import from_json, to_json
from harness.explanation.atlases import atlas_evidence, cell_class, with_atlases
from harness.explanation.causes import Cause
from harness.explanation.evidence import AtlasesDiffer, AtlasMissing, EnvironmentDiffers, MovedClass
from harness.judgement.tiers import FieldDifference
from harness.reporting.causes import cause_details, cause_title
from harness.tracing.difference import Difference
from harness.tracing.divergence import Divergence, Replay

OLD = {**FINGERPRINT, "mindspore": "2.8.0 (old)"}
NEXT = packed(np.nextafter(SAMPLE, np.float32(np.inf)))
BEFORE = atlas(result(), conv(), conv("flux 3x3"), mindspore=OLD["mindspore"])
AFTER = atlas(result(), conv(sha256="1" * 64, sample=NEXT), conv("flux 3x3"))


def replay(operator, place="cell"):
    found = Divergence(
        place, "unet.conv", operator, operator, "output", None, None, (), "float32", (1, 4),
        Difference(1, 4, 1e-7, 1e-7, 1.0, 1.0), (), 1.9e-6, False,
    )  # fmt: skip
    return Replay(0, 999, (found,), 3, {}, (), (), True)


def evidence(found, atlases=(BEFORE, AFTER)):
    return atlas_evidence(atlases, FINGERPRINT, OLD, found)


def test_the_class_of_the_first_cell_that_moved_is_named():
    found = evidence(replay("Conv2d 3x3"))
    assert isinstance(found, AtlasesDiffer)
    assert (found.cell, found.operator, found.same) == ("conv2d 3x3", "Conv2d 3x3", 2)
    assert [(each.name, each.moved, each.same) for each in found.classes] == [("conv2d 3x3", 1, 1)]
    assert found.classes[0].relative_l2 == pytest.approx(9.6e-8, rel=0.01)
    assert cause_title(found) == (
        "between these environments conv2d 3x3 differs, and it is the first cell that moved (Conv2d 3x3)"
    )
    details = cause_details(found)
    assert details[0].startswith("conv2d 3x3: 1 of 2 in the atlases differ, by up to ")
    assert details[-1] == "2 results of the atlases are the same"
    assert from_json(Cause, to_json(Cause("environment", found))).evidence == found


def test_a_cell_of_another_class_is_not_explained_by_it():
    found = evidence(replay("Dense"))
    assert found.cell is None
    assert cause_title(found) == (
        "between these environments operators differ: conv2d 3x3; the first cell that moved, Dense, is none "
        "of them"
    )


@pytest.mark.parametrize("found", [None, replay("Conv2d 3x3", place="latents")])
def test_without_a_cell_the_classes_are_named(found):
    assert cause_title(evidence(found)) == "between these environments operators differ: conv2d 3x3"


def test_the_class_of_the_cell_comes_first_among_many():
    many = [MovedClass(name, 9, 0, None) for name in "abcde"]
    classes = (*many, MovedClass("conv2d 3x3", 1, 0, 0.5))
    details = cause_details(AtlasesDiffer(classes, "Conv2d 3x3", "conv2d 3x3", 7))
    assert details[0] == "conv2d 3x3: 1 of 1 in the atlases differ, by up to 0.5 (relative L2)"
    assert details[1] == "a: 9 of 9 in the atlases differ"
    assert details[-2] == "and 2 more classes"


def test_an_atlas_of_neither_side_is_asked_for():
    found = evidence(None, (BEFORE,))
    assert found == AtlasMissing(True, False, 1)
    assert cause_title(found) == "of 1 given, no atlas is of the environment of this run"
    both = atlas_evidence((BEFORE,), {**OLD, "isa": "SSE41"}, {**OLD, "isa": "AVX"}, None)
    assert cause_title(both).endswith("is of the environment of this run and the reference")


def test_nothing_is_said_without_atlases_or_without_a_difference():
    assert evidence(None, ()) is None
    assert atlas_evidence((BEFORE,), OLD, OLD, None) is None


def test_it_follows_the_environment():
    own = Cause("environment", EnvironmentDiffers((FieldDifference("isa", "a", "b"),), (), 0))
    numerics = Cause("numerics", AtlasMissing(True, True, 0))
    added = with_atlases((own, numerics), evidence(None))
    assert [each.kind for each in added] == ["environment", "environment", "numerics"]
    assert isinstance(added[1].evidence, AtlasesDiffer)
    assert with_atlases((numerics,), evidence(None))[-1].kind == "environment"
    assert with_atlases((own,), None) == (own,)


@pytest.mark.parametrize(
    ("operator", "name"),
    [
        ("Conv2d 3x3", "conv2d 3x3"),
        ("Dense", "linear"),
        ("GroupNorm", "group_norm"),
        ("Own", "own"),
    ],
)
def test_the_class_of_a_cell(operator, name):
    assert cell_class(operator) == name
