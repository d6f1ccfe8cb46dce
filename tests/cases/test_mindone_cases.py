"""Cases for mindone's pipelines: their keys, and what is refused while a suite is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cases.job import SchedulerChoice
from harness.cases.load import load_suite
from harness.cases.problems import SuiteError

DOCS = Path(__file__).parents[2] / "docs" / "mindone.md"
HEAD = """\
suite: s
defaults: {pipeline: 'mindone:DDIMPipeline', checkpoint: c, seed: 0}
cases:
"""


def load(tmp_path: Path, text: str):
    (tmp_path / "s.yaml").write_text(text)
    return load_suite(tmp_path / "s.yaml").cases


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    cases = {case.id: case for case in load(tmp_path, example)}
    assert cases["euler"].definition()["scheduler"] == {
        "class": "EulerDiscreteScheduler",
        "use_karras_sigmas": True,
    }
    assert cases["from-a-picture"].arguments["image"] == {"file": "input.png"}
    assert cases["from-a-picture"].arguments["prompt"] == "a red fox in the snow"


def test_they_carry_the_tag_that_leaves_them_out(tmp_path: Path) -> None:
    text = HEAD + "  - {id: a, tags: [nightly]}\n  - {id: b, pipeline: 'mindone:my.module:make'}\n"
    text += "  - {id: c, pipeline: 'my.mindone:make'}\n"
    assert [case.tags for case in load(tmp_path, text)] == [("mindone", "nightly"), ("mindone",), ()]


def test_steps_may_be_missing_and_the_scheduler_is_part_of_the_definition(tmp_path: Path) -> None:
    plain, chosen = load(tmp_path, HEAD + "  - id: a\n  - {id: b, scheduler: PNDMScheduler}\n")
    assert plain.steps is None
    assert plain.job().steps is None
    assert "scheduler" not in plain.definition()
    assert chosen.job().scheduler == SchedulerChoice("PNDMScheduler")
    assert plain.hash() != chosen.hash()


def test_settings_merge_one_by_one(tmp_path: Path) -> None:
    text = HEAD.replace("seed: 0", "seed: 0, scheduler_arguments: {a: 1, b: 1}")
    (case,) = load(tmp_path, text + "  - {id: a, scheduler_arguments: {b: 2}}\n")
    assert case.definition()["scheduler"] == {"class": None, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "pipeline: ddim, steps: 1, scheduler: PNDMScheduler",
            "4:39: `scheduler` is for the classes of mindone",
        ),
        ("scheduler_arguments: {'a b': 1}", "'a b' is not the name of an argument"),
        ("scheduler_arguments: {class: PNDMScheduler}", "'class' is not the name of an argument"),
        ("scheduler: 'a b'", "4:24: 'a b' is not the name of a class; write as EulerDiscreteScheduler"),
        ("pipeline: 'mindone:a b'", "unknown pipeline 'mindone:a b'"),
        ("arguments: {generator: 1}", "the harness itself passes 'generator'"),
    ],
)
def test_what_they_cannot_have_is_told_with_its_place(tmp_path: Path, entry: str, problem: str) -> None:
    with pytest.raises(SuiteError) as error:
        load(tmp_path, HEAD + f"  - {{id: a, {entry}}}\n")
    assert problem in str(error.value)


def test_a_class_needs_a_checkpoint_and_a_factory_does_not(tmp_path: Path) -> None:
    text = HEAD.replace("checkpoint: c, ", "")
    with pytest.raises(SuiteError, match="the pipeline 'mindone:DDIMPipeline' needs a checkpoint"):
        load(tmp_path, text + "  - id: a\n")
    load(tmp_path, text + "  - {id: a, pipeline: 'mindone:my:make'}\n")
