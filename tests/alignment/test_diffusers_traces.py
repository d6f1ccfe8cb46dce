"""Deep traces of cases of diffusers, and cells of mindone replayed on what the original's modules got."""

from __future__ import annotations

import pytest
from torch_interpreter import shipped

from harness.cases.job import Job
from harness.cases.reference import reference_job
from harness.execution.runner import Runner
from harness.tracing.trace import DeepTrace

pytestmark = pytest.mark.diffusers


@pytest.fixture(scope="module")
def job() -> Job:
    return shipped("stable-diffusion", "ddim").job()


@pytest.fixture(scope="module")
def trace(on_torch: Runner, job: Job) -> DeepTrace:
    return on_torch.trace(reference_job(job), 0)


def test_paths_are_the_modules_names_and_dtypes_are_plain(trace: DeepTrace) -> None:
    paths = {call.path for call in trace.calls}
    assert "unet.down_blocks.0.resnets.0.conv1" in paths
    assert "scheduler" in paths
    # The text encoder runs before the first step, and belongs to it.
    assert {path.partition(".")[0] for path in paths if path.endswith(".token_embedding")} == {"text_encoder"}
    dtypes = {value.dtype for call in trace.calls for value in (*call.inputs, *call.outputs)}
    assert {"float32", "int64"} <= dtypes <= {"float32", "float64", "int64", "bool"}
    assert trace.timestep == 901


def test_settings_and_parameters_of_modules_are_kept(trace: DeepTrace) -> None:
    (first, *_) = (call for call in trace.calls if call.path == "unet.down_blocks.0.resnets.0.conv1")
    assert first.operator == "Conv2d 3x3"
    assert set(first.parameters) == {"weight", "bias"}
    assert first.settings["in_channels"] == 16


def test_a_trace_replays_without_a_difference(on_torch: Runner, job: Job, trace: DeepTrace) -> None:
    replayed = on_torch.replay(reference_job(job), trace)
    assert (replayed.findings, replayed.missing, replayed.added) == ((), (), ())
    assert replayed.calls == sum(call.of_cell for call in trace.calls)


def test_what_follows_the_last_step_is_seen(on_torch: Runner, job: Job) -> None:
    after = on_torch.trace(reference_job(job), job.steps or 0)
    assert {call.path.partition(".")[0] for call in after.calls} == {"vae"}


@pytest.mark.mindone
def test_mindones_cells_replay_on_the_originals_inputs(
    on_mindspore: Runner, job: Job, trace: DeepTrace
) -> None:
    if trace.fingerprint["diffusers"] != "0.35.2":
        pytest.skip("mindone 0.5.0 has the modules of diffusers 0.35.2 and transformers 4.57.1: set those up")
    replayed = on_mindspore.replay(job, trace)
    assert (replayed.missing, replayed.added) == ((), ())
    assert replayed.calls == sum(call.of_cell for call in trace.calls)
    # MindSpore's exp (docs/findings.md) moves the embedding of timesteps most, and no further than the
    # rounding that the original's trace has measured.
    assert [each.path for each in replayed.findings if each.beyond] == []
    most = replayed.most_sensitive
    assert most is not None
    assert most.path == "unet.time_proj"
    assert most.difference.beyond_rounding("float32")
