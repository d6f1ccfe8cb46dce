"""How a case in graph mode is compiled: part of the case, of the fingerprint, and what MindSpore is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cases.case import Case
from harness.cases.job import JitSettings, Job
from harness.cases.load import load_suite
from harness.execution.messages import Context
from harness.execution.runner import Runner
from harness.judgement.tiers import Tier, choose_tier
from harness.pipelines.errors import PipelineError

SUITE = """\
suite: compiled
defaults: {pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0, steps: 2, mode: graph}
cases:
  - {id: plain}
  - {id: fused, jit: {level: O1}}
  - {id: whole, jit: {level: O2, exec_order: dfs}}
  - {id: boosted, jit: {infer_boost: true}}
"""


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, Case]:
    path = tmp_path / "compiled.yaml"
    path.write_text(SUITE)
    return {case.id: case for case in load_suite(path).cases}


def test_the_settings_are_those_of_mindspore(cases: dict[str, Case]) -> None:
    given = {name: case.jit.arguments() if case.jit else None for name, case in cases.items()}
    assert given == {
        "plain": None,
        "fused": {"jit_level": "O1"},
        "whole": {"backend": "GE", "exec_order": "dfs"},
        "boosted": {"infer_boost": "on"},
    }
    assert JitSettings(infer_boost=False).arguments() == {"infer_boost": "off"}


def test_they_decide_the_result_and_travel_to_the_worker(cases: dict[str, Case]) -> None:
    assert len({case.hash() for case in cases.values()}) == 4
    assert "jit" not in cases["plain"].definition()
    assert cases["whole"].definition()["jit"] == {"level": "O2", "exec_order": "dfs"}
    for case in cases.values():
        assert Job.from_wire(case.job().to_wire()) == case.job()
    assert len({Context.of(case.job()) for case in cases.values()}) == 4


def test_a_change_of_them_is_another_kind_of_device() -> None:
    plain = {"device": "Ascend", "soc": "x", "mode": "graph"}
    assert choose_tier({**plain, "jit": "level O1"}, plain) is Tier.ACROSS_DEVICES


def test_they_are_in_the_fingerprint_and_move_no_bit_on_a_cpu(cases: dict[str, Case]) -> None:
    with Runner() as runner:
        found: dict[str, Any] = {name: runner.run(case.job()) for name, case in cases.items()}
    words = {name: each.fingerprint.get("jit") for name, each in found.items()}
    assert words == {
        "plain": None,
        "fused": "level O1",
        "whole": "level O2, exec_order dfs",
        "boosted": "infer_boost true",
    }
    for each in found.values():
        np.testing.assert_array_equal(each.output, found["plain"].output)


def test_a_release_without_a_setting_is_an_error(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.pipelines.unconditional import DDIMPipeline

    def jit(_: Any, **settings: Any) -> Any:
        raise ValueError(f"unknown {sorted(settings)}")

    pipe = DDIMPipeline.from_pretrained("builtin:ddpm-digits")
    monkeypatch.setattr(mindspore, "jit", jit)
    with pytest.raises(PipelineError, match=r"does not take the settings .*exec_order.*unknown"):
        pipe.compile(exec_order="bfs")


def test_other_pipelines_have_no_jit(tmp_path: Path, cases: dict[str, Case]) -> None:
    own = SUITE.replace("pipeline: ddim", "pipeline: 'my.module:factory'")
    path = tmp_path / "own.yaml"
    path.write_text(own)
    with pytest.raises(Exception, match="`jit` is for ddim, ddpm and the classes of mindone; any"):
        load_suite(path)
    with (
        Runner() as runner,
        pytest.raises(Exception, match="`jit` is for ddim, ddpm and the classes"),
    ):
        runner.run(replace(cases["fused"].job(), mode="pynative"))
