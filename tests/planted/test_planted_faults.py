"""The collection of faults is well formed and fits the installed mindone, and each stands for a real fix."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from benchmarks.planted.checking import the_case
from benchmarks.planted.faults import HYPOTHESES, PIPELINE, chosen, load
from benchmarks.planted.planting import faulty_text, package_of

ROOT = Path(__file__).parents[2]
FAULTS = load()
LINK = re.compile(
    r"https://github\.com/(huggingface/diffusers|mindspore-lab/mindone)/(pull/[0-9]+|commit/[0-9a-f]{7,40})"
)
ENTRY = """
- name: one
  link: https://github.com/huggingface/diffusers/pull/1
  mended: It was wrong.
  file: diffusers/models/attention.py
  old: right
  new: wrong
  case: suites/mindone/ddim.yaml::ten-steps
  component: unet
  module: [time_proj, "down_blocks.*.attentions.*"]
  hypothesis: other
"""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_each_is_complete(fault):
    assert LINK.fullmatch(fault.link), fault.link
    assert fault.mended.endswith(".")
    assert fault.old != fault.new
    assert Path(fault.file).suffix == ".py"
    # A module is named where there is one.
    assert bool(fault.modules) != (fault.component == PIPELINE or fault.component.endswith("scheduler"))
    case = the_case(fault, ROOT)
    assert case.pipeline.startswith("mindone:")
    assert (ROOT / "baselines" / case.suite / case.id).is_dir(), "a fault is judged by the case's baseline"


def test_together_they_are_many_and_of_many_kinds():
    assert len(FAULTS) >= 28
    assert len({each.name for each in FAULTS}) == len(FAULTS)
    assert len({each.link for each in FAULTS}) == len(FAULTS), "a fix counts once"
    assert {kind for each in FAULTS for kind in each.hypotheses} <= HYPOTHESES
    assert len({each.component for each in FAULTS}) >= 8


@pytest.mark.mindone
@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_each_fits_the_installed_mindone(fault):
    compile(faulty_text(fault, package_of(sys.executable)), fault.file, "exec")


def test_several_modules_and_patterns(tmp_path):
    (tmp_path / "faults.yaml").write_text(ENTRY)
    (fault,) = load(tmp_path / "faults.yaml")
    assert fault.at("time_proj")
    assert fault.at("down_blocks.0.attentions.1")
    assert not fault.at("down_blocks.0.resnets.1")
    assert fault.hypotheses == ("other",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("hypothesis: other", "hypothesis: nonsense", "one: a hypothesis is one of"),
        ("hypothesis: other", "hypothesis: []", "one: a hypothesis is one of"),
        ("  mended: It was wrong.\n", "", "too many or too few of these keys: mended"),
        ("component: unet", "component: unet\n  step: 3", "too many or too few of these keys: step"),
    ],
)
def test_what_is_malformed_is_named(tmp_path, old, new, told):
    assert old in ENTRY
    (tmp_path / "faults.yaml").write_text(ENTRY.replace(old, new))
    with pytest.raises(ValueError, match=told):
        load(tmp_path / "faults.yaml")


def test_faults_are_chosen_by_name():
    assert chosen(FAULTS, []) == FAULTS
    assert chosen(FAULTS, [FAULTS[1].name]) == [FAULTS[1]]
    with pytest.raises(ValueError, match="no fault is called nothing"):
        chosen(FAULTS, ["nothing"])
