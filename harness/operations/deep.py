"""Deep traces, used for explanations: recorded if they repeat, stored next to a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.baselines.baseline import device_key
from harness.baselines.current import load_current
from harness.baselines.deep import write_deep
from harness.baselines.staleness import recalibrated
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job
from harness.cases.names import is_mindone
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.operations.progress import SILENT, Progress, each_case, stage
from harness.operations.proposal import Refusal
from harness.operations.workers import Workers
from harness.remedy import Action
from harness.tracing.divergence import Divergence
from harness.tracing.trace import DeepTrace


@dataclass(frozen=True)
class StoredTrace:
    """A deep trace on disk: its case, its file, the number of cells called, and its size in bytes."""

    case: Case
    path: Path
    step: int
    calls: int
    nbytes: int


def store_traces(
    cases: Sequence[Case],
    workers: Workers,
    store: BaselineStore,
    step: int,
    progress: Progress[StoredTrace | Refusal] = SILENT,
) -> tuple[StoredTrace | Refusal, ...]:
    """Store the deep trace of ``step`` of each of ``cases`` next to its baseline; return each result."""
    results: list[StoredTrace | Refusal] = []
    left = "the baselines are written, not all deep traces"
    with stage(progress, "tracing", len(cases), interrupted=left), workers.runner() as runner:
        for case, _ in each_case(progress, cases):
            try:
                results.append(record_deep(case, runner, store, step))
            except HarnessError as error:
                results.append(Refusal(case, error))
            progress.finished(results[-1])
    return tuple(results)


def trace_that_replays(job: Job, runner: Runner, step: int) -> DeepTrace:
    """Return the deep trace of a step after replaying it where it was recorded.

    Raises :class:`HarnessError` if the replay gives other bits, because such a trace cannot explain anything,
    and the errors of the runner.
    """
    trace = runner.trace(job, step)
    first = runner.replay(job, trace).first
    if first is not None:
        raise HarnessError(
            f"{job.name}: {_where(first)} gives different bits on the same inputs when step {step} is run "
            "again in the same environment, so it cannot be compared across environments. Look for state "
            "kept "
            "between calls, or an operator that is not deterministic"
        )
    return trace


def record_deep(case: Case, runner: Runner, store: BaselineStore, step: int) -> StoredTrace:
    """Record the deep trace of one step of ``case`` and store it next to its baseline.

    Raises :class:`HarnessError` if the case has no such step, has no baseline, is not run in the same way as
    its baseline, or does not repeat.
    """
    check_step(case, step)
    trace = trace_that_replays(case.job(), runner, step)
    baseline = load_current(store, case, device_key(trace.fingerprint))
    steps = baseline.measurement.trace
    if same_bits_in_pynative(case) and (step >= len(steps) or steps[step].sha256 != trace.after.sha256):
        raise HarnessError(
            f"{case.name}: the latents after step {step} differ from the baseline's here, so a trace of "
            "this run would not describe the baseline",
            remedy=case.remedy(Action.RECORD_BOTH, calibrate=recalibrated(case, baseline)),
        )
    calls = sum(call.of_cell for call in trace.calls)
    return StoredTrace(case, write_deep(store, baseline, trace), step, calls, trace.nbytes)


def same_bits_in_pynative(case: Case) -> bool:
    """Whether PyNative, in which cells can be observed, gives the same bits as the case.

    In float32, PyNative gives the bits of graph mode. In float16, compiled graphs fuse operators and round
    less often. A graph of mindone has other operators on CPU than PyNative.
    """
    return case.mode == "pynative" or (case.dtype == "float32" and not is_mindone(case.pipeline))


def check_step(case: Case, step: int | None) -> None:
    """Raise :class:`HarnessError` if ``case`` does not have this step; None means no step."""
    if step is None:
        return
    if step < 0 or (case.steps is not None and step >= case.steps):
        there = "they count from 0"
        if case.steps is not None:
            there = f"give 0 to {case.steps - 1}, the case has {case.steps} steps"
        raise HarnessError(f"{case.name}: there is no step {step}: {there}")


def _where(finding: Divergence) -> str:
    if finding.place == "cell":
        return f"{finding.path} ({finding.operator})"
    return f"what the pipeline passes to {finding.to}" if finding.to is not None else "the scheduler's step"
