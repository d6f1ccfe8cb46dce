"""mindone in graph mode: the denoising model is compiled, and what cannot be compiled is one clear error."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from samples import make_case

from harness.baselines.baseline import Baseline, Provenance
from harness.cases.job import JitSettings, Job
from harness.errors import FailureCause, HarnessError
from harness.execution.runner import Runner
from harness.explanation.causes import root_causes
from harness.judgement.tiers import Tier, choose_tier
from harness.judgement.verdicts import judge
from harness.operations.deep import same_bits_in_pynative, trace_that_replays
from harness.pipelines.compiled import NotCompiled, compile_models
from harness.pipelines.errors import PipelineError
from harness.reporting.causes import cause_title

CHECKPOINTS = Path(__file__).parents[2] / "suites" / "mindone" / "checkpoints"


def case(**fields: Any) -> Any:
    sound = {
        "path": CHECKPOINTS / "suite.yaml",
        "pipeline": "mindone:DDIMPipeline",
        "checkpoint": "ddim",
        "steps": 3,
        "seeds": (0,),
        "arguments": {},
        "tolerance": {"across_devices": {"relative_l2": 1e-6}},
    }
    return make_case(**{**sound, **fields})


@pytest.fixture(scope="module")
def runner() -> Any:
    with Runner(timeout=300) as runner:
        yield runner


@pytest.fixture(scope="module")
def measured(runner: Runner) -> Any:
    return {mode: runner.run(case(mode=mode).job("always")) for mode in ("pynative", "graph")}


@pytest.mark.mindone
def test_a_compiled_unet_is_within_rounding_of_pynative(measured: Any) -> None:
    plain, graph = measured["pynative"], measured["graph"]
    stored = Baseline("s", "c", "cpu", plain, Provenance.of(case(), reason="first", git_commit=None))
    assert judge(case(), graph, stored).passed
    # Other operators computed it: the kernels of harness are not called, and rounding differs.
    assert plain.replaced_kernels["Conv2DExt"]
    assert "Conv2DExt" not in graph.replaced_kernels
    assert not np.array_equal(graph.output, plain.output)
    assert len(graph.trace) == len(plain.trace) == 3


@pytest.mark.mindone
def test_it_repeats_its_bits(runner: Runner, measured: Any) -> None:
    first = measured["graph"]
    assert first.second_call.outcome == "same"
    again = runner.run(case(mode="graph").job().alone())
    np.testing.assert_array_equal(again.output, first.output)


@pytest.mark.mindone
def test_the_mode_and_jit_are_in_the_fingerprint(runner: Runner, measured: Any) -> None:
    fused = runner.run(replace(case(mode="graph").job(), jit=JitSettings(level="O1")))
    assert (fused.fingerprint["mode"], fused.fingerprint["jit"]) == ("graph", "level O1")
    np.testing.assert_array_equal(fused.output, measured["graph"].output)
    assert measured["graph"].fingerprint["graph_operators"].startswith("harness ")
    assert "graph_operators" not in measured["pynative"].fingerprint


@pytest.mark.mindone
def test_a_drift_between_the_modes_names_the_mode_as_its_cause(measured: Any) -> None:
    plain, graph = measured["pynative"], measured["graph"]
    assert choose_tier(graph.fingerprint, plain.fingerprint) is Tier.ACROSS_DEVICES
    stored = Baseline("s", "c", "cpu", plain, Provenance.of(case(), reason="first", git_commit=None))
    first = root_causes(graph, stored)[0]
    assert first.kind == "environment"
    assert re.fullmatch(r"the environment differs: .*\bmode\b.*", cause_title(first.evidence))


@pytest.mark.mindone
def test_its_cells_are_watched_in_pynative(runner: Runner) -> None:
    compiled = case(mode="graph")
    job = replace(compiled.job(), jit=JitSettings(level="O0"))
    assert any(call.of_cell for call in trace_that_replays(job, runner, 1).calls)
    # The bits of graph mode are others, and the explanation says so.
    assert not same_bits_in_pynative(compiled)
    assert same_bits_in_pynative(make_case(mode="graph"))


@pytest.fixture
def cells(mindspore: Any) -> Any:
    from mindspore import mint, nn

    class Curving(nn.Cell):
        def construct(self, sample: Any, timestep: Any) -> Any:
            return mint.nn.functional.elu(sample * timestep)

    class Convolving(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.conv = mint.nn.Conv2d(2, 3, 3, padding=1)

        def construct(self, sample: Any, timestep: Any) -> Any:
            return self.conv(sample) + timestep

    class Decoding(nn.Cell):
        def construct(self, latents: Any) -> Any:
            return latents

    return SimpleNamespace(Curving=Curving, Convolving=Convolving, Decoding=Decoding, Tensor=mindspore.Tensor)


def test_an_operator_without_a_kernel_is_one_clear_error(cells: Any) -> None:
    pipeline = SimpleNamespace(unet=cells.Curving())
    compile_models("mindone:Mine", pipeline, {})
    told = r"^unet, a Curving, cannot be compiled: MindSpore has no kernel for the operator EluExt; leave out"
    one = cells.Tensor(np.ones(3, np.float32))
    with pytest.raises(NotCompiled, match=told) as raised:
        pipeline.unet(one, one)
    assert raised.value.cause is FailureCause.NOT_COMPILED
    assert (raised.value.part, raised.value.kind) == ("unet", "Curving")


def test_an_error_of_a_model_that_has_been_compiled_is_its_own(cells: Any) -> None:
    pipeline = SimpleNamespace(prior=cells.Convolving())
    compile_models("mindone:Mine", pipeline, {})
    one = cells.Tensor(np.float32(1))
    wrong = cells.Tensor(np.ones((1, 5, 4, 4), np.float32))
    with pytest.raises(NotCompiled):
        pipeline.prior(wrong, one)
    pipeline.prior(cells.Tensor(np.ones((1, 2, 4, 4), np.float32)), one)
    with pytest.raises((ValueError, RuntimeError)) as raised:
        pipeline.prior(wrong, one)
    assert not isinstance(raised.value, HarnessError)


def test_running_out_of_memory_is_not_the_compilers_fault(cells: Any, monkeypatch: Any) -> None:
    pipeline = SimpleNamespace(prior=cells.Convolving())
    monkeypatch.setattr("mindspore.jit", lambda construct, **_: _without_memory)
    compile_models("mindone:Mine", pipeline, {})
    with pytest.raises(MemoryError):
        pipeline.prior(cells.Tensor(np.ones((1, 2, 4, 4), np.float32)), cells.Tensor(np.float32(1)))


def _without_memory(*_: Any, **__: Any) -> None:
    raise MemoryError


def test_only_models_that_run_in_each_step_are_compiled(cells: Any) -> None:
    pipeline = SimpleNamespace(prior=cells.Convolving(), vae=cells.Decoding())
    before = pipeline.prior.conv.conv2d
    compile_models("mindone:Mine", pipeline, {})
    assert "construct" in vars(pipeline.prior)
    assert "construct" not in vars(pipeline.vae)
    sample, step = np.ones((1, 2, 4, 4), np.float32), np.float32(2)
    found = pipeline.prior(cells.Tensor(sample), cells.Tensor(step))
    assert found.shape == (1, 3, 4, 4)
    # What runs in PyNative has its operators back.
    assert pipeline.prior.conv.conv2d is before
    with pytest.raises(PipelineError, match="Mine has no model that takes a timestep, so there is nothing"):
        compile_models("mindone:Mine", SimpleNamespace(vae=cells.Decoding()), {})


def test_models_are_known_by_what_they_take(mindspore: Any, cells: Any) -> None:
    from mindspore import nn

    class OfRatio(nn.Cell):
        def construct(self, sample: Any, timestep_ratio: Any) -> Any:
            return sample * timestep_ratio

    class OfNoise(nn.Cell):
        def construct(self, x: Any, r: Any, c: Any) -> Any:
            return x * r + c

    class OfTokens(nn.Cell):
        def construct(self, input_ids: Any, micro_conds: Any) -> Any:
            return input_ids + micro_conds

    made = {"first": OfRatio(), "second": OfNoise(), "third": OfTokens(), "decoder": cells.Decoding()}
    compile_models("mindone:Mine", SimpleNamespace(**made), {})
    assert [name for name, cell in made.items() if "construct" in vars(cell)] == ["first", "second", "third"]


def test_the_case_says_how_it_is_compiled() -> None:
    job: Job = replace(case(mode="graph").job(), jit=JitSettings(level="O1"))
    assert (job.looking_into(1).mode, job.looking_into(1).jit) == ("pynative", None)
