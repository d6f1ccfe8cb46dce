"""Explaining a case: root causes of a fresh run, then the first cell that computes something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.deep import load_deep
from harness.baselines.errors import BaselineError, BaselineMissing, shown
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import FaultRequest, Job
from harness.errors import HarnessError
from harness.explanation.causes import Cause, root_causes
from harness.explanation.growth import differences
from harness.judgement import bits
from harness.judgement.judgement import Verdict
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.deep import DeepRunner, check_step, same_bits_in_pynative, trace_that_replays
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.selection import select_baseline
from harness.operations.workers import Workers
from harness.remedy import Remedy
from harness.tracing.divergence import Divergence, Replay
from harness.tracing.trace import DeepTrace

# What an explanation ends in: nothing to explain, a class of cause, or no answer.
Conclusion = Literal[
    "nothing", "inputs", "randomness", "initial latents", "schedule", "cell", "scheduler", "output", "unknown"
]
References = Callable[[int], DeepTrace]


@dataclass(frozen=True)
class Note:
    """Something to know about an explanation, and what to do about it where there is a command for that."""

    text: str
    remedy: Remedy | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a run of a case is not its reference.

    ``reference`` says what it was held to. ``causes`` are what differs, first cause first; ``replay`` is what
    the cells did in one step, None where that was not looked into; ``conclusion`` is the class of what was
    found, ``finding`` the place where ``replay`` decided it, and ``notes`` what to know or to do.
    """

    suite: str
    case_id: str
    reference: str
    causes: tuple[Cause, ...]
    conclusion: Conclusion
    replay: Replay | None = None
    finding: Divergence | None = None
    notes: tuple[Note, ...] = ()

    @property
    def name(self) -> str:
        """The case as ``suite/id``."""
        return f"{self.suite}/{self.case_id}"

    @property
    def explained(self) -> bool:
        """Whether there is an answer."""
        return self.conclusion != "unknown"

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation but for its causes and notes as plain data, NaN and Inf as they are."""
        finding = self.finding
        return {
            "case": self.name,
            "reference": self.reference,
            "conclusion": self.conclusion,
            "explained": self.explained,
            "model": finding.model if finding else None,
            "cell": finding.cell if finding and finding.place == "cell" else None,
            "replay": None if self.replay is None else self.replay.to_wire(),
        }


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

    ``python`` is that interpreter, None for the baseline; ``step`` asks for a step to look into. Raises
    :class:`HarnessError` where the case cannot be run, or has nothing sound to be held to.
    """
    with stage(progress, "explaining", 0, interrupted="nothing was written"), workers.runner() as runner:
        if python is None:
            return explain_against_baseline(case, runner, store, step=step)
        with workers.under(python).runner() as other:
            return explain_against_python(case, runner, other, store, name=python, step=step)


def explain_against_baseline(
    case: Case,
    runner: DeepRunner,
    store: BaselineStore,
    *,
    step: int | None = None,
    fault: FaultRequest | None = None,
) -> Explanation:
    """Run ``case`` and explain how it differs from its baseline, to the cell where a deep trace is stored.

    ``step`` asks for a step; the trace stored is of one. ``fault`` is put into
    the run. Raises :class:`HarnessError` where the case cannot be run or has no sound baseline of its own.
    """
    if step is not None:
        check_step(case, step)
    job = replace(case.job(), fault=fault)
    measured = runner.run(job)
    baseline = select_baseline(store, case, measured.fingerprint)
    if (edited := stale(case, baseline)) is not None:
        raise edited
    where = "" if baseline.path is None else f" {shown(baseline.path)}"
    explaining = _Explaining(case, job, runner, measured, baseline, f"the baseline{where}")
    if not explaining.moves_latents:
        return explaining.without_cells()
    try:
        trace = load_deep(store, case, baseline)
    except BaselineMissing as missing:
        notes = [Note(f"for the cell: {missing}", missing.remedy)]
        if not explaining.same_environment:
            # In the same environment any interpreter runs the same code, this one's.
            notes.append(Note("or give --python the interpreter of an environment that is right"))
        return explaining.without_cells(*notes)
    if step is not None and step != trace.step:
        raise HarnessError(
            f"{case.name}: the deep trace stored is of step {trace.step}, not {step}; leave "
            f"--step out, or record one of that step: harness record --deep --deep-step {step}"
        )
    return explaining.with_cells([trace.step], lambda _: trace)


