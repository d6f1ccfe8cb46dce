"""One case being explained: what was measured, its reference, and what follows from both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from harness.atlas.result import Atlas
from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.codec import to_json
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.explanation.atlases import atlas_evidence, with_atlases
from harness.explanation.causes import Cause, Kind, root_causes, with_input, with_repetition
from harness.explanation.evidence import CodeChanged, LeavesEnvelope, WrongInput
from harness.explanation.growth import differences
from harness.judgement import bits
from harness.judgement.call_reasons import StateLeftBehind
from harness.judgement.reasons import Difference, DoesNotRepeat, OtherLatents
from harness.judgement.repetition import first_difference, unrepeated
from harness.judgement.second_call import state_left
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.deep import same_bits_in_pynative
from harness.operations.export_dump import Exported
from harness.remedy import Remedy
from harness.tracing.divergence import Divergence, Replay
from harness.tracing.trace import DeepTrace

# The conclusion of an explanation: nothing differs, the case does not repeat or leaves a state behind, a
# class of cause, or no answer.
Conclusion = Literal[
    "nothing",
    "repetition",
    "state",
    "code",
    "inputs",
    "model",
    "randomness",
    "initial latents",
    "schedule",
    "model input",
    "prediction",
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
    remedies. ``exported`` is where dumps of the cells were written, if they were asked for.
    """

    name: str
    reference: str
    causes: tuple[Cause, ...]
    conclusion: Conclusion
    replay: Replay | None = None
    finding: Divergence | None = None
    notes: tuple[Note, ...] = ()
    exported: Exported | None = None

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
            # What both sides saw is arrays.
            "replay": None if self.replay is None else to_json(replace(self.replay, observed=None)),
            "exported": to_json(self.exported),
        }


