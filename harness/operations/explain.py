"""Explaining a case: root causes of a fresh run, then the first cell that computes something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current
from harness.baselines.deep import load_deep
from harness.baselines.errors import BaselineError, BaselineMissing, shown
from harness.baselines.staleness import stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.codec import to_json
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.explanation.causes import Cause, root_causes, with_repetition
from harness.explanation.evidence import CodeChanged
from harness.explanation.growth import differences
from harness.judgement import bits
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import DoesNotRepeat, OtherLatents
from harness.judgement.repetition import first_difference, unrepeated
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline, select_baseline
from harness.operations.deep import check_step, same_bits_in_pynative, trace_that_replays
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers
from harness.remedy import Remedy
from harness.tracing.divergence import Divergence, Replay
from harness.tracing.trace import DeepTrace

# The conclusion of an explanation: nothing differs, the case does not repeat, a class of cause, or no answer.
Conclusion = Literal[
    "nothing",
    "repetition",
    "code",
    "inputs",
    "randomness",
    "initial latents",
    "schedule",
    "cell",
    "scheduler",
    "output",
    "unknown",
]


@dataclass(frozen=True)
class Note:
    """A note on an explanation; ``remedy`` is what to do about it, if there is a command for that."""

    text: str
    remedy: Remedy | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a run of the case ``name`` (``suite/id``) differs from its reference.

    ``reference`` says what it was compared with. ``causes`` are the differences, first cause first.
    ``replay`` is what the cells did in one step, or None if no step was examined. ``conclusion`` is the class
    of what was found, ``finding`` is the place if ``replay`` decided it, and ``notes`` are remarks and
    remedies.
    """

    name: str
    reference: str
    causes: tuple[Cause, ...]
    conclusion: Conclusion
    replay: Replay | None = None
    finding: Divergence | None = None
    notes: tuple[Note, ...] = ()

    @property
    def explained(self) -> bool:
        """Whether it is known why the case drifts. A drift that comes and goes is not explained by that."""
        return self.conclusion not in ("unknown", "nothing", "repetition")

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation without causes and notes as plain data; NaN and Inf are kept."""
        finding = self.finding
        return {
            "case": self.name,
            "reference": self.reference,
            "conclusion": self.conclusion,
            "explained": self.explained,
            "model": finding.model if finding else None,
            "cell": finding.cell if finding and finding.place == "cell" else None,
            "replay": to_json(self.replay),
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
    nothing differs: see :meth:`_Explaining.again`. Raises :class:`HarnessError` if the case cannot be run or
    has no valid baseline of its own.
    """
    check_step(case, step)
    measured = runner.run(case.job())
    baseline = select_baseline(store, case, measured.fingerprint)
    if (edited := stale(case, baseline)) is not None:
        raise edited
    explaining = _Explaining(case, runner, measured, baseline, _named(baseline)).again()
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
    explaining = _Explaining(case, runner, measured, baseline, named).again()
    if explaining.unrepeated is not None:
        return explaining.unrepeated_cells(explaining.unrepeated)
    if not explaining.moves_latents:
        found = explaining.without_cells()
        drift = tuple(_still_drifts(case, measured, store)) if found.conclusion == "nothing" else ()
        return replace(found, notes=drift or found.notes)
    steps = explaining.steps() if step is None else [step]
    return explaining.with_cells(steps, lambda index: trace_that_replays(case.job(), other, index))


_NOTHING = Note(
    "nothing differed in three runs, two of them in fresh workers. If the case has just drifted, it does not "
    "repeat every time, or it differs after other cases in the same worker: run its whole suite again"
)


def _unexamined(error: HarnessError) -> Note:
    return Note(f"no cell was examined: {error}", error.remedy)


def _without_cells(step: int) -> Note:
    told = "no cell was examined: the pipeline calls no mindspore.nn.Cell in step "
    return Note(f"{told}{step} (it runs its own code, or a graph that it compiles itself)")


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