def explain_against_python(
    case: Case,
    runner: DeepRunner,
    other: DeepRunner,
    store: BaselineStore,
    *,
    name: str,
    step: int | None = None,
    fault: FaultRequest | None = None,
) -> Explanation:
    """Run ``case`` under another interpreter, the reference, and here, and explain how the two differ.

    ``name`` is the other interpreter's, for the reader. The step looked into is ``step``, or the first that
    left the envelope of rounding, or else the first with other bits. ``fault`` is put into the
    run here. Raises :class:`HarnessError` where the case cannot be run on either side.
    """
    if step is not None:
        check_step(case, step)
    reference = other.run(case.job())
    job = replace(case.job(), fault=fault)
    measured = runner.run(job)
    baseline = _as_baseline(case, reference, store)
    release = reference.fingerprint.get("mindspore", "").partition(" ")[0]
    explaining = _Explaining(
        case, job, runner, measured, baseline, f"a run under {name} (MindSpore {release})"
    )
    if not explaining.moves_latents:
        found = explaining.without_cells()
        if found.conclusion == "nothing" and (drift := _still_drifts(case, measured, store)) is not None:
            return replace(found, notes=(*found.notes, Note(drift)))
        return found
    steps = explaining.steps() if step is None else [step]
    return explaining.with_cells(steps, lambda index: trace_that_replays(case.job(), other, index))


def _as_baseline(case: Case, reference: Measurement, store: BaselineStore) -> Baseline:
    """Return ``reference`` as a baseline, with the envelope of the one stored where that is the case's."""
    provenance = Provenance.of(case, reason="", git_commit=None)
    made = Baseline(case.suite, case.id, device_key(reference.fingerprint), reference, provenance)
    try:
        stored = store.load(case.suite, case.id, made.device)
    except BaselineError:
        return made
    if stored.provenance.case_hash != case.hash():
        return made
    return replace(made, calibration=stored.calibration)


def _still_drifts(case: Case, measured: Measurement, store: BaselineStore) -> str | None:
    """Return what to know where a run that two interpreters agree on does not pass against the baseline."""
    try:
        baseline = select_baseline(store, case, measured.fingerprint)
    except BaselineError:
        return None
    verdict = judge(case, measured, baseline).verdict
    if verdict is not Verdict.DRIFT:
        return None
    where = "" if baseline.path is None else f" {shown(baseline.path)}"
    return (
        f"both sides ran the code that is here; against the baseline{where} the case still drifts, so that "
        "code, or what it reads, is not what was recorded: leave --python out to see what changed"
    )


