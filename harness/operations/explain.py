"""Explaining a case: root causes of a fresh run, then the first cell that computes something else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current
from harness.baselines.deep import load_deep
from harness.baselines.errors import BaselineError, BaselineMissing, shown
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.judgement.judgement import Verdict
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline, select_baseline
from harness.operations.deep import check_step, trace_that_replays
from harness.operations.explaining import Explaining, Explanation, Note
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers


def explain(
    case: Case,
    workers: Workers,
    store: BaselineStore,
    *,
    python: str | None = None,
    step: int | None = None,
    progress: Progress[Any] = SILENT,
) -> Explanation:
    """Run ``case`` and explain how it differs from its baseline, or from a run under another interpreter.

    ``python`` is that interpreter, or None for the baseline; ``step`` requests a step to examine. Raises
    :class:`HarnessError` if the case cannot be run, or has nothing valid to be compared with.
    """
    with stage(progress, "explaining", 0, interrupted="nothing was written"), workers.runner() as runner:
        if python is None:
            return explain_against_baseline(case, runner, store, step=step)
        with workers.under(python).runner() as other:
            return explain_against_python(case, runner, other, store, name=python, step=step)


def explain_against_baseline(
    case: Case, runner: Runner, store: BaselineStore, *, step: int | None = None
) -> Explanation:
    """Run ``case`` and explain how it differs from its baseline, down to the cell if a deep trace is stored.

    ``step`` requests a step; the stored trace covers only one. The case runs twice, and a third time if
    nothing differs: see :meth:`Explaining.again`. Raises :class:`HarnessError` if the case cannot be run or
    has no valid baseline of its own.
    """
    check_step(case, step)
    measured = runner.run(case.job())
    baseline = select_baseline(store, case, measured.fingerprint)
    if (edited := stale(case, baseline)) is not None:
        raise edited
    explaining = Explaining(case, runner, measured, baseline, _named(baseline)).again()
    if explaining.unrepeated is not None:
        return explaining.unrepeated_cells(explaining.unrepeated)
    if not explaining.moves_latents:
        return explaining.without_cells()
    try:
        trace = load_deep(store, case, baseline)
    except BaselineMissing as missing:
        notes = [Note(f"to find the cell: {missing}", missing.remedy)]
        if explaining.has("environment"):
            # In the same environment any interpreter runs the same code, so this one is used.
            notes.append(Note("or give --python the interpreter of an environment where the case is right"))
        return explaining.without_cells(*notes)
    if step is not None and step != trace.step:
        raise HarnessError(
            f"{case.name}: the stored deep trace is of step {trace.step}, not {step}; leave out --step, or "
            f"record a trace of that step: harness record --deep --deep-step {step}"
        )
    return explaining.with_cells([trace.step], lambda _: trace)


def explain_against_python(
    case: Case, runner: Runner, other: Runner, store: BaselineStore, *, name: str, step: int | None = None
) -> Explanation:
    """Run ``case`` under another interpreter, the reference, and here; explain how the two differ.

    ``name`` is the name of the other interpreter for the reader. The step examined is ``step`` if given,
    otherwise the first step outside the envelope of rounding, otherwise the first with other bits. Raises
    :class:`HarnessError` if the case cannot be run on either side.
    """
    check_step(case, step)
    reference, measured = other.run(case.job()), runner.run(case.job())
    baseline = as_baseline(case, reference)
    with suppress(BaselineError):
        stored = load_current(store, case, baseline.device)
        baseline = replace(baseline, calibration=stored.calibration)
    release = reference.fingerprint.get("mindspore", "").partition(" ")[0]
    named = f"a run under {name} (MindSpore {release})"
    explaining = Explaining(case, runner, measured, baseline, named).again()
    if explaining.unrepeated is not None:
        return explaining.unrepeated_cells(explaining.unrepeated)
    if not explaining.steps():
        found = explaining.without_cells()
        drift = tuple(_still_drifts(case, measured, store)) if found.conclusion == "nothing" else ()
        return replace(found, notes=drift or found.notes)
    steps = explaining.steps() if step is None else [step]
    return explaining.with_cells(steps, lambda index: trace_that_replays(case.job(), other, index))


def _named(baseline: Baseline) -> str:
    return "the baseline" if baseline.path is None else f"the baseline {shown(baseline.path)}"


def _still_drifts(case: Case, measured: Measurement, store: BaselineStore) -> Iterator[Note]:
    """Yield a note if two interpreters agree on a run but it does not pass against the baseline."""
    with suppress(BaselineError):
        baseline = select_baseline(store, case, measured.fingerprint)
        if judge(case, measured, baseline).verdict is Verdict.DRIFT:
            yield Note(
                f"both sides ran the current code, but against {_named(baseline)} the case still drifts, so "
                "the code, or what it reads, has changed since the recording: leave out --python to see "
                "what "
                "changed"
            )
