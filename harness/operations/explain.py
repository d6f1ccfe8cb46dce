"""Explaining a case: root causes of a fresh run, then the first cell that computes something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.atlas.result import Atlas
from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current
from harness.baselines.deep import load_deep
from harness.baselines.errors import BaselineError, BaselineMissing, shown
from harness.baselines.git import clean_hash
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError, UsageError
from harness.execution.runner import Runner
from harness.explanation.evidence import CodeChanged, LibraryEdited
from harness.judgement.judgement import Verdict
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline, select_baseline
from harness.operations.decoding import job_beside
from harness.operations.deep import check_step, trace_that_replays
from harness.operations.explaining import Explaining, Explanation, Note
from harness.operations.export_dump import export_traces
from harness.operations.old_code import at_revision
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers
from harness.remedy import Action
from harness.tracing.trace import DeepTrace


def explain(
    case: Case,
    workers: Workers,
    store: BaselineStore,
    *,
    python: str | None = None,
    code: str | None = None,
    step: int | None = None,
    atlases: Sequence[Atlas] = (),
    export: Path | None = None,
    progress: Progress[Any] = SILENT,
) -> Explanation:
    """Run ``case`` and explain how it differs from its baseline, or from a second run, the reference.

    The reference runs under the interpreter ``python`` (None: that of ``workers``) with the project's own
    code as of the git revision ``code`` (None: the working tree). If both are None, it is the baseline.
    ``step`` requests a step to examine. Of ``atlases``, those of the two environments say which operators
    differ. What the cells did in that step is written to the folder ``export`` as dumps of msprobe. Raises
    :class:`HarnessError` if the case cannot be run, or has nothing valid to be compared with.
    """
    with stage(progress, "explaining", 0, interrupted="nothing was written"), ExitStack() as opened:
        there, names = workers, []
        if python is not None:
            there = workers.under(python)
            names.append(python)
        if code is not None:
            there, commit = opened.enter_context(at_revision(case, there, code))
            names.append(f"the code of {commit}")
        runner = opened.enter_context(workers.runner())
        if not names:
            found = explain_against_baseline(case, runner, store, step=step, atlases=atlases)
            reference = None if export is None else _stored_trace(case, runner, store, step)
        else:
            other = opened.enter_context(there.runner())
            name = " with ".join(names)
            found = explain_against_run(case, runner, other, store, name=name, step=step, atlases=atlases)
            examined = found.replay.step if found.replay is not None else step or 0
            reference = None if export is None else other.trace(case.job(), examined)
        if export is None:
            return found
        at = reference.step if reference is not None else step or 0
        return replace(found, exported=export_traces(export, runner.trace(case.job(), at), reference))


def explain_against_baseline(
    case: Case,
    runner: Runner,
    store: BaselineStore,
    *,
    step: int | None = None,
    atlases: Sequence[Atlas] = (),
) -> Explanation:
    """Run ``case`` and explain how it differs from its baseline, down to the cell if a deep trace is stored.

    ``step`` requests a step; the stored trace covers only one. The case runs twice, and a third time if
    nothing differs: see :meth:`Explaining.again`. Raises :class:`HarnessError` if the case cannot be run or
    has no valid baseline of its own.
    """
    check_step(case, step)
    measured = runner.run(job_beside(case, store, "always"))
    baseline = select_baseline(store, case, measured.fingerprint)
    if (edited := stale(case, baseline)) is not None:
        raise edited
    found = Explaining(case, runner, measured, baseline, _named(baseline), atlases=tuple(atlases))
    explaining = found.again()
    if (unrepeated := explaining.unrepeated_cells()) is not None:
        return unrepeated
    if not explaining.moves_latents:
        return explaining.without_cells()
    try:
        trace = load_deep(store, case, baseline)
    except BaselineMissing as missing:
        notes = [Note(f"to find the cell: {missing}", missing.remedy), *_other_code(explaining)]
        if explaining.has("environment"):
            # In the same environment any interpreter runs the same code, so this one is used.
            notes.append(Note("or give --python the interpreter of an environment where the case is right"))
            notes.append(Note("to find which setting of the environment does it: give --knobs"))
        return explaining.without_cells(*notes)
    if step is not None and step != trace.step:
        raise HarnessError(
            f"{case.name}: the stored deep trace is of step {trace.step}, not {step}; leave out --step, or "
            f"record a trace of that step: harness record --deep --deep-step {step}"
        )
    return explaining.with_cells([trace.step], lambda _: trace)


def explain_against_run(
    case: Case,
    runner: Runner,
    other: Runner,
    store: BaselineStore,
    *,
    name: str,
    step: int | None = None,
    atlases: Sequence[Atlas] = (),
) -> Explanation:
    """Run ``case`` in ``other``, the reference, and in ``runner``; explain how the two differ.

    ``name`` says for the reader where the reference runs. The step examined is ``step`` if given,
    otherwise the first step outside the envelope of rounding, otherwise the first with other bits. Raises
    :class:`HarnessError` if the case cannot be run on either side.
    """
    check_step(case, step)
    try:
        reference = other.run(case.job())
    except UsageError:
        raise
    except HarnessError as error:
        raise HarnessError(f"the reference, a run under {name}: {error}") from error
    measured = runner.run(case.job("always"))
    baseline = as_baseline(case, reference)
    with suppress(BaselineError):
        stored = load_current(store, case, baseline.device)
        baseline = replace(baseline, calibration=stored.calibration)
    release = reference.fingerprint.get("mindspore", "").partition(" ")[0]
    named = f"a run under {name} (MindSpore {release})"
    explaining = Explaining(case, runner, measured, baseline, named, atlases=tuple(atlases)).again()
    if (unrepeated := explaining.unrepeated_cells()) is not None:
        return unrepeated
    if not explaining.steps():
        found = explaining.without_cells()
        drift = tuple(_still_drifts(case, measured, store)) if found.conclusion == "nothing" else ()
        return replace(found, notes=drift or found.notes)
    steps = explaining.steps() if step is None else [step]
    return explaining.with_cells(steps, lambda index: trace_that_replays(case.job(), other, index))


def _other_code(explaining: Explaining) -> Iterator[Note]:
    """Yield how to run the code that the baseline was computed with, if that was edited."""
    for cause in explaining.causes:
        match cause.evidence:
            case CodeChanged(commits=(_, stored)) if (revision := clean_hash(stored)) is not None:
                remedy = explaining.case.remedy(Action.EXPLAIN_CODE, revision=revision)
                yield Note("or compare with the code of the baseline", remedy)
            case LibraryEdited(name=name, release=release):
                yield Note(
                    f"or compare with the {name} of the baseline: install {release} "
                    f"without edits in an environment of its own, and give --python its interpreter"
                )


def _stored_trace(case: Case, runner: Runner, store: BaselineStore, step: int | None) -> DeepTrace | None:
    """Return the deep trace beside the baseline of ``case``; None without one of ``step``."""
    with suppress(BaselineMissing):
        baseline = select_baseline(store, case, runner.describe().fingerprint)
        trace = load_deep(store, case, baseline)
        return trace if step in (None, trace.step) else None
    return None


def _named(baseline: Baseline) -> str:
    return "the baseline" if baseline.path is None else f"the baseline {shown(baseline.path)}"


def _still_drifts(case: Case, measured: Measurement, store: BaselineStore) -> Iterator[Note]:
    """Yield a note if two interpreters agree on a run but it does not pass against the baseline."""
    with suppress(BaselineError):
        baseline = select_baseline(store, case, measured.fingerprint)
        if judge(case, measured, baseline).verdict is Verdict.DRIFT:
            yield Note(
                f"both sides ran the same code, but against {_named(baseline)} the case still drifts, so "
                "the code, or what it reads, has changed since the recording: leave out --python and --code "
                "to see what changed"
            )