class _Explaining:
    """One case under explanation: what was measured, what it is held to, and what follows from both."""

    def __init__(
        self,
        case: Case,
        job: Job,
        runner: DeepRunner,
        measured: Measurement,
        baseline: Baseline,
        reference: str,
    ) -> None:
        self._case, self._job, self._runner = case, job, runner
        self._measured, self._baseline, self._reference = measured, baseline, reference
        self._causes = root_causes(measured, baseline)
        self._kinds = {cause.kind for cause in self._causes}

    @property
    def moves_latents(self) -> bool:
        """Whether the latents of any step have other bits, so that cells can be looked into."""
        return bits.first_changed_step(self._measured, self._baseline.measurement) is not None

    @property
    def same_environment(self) -> bool:
        """Whether nothing of the environment differs."""
        return "environment" not in self._kinds

    def steps(self) -> list[int]:
        """Return the steps to look into: the first outside the envelope, then the first with other bits."""
        calibration = self._baseline.calibration
        outside = None
        if calibration is not None:
            found = differences(self._measured, self._baseline)
            outside = next((i for i, s in enumerate(found) if (s.excess or 0.0) > calibration.factor), None)
        return list(dict.fromkeys(i for i in (outside, self._first_changed) if i is not None))

    @property
    def _first_changed(self) -> int | None:
        pairs = zip(self._measured.trace, self._baseline.measurement.trace, strict=False)
        return next((i for i, (ours, theirs) in enumerate(pairs) if ours.sha256 != theirs.sha256), None)

    def without_cells(self, *notes: Note) -> Explanation:
        """Return what the root causes alone say."""
        conclusion: Conclusion = "unknown"
        if not bits.changed_parts(self._measured, self._baseline.measurement) and not self._input_causes:
            conclusion = "nothing"
        elif self._input_causes:
            conclusion = self._input_causes[0]
        elif "output" in self._kinds:
            conclusion = "output"
        return self._explanation(conclusion, notes=notes)

    def with_cells(self, steps: list[int], references: References) -> Explanation:
        """Return what root causes and the cells of the first telling one of ``steps`` say."""
        replay: Replay | None = None
        for step in steps:
            try:
                trace = references(step)
            except HarnessError as error:
                return self.without_cells(Note(f"no cell was looked into: {error}", error.remedy))
            latest = self._runner.replay(self._job, trace)
            if not trace.calls:
                told = "no cell was looked into: the pipeline calls no mindspore.nn.Cell in step "
                return self.without_cells(
                    Note(f"{told}{step} (in code of its own, or within a graph compiled by itself)")
                )
            replay = latest if replay is None or latest.findings else replay
            if latest.first_beyond_rounding is not None:
                break
        if replay is None:
            return self.without_cells()
        return self._concluded(replay)

    def _concluded(self, replay: Replay) -> Explanation:
        finding = replay.first_beyond_rounding or replay.first
        notes = list(map(Note, self._notes(replay)))
        if finding is None:
            alone = self.without_cells()
            told = f"in step {replay.step} every cell and the scheduler's step compute what the reference did"
            notes.append(Note(told))
            first = self._first_changed
            if first != replay.step:
                told = (
                    f"the latents part in step {first}: look there, with `--python OTHER --step {first}` or "
                )
                notes.append(
                    Note(f"{told}with a trace of that step (`harness record --deep --deep-step {first}`)")
                )
            return replace(alone, replay=replay, notes=tuple(notes))
        return self._explanation(self._conclusion(finding, replay), replay, finding, tuple(notes))

    def _conclusion(self, finding: Divergence, replay: Replay) -> Conclusion:
        inputs = self._input_causes
        if finding.place == "cell":
            # Of another checkpoint's weights the cell is only where they are.
            return "inputs" if "inputs" in inputs else "cell"
        if finding.place == "model input":
            if inputs:
                return inputs[0]
            return "initial latents" if replay.step == 0 else "scheduler"
        # Draws of other values are what the step was given; draws more or fewer are the step's own doing.
        same_calls = [_call(draw) for draw in self._measured.ledger] == [
            _call(draw) for draw in self._baseline.measurement.ledger
        ]
        return "randomness" if "randomness" in self._kinds and same_calls else "scheduler"

    @property
    def _input_causes(self) -> list[Conclusion]:
        wanted: tuple[Conclusion, ...] = ("inputs", "randomness", "schedule")
        return [kind for kind in wanted if kind in self._kinds]

    def _notes(self, replay: Replay) -> Iterator[str]:
        if not same_bits_in_pynative(self._case):
            yield (
                "cells were run in PyNative on both sides, whose bits in float16 are not those of graph "
                "mode: what only a compiled graph does is not seen"
            )
        elif self._case.mode == "graph":
            yield "cells were run in PyNative on both sides, which in float32 has the bits of graph mode"
        if not replay.latents_judged:
            yield (
                "the scheduler's step was not judged: the model's input is the pipeline's own in step 0, and "
                "is another one here"
            )
        for paths, whose in ((replay.missing, "the reference"), (replay.added, "this run")):
            if paths:
                more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
                yield f"cells that only {whose} calls: {', '.join(paths[:3])}{more}"

    def _explanation(
        self,
        conclusion: Conclusion,
        replay: Replay | None = None,
        finding: Divergence | None = None,
        notes: tuple[Note, ...] = (),
    ) -> Explanation:
        case = self._case
        return Explanation(
            case.suite, case.id, self._reference, self._causes, conclusion, replay, finding, notes
        )


def _call(draw: Any) -> tuple[Any, ...]:
    return draw.generator, draw.method, draw.shape, draw.dtype