@dataclass(frozen=True)
class Explaining:
    """One case being explained: what was measured, its reference, and what follows from both.

    ``unrepeated`` says how another run differs from the measured one, if one is known to. ``atlases`` are
    those that may be of the two environments.
    """

    case: Case
    runner: Runner
    measured: Measurement
    baseline: Baseline
    reference: str
    unrepeated: DoesNotRepeat | None = None
    atlases: tuple[Atlas, ...] = ()

    def again(self) -> Explaining:
        """Run the case again, and return the explanation of a run that differs from the reference.

        The second run is in a fresh worker. If nothing has differed by then, a third one is in the worker of
        the first, where what the first run left behind would show.
        """
        job = self.case.job()
        runs = [self.measured, self.runner.run(job.alone())]
        called_once = state_left(self.measured) is None
        if called_once and not self.differs and first_difference(*runs) is None:
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
        """What differs from the reference, first cause first."""
        return with_repetition(root_causes(self.measured, self.baseline), self.unrepeated)

    def has(self, kind: str) -> bool:
        """Whether there is a cause of this kind."""
        return any(cause.kind == kind for cause in self.causes)

    @property
    def input_causes(self) -> list[Conclusion]:
        """The kinds of the causes that are about what goes into the model."""
        wanted: tuple[Conclusion, ...] = ("inputs", "randomness", "schedule", "model input")
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
        """The first step whose latents have other bits, or None."""
        pairs = zip(self.measured.trace, self.baseline.measurement.trace, strict=False)
        return next((i for i, (ours, theirs) in enumerate(pairs) if ours.sha256 != theirs.sha256), None)

    def steps(self) -> list[int]:
        """Return the steps to examine: the first outside the envelope, then the first with other bits.

        If the output alone is outside, or has other bits, that is what follows the last step.
        """
        if self._after_steps:
            return [len(self.measured.trace)]
        calibration = self.baseline.calibration
        outside = None
        if calibration is not None:
            found = differences(self.measured, self.baseline)
            outside = next((i for i, s in enumerate(found) if (s.excess or 0.0) > calibration.factor), None)
        return list(dict.fromkeys(i for i in (outside, self.first_changed) if i is not None))

    @property
    def _after_steps(self) -> bool:
        """Whether the output is off, but no step before it left its envelope."""
        left = any(isinstance(cause.evidence, LeavesEnvelope) for cause in self.causes)
        return self.has("output") and not left

    def without_cells(self, *notes: Note) -> Explanation:
        """Return the explanation that the root causes alone give."""
        conclusion: Conclusion = "unknown"
        changed = bool(bits.changed_parts(self.measured, self.baseline.measurement))
        if changed and any(isinstance(cause.evidence, CodeChanged) for cause in self.causes):
            conclusion = "code"
        elif self.input_causes:
            conclusion = self.input_causes[0]
        elif self.has("model"):
            conclusion = "model"
        elif not changed:
            conclusion, notes = "nothing", (*notes, _NOTHING)
        elif self.has("output"):
            conclusion = "output"
        return self._explanation(conclusion, notes=notes)

    def unrepeated_cells(self) -> Explanation | None:
        """Return the explanation of a case whose runs or calls differ, with the cell if a replay meets it.

        None if all that is known of have the same bits.
        """
        state = state_left(self.measured)
        if state is None and self.unrepeated is None:
            return None
        conclusion: Conclusion = "repetition" if self.unrepeated is not None else "state"
        found: Iterable[Difference] = self.unrepeated.differences if self.unrepeated is not None else ()
        if isinstance(state, StateLeftBehind):
            found = (*found, state.first)
        steps = {each.step for each in found if isinstance(each, OtherLatents)}
        index = next((i for i, record in enumerate(self.measured.trace) if record.step in steps), None)
        if index is None:
            return self._explanation(conclusion)
        job = self.case.job()
        try:
            trace = self.runner.trace(job, index)
            # What differs may differ from call to call, or from process to process.
            for each in (job, job.alone(), job.alone()):
                replay = self.runner.replay(each, trace)
                if replay.first is not None:
                    break
        except HarnessError as error:
            return self._explanation(conclusion, notes=(_unexamined(error),))
        if not trace.calls:
            return self._explanation(conclusion, notes=(_no_cells(index),))
        notes = list(map(Note, self._notes(replay)))
        if replay.first is None:
            notes.append(Note(f"in three replays of step {index}, every cell computed the same"))
        finding = replay.first_beyond_rounding or replay.first
        return self._explanation(conclusion, replay, finding, tuple(notes))

    def with_cells(self, steps: list[int], trace_of: Callable[[int], DeepTrace]) -> Explanation:
        """Return the explanation from root causes and from the cells of the first conclusive step."""
        replay: Replay | None = None
        for step in steps:
            try:
                trace = trace_of(step)
                latest = self.runner.replay(self.case.job(), trace)
            except HarnessError as error:
                return self.without_cells(_unexamined(error))
            if not any(call.of_cell for call in trace.calls):
                return self.without_cells(*([] if latest.after_last else [_no_cells(step)]))
            replay = latest if replay is None or latest.findings else replay
            if latest.first_beyond_rounding is not None:
                break
        if replay is None:
            return self.without_cells()
        notes = list(map(Note, self._notes(replay)))
        if (finding := replay.first_beyond_rounding or replay.first) is not None:
            return self._explanation(self._conclusion(finding, replay), replay, finding, tuple(notes))
        where = "after the last step every cell computes"
        if not replay.after_last:
            where = f"in step {replay.step} every cell and the scheduler's step compute"
        notes.append(Note(f"{where} what the reference did"))
        if (first := self.first_changed) not in (None, replay.step) and not replay.after_last:
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
        if finding.place == "cell" and "inputs" in inputs:
            # With weights of another checkpoint, the cell is only the place where they are used.
            return "inputs"
        if finding.place == "cell" and not finding.beyond and self.has("model"):
            return "model"
        if finding.place == "output" or (not finding.beyond and self._after_steps):
            return "output"
        if finding.place == "cell":
            return "cell"
        if finding.place in ("model input", "scheduler input"):
            if inputs:
                return inputs[0]
            if not finding.leading or replay.after_last:
                return "model input" if finding.place == "model input" else "scheduler"
            if finding.place == "scheduler input":
                return "prediction"
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
                "cells ran in PyNative on both sides, whose bits here differ from those of graph mode: "
                "effects of compiled graphs alone are not seen"
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
        causes = self.causes
        kind = _INPUT_CAUSES.get(conclusion)
        if replay is not None and finding is not None and kind is not None:
            names = [
                each.tensor
                for each in replay.findings
                if (each.place, each.to, each.beyond) == (finding.place, finding.to, finding.beyond)
            ]
            assert finding.to is not None
            wrong = WrongInput(tuple(dict.fromkeys(names)), finding.to, replay.step, not replay.after_last)
            causes = with_input(causes, Cause(kind, wrong))
        theirs = self.baseline.measurement.fingerprint
        causes = with_atlases(causes, atlas_evidence(self.atlases, self.measured.fingerprint, theirs, replay))
        return Explanation(self.case.name, self.reference, causes, conclusion, replay, finding, notes)


# The kind of cause that names the input, for conclusions that are about one.
_INPUT_CAUSES: dict[Conclusion, Kind] = {
    "model input": "model input",
    "initial latents": "model input",
    "prediction": "prediction",
}
_NOTHING = Note(
    "nothing differed in three runs, two of them in fresh workers. If the case has just drifted, it does not "
    "repeat every time, or it differs after other cases in the same worker: run its whole suite again"
)


def _unexamined(error: HarnessError) -> Note:
    return Note(f"no cell was examined: {error}", error.remedy)


def _no_cells(step: int) -> Note:
    told = "no cell was examined: the pipeline calls no mindspore.nn.Cell in step "
    return Note(f"{told}{step} (it runs its own code, or a graph that it compiles itself)")