@dataclass(frozen=True)
class _Explaining:
    """One case being explained: what was measured, its reference, and what follows from both.

    ``unrepeated`` says how another run differs from the measured one, if one is known to.
    """

    case: Case
    runner: Runner
    measured: Measurement
    baseline: Baseline
    reference: str
    unrepeated: DoesNotRepeat | None = None

    def again(self) -> _Explaining:
        """Run the case again, and return the explanation of a run that differs from the reference.

        The second run is in a fresh worker. If nothing has differed by then, a third one is in the worker of
        the first, where what the first run left behind would show.
        """
        job = self.case.job()
        runs = [self.measured, self.runner.run(job.alone())]
        if not self.differs and first_difference(*runs) is None:
            runs.append(self.runner.run(job))
        odd = next((run for run in runs if replace(self, measured=run).differs), self.measured)
        other = next((run for run in runs if first_difference(odd, run) is not None), None)
        if other is None:
            return self
        stored = self.baseline.path is not None
        verdict = judge(self.case, other, self.baseline).verdict.value if stored else None
        return replace(self, measured=odd, unrepeated=unrepeated(odd, other, verdict))

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        return with_repetition(root_causes(self.measured, self.baseline), self.unrepeated)

    def has(self, kind: str) -> bool:
        return any(cause.kind == kind for cause in self.causes)

    @property
    def input_causes(self) -> list[Conclusion]:
        wanted: tuple[Conclusion, ...] = ("inputs", "randomness", "schedule")
        return list(filter(self.has, wanted))

    @property
    def moves_latents(self) -> bool:
        """Whether the latents of any step have other bits, so that cells can be examined."""
        return bits.first_changed_step(self.measured, self.baseline.measurement) is not None

    @property
    def differs(self) -> bool:
        """Whether anything but the environment differs."""
        return bool(self.input_causes or bits.changed_parts(self.measured, self.baseline.measurement))

    @property
    def first_changed(self) -> int | None:
        pairs = zip(self.measured.trace, self.baseline.measurement.trace, strict=False)
        return next((i for i, (ours, theirs) in enumerate(pairs) if ours.sha256 != theirs.sha256), None)

    def steps(self) -> list[int]:
        """Return the steps to examine: the first outside the envelope, then the first with other bits."""
        calibration = self.baseline.calibration
        outside = None
        if calibration is not None:
            found = differences(self.measured, self.baseline)
            outside = next((i for i, s in enumerate(found) if (s.excess or 0.0) > calibration.factor), None)
        return list(dict.fromkeys(i for i in (outside, self.first_changed) if i is not None))

    def without_cells(self, *notes: Note) -> Explanation:
        """Return the explanation that the root causes alone give."""
        conclusion: Conclusion = "unknown"
        changed = bool(bits.changed_parts(self.measured, self.baseline.measurement))
        if changed and any(isinstance(cause.evidence, CodeChanged) for cause in self.causes):
            conclusion = "code"
        elif self.input_causes:
            conclusion = self.input_causes[0]
        elif not changed:
            conclusion, notes = "nothing", (*notes, _NOTHING)
        elif self.has("output"):
            conclusion = "output"
        return self._explanation(conclusion, notes=notes)

    def unrepeated_cells(self, unrepeated: DoesNotRepeat) -> Explanation:
        """Return the explanation of a case that does not repeat, with the cell if a replay meets it."""
        steps = {each.step for each in unrepeated.differences if isinstance(each, OtherLatents)}
        index = next((i for i, record in enumerate(self.measured.trace) if record.step in steps), None)
        if index is None:
            return self._explanation("repetition")
        job = self.case.job()
        try:
            trace = self.runner.trace(job, index)
            # What differs may differ from call to call, or from process to process.
            for each in (job, job.alone(), job.alone()):
                replay = self.runner.replay(each, trace)
                if replay.first is not None:
                    break
        except HarnessError as error:
            return self._explanation("repetition", notes=(_unexamined(error),))
        if not trace.calls:
            return self._explanation("repetition", notes=(_without_cells(index),))
        notes = list(map(Note, self._notes(replay)))
        if replay.first is None:
            notes.append(Note(f"in three replays of step {index}, every cell computed the same"))
        finding = replay.first_beyond_rounding or replay.first
        return self._explanation("repetition", replay, finding, tuple(notes))

    def with_cells(self, steps: list[int], trace_of: Callable[[int], DeepTrace]) -> Explanation:
        """Return the explanation from root causes and from the cells of the first conclusive step."""
        replay: Replay | None = None
        for step in steps:
            try:
                trace = trace_of(step)
            except HarnessError as error:
                return self.without_cells(_unexamined(error))
            latest = self.runner.replay(self.case.job(), trace)
            if not trace.calls:
                return self.without_cells(_without_cells(step))
            replay = latest if replay is None or latest.findings else replay
            if latest.first_beyond_rounding is not None:
                break
        if replay is None:
            return self.without_cells()
        notes = list(map(Note, self._notes(replay)))
        if (finding := replay.first_beyond_rounding or replay.first) is not None:
            return self._explanation(self._conclusion(finding, replay), replay, finding, tuple(notes))
        told = f"in step {replay.step} every cell and the scheduler's step compute what the reference did"
        notes.append(Note(told))
        if (first := self.first_changed) != replay.step:
            told = (
                f"the latents first differ in step {first}: look there, with `--python OTHER --step "
                f"{first}` or "
            )
            notes.append(
                Note(f"{told}with a trace of that step (`harness record --deep --deep-step {first}`)")
            )
        return replace(self.without_cells(*notes), replay=replay)

    def _conclusion(self, finding: Divergence, replay: Replay) -> Conclusion:
        inputs = self.input_causes
        if finding.place == "cell":
            # With weights of another checkpoint, the cell is only the place where they are used.
            return "inputs" if "inputs" in inputs else "cell"
        if finding.place == "model input":
            if inputs:
                return inputs[0]
            return "initial latents" if replay.step == 0 else "scheduler"
        # Draws with other values are inputs of the step; a different number of draws is due to the step
        # itself.
        ours, theirs = (
            [(draw.generator, draw.method, draw.shape, draw.dtype) for draw in each.ledger]
            for each in (self.measured, self.baseline.measurement)
        )
        return "randomness" if self.has("randomness") and ours == theirs else "scheduler"

    def _notes(self, replay: Replay) -> Iterator[str]:
        if not same_bits_in_pynative(self.case):
            yield (
                "cells ran in PyNative on both sides, whose bits in float16 differ from those of graph "
                "mode: effects of compiled graphs alone are not seen"
            )
        elif self.case.mode == "graph":
            yield "cells ran in PyNative on both sides, which in float32 gives the same bits as graph mode"
        if not replay.latents_judged:
            yield (
                "the scheduler's step was not judged: in step 0 the pipeline itself makes the model's "
                "input, and here it differs"
            )
        for paths, whose in ((replay.missing, "the reference"), (replay.added, "this run")):
            if paths:
                more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
                yield f"cells called only by {whose}: {', '.join(paths[:3])}{more}"

    def _explanation(
        self,
        conclusion: Conclusion,
        replay: Replay | None = None,
        finding: Divergence | None = None,
        notes: tuple[Note, ...] = (),
    ) -> Explanation:
        return Explanation(self.case.name, self.reference, self.causes, conclusion, replay, finding, notes)
