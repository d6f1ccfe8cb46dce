"""Command lines to paste into a shell: the remedy for a finding, and what to type about a case."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.baselines.baseline import Baseline
from harness.baselines.errors import shown
from harness.baselines.git import clean_hash
from harness.baselines.staleness import recalibrated
from harness.cases.case import Case
from harness.errors import HarnessError
from harness.explanation.causes import Cause
from harness.explanation.evidence import CodeChanged
from harness.judgement.failures import Refused
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.tiers import Tier, where_recorded
from harness.releases.bisection import NeitherGoodNorBad, NothingToFind, Undecided
from harness.releases.comparison import Comparison
from harness.remedy import Action, Remedy, Where
from harness.reporting.rates import ends_words, percent_down
from harness.reporting.reasons import in_words, joined, text_of

_REASON = ("--reason", "<why it changes>")
_CODE = "--code"
# An interpreter that only the user knows.
_TORCH = "<python with torch>"
_COMMANDS = {Action.CALIBRATE: "calibrate", Action.EXPLAIN_CODE: "explain"}
# For each remedy, the end of the sentence that says what is wrong, and the options of its command.
_SENTENCES: dict[Action, tuple[str, ...]] = {
    Action.RECORD: ("; record it: ",),
    Action.RESTORE: (". Restore the file from version control, or record it again: ", *_REASON),
    Action.UNDO_EDIT: (". Undo the edit, or record the case again: ", *_REASON),
    Action.CALIBRATE: (": run ",),
    Action.CALIBRATE_ELSEWHERE: (". Calibrate where it was recorded, or record it again: ", *_REASON),
    Action.RECORD_TRACE: ("; record it where the baseline is right: ", "--deep"),
    Action.RECORD_TRACE_AGAIN: (". Record it again in the environment of the baseline: ", "--deep"),
    Action.EXPLAIN_CODE: (": run ",),
    Action.RECORD_REFERENCE: ("; record it: ", "--reference", "diffusers"),
    Action.RECORD_BOTH: (
        ". Record the trace where the baseline was recorded, or record both again: ",
        *_REASON,
        "--deep",
    ),
}


@dataclass(frozen=True)
class Invocation:
    """How a run was started: the options that a follow-up command line must repeat.

    ``baselines`` is the folder of the store; ``device``, ``device_id`` (the NPU's number) and ``python`` (the
    workers' interpreter, None for the current one) say where cases run. ``user_code`` says whether pipelines
    that are the user's own functions may run.
    """

    baselines: str = "baselines"
    device: str = "CPU"
    device_id: int = 0
    python: str | None = None
    user_code: bool = True

    def at(self, where: Where) -> Invocation:
        """Return the invocation for a command at ``where``, as far as that is known here."""
        if where is Where.HERE:
            return self
        if where is Where.THIS_DEVICE:
            return replace(self, python=None)
        device = "CPU" if where is Where.CPU else "Ascend"
        return Invocation(self.baselines, device, user_code=self.user_code)

    def line(self, command: str, cases: str, *options: str) -> str:
        """Return ``harness command cases`` with ``options``, to run where this was started."""
        device = ["--device", self.device] if self.device != "CPU" else []
        device += ["--device-id", str(self.device_id)] if self.device_id else []
        python = ["--python", self.python] if self.python else []
        refusing = [] if self.user_code else ["--no-user-code"]
        words = ["harness", command, cases, "--baseline-dir", shown(Path(self.baselines)), *device, *python]
        return shlex.join([*words, *refusing, *options])

    def accept_line(self, cases: Sequence[Case]) -> str:
        """Return the command line that accepts the candidates of ``cases``."""
        first, *others = (f"{shown(case.path)}::{case.id}" for case in cases)
        return self.line("accept", first, *others, *_REASON)

    def pytest_line(self, cases: str) -> str:
        """Return the command line of pytest that runs ``cases`` where this was started."""
        device = ["--device", self.device] if self.device != "CPU" else []
        python = [f"--harness-python={self.python}"] if self.python else []
        refusing = [] if self.user_code else ["--harness-no-user-code"]
        words = ["pytest", cases, "--baseline-dir", shown(Path(self.baselines)), *device, *python]
        return shlex.join([*words, *refusing])


@dataclass(frozen=True)
class TestInvocation(Invocation):
    """How the ``test`` (a node id) of a user was started, whose checks pytest records."""

    __test__ = False
    test: str = ""

    def at(self, where: Where) -> TestInvocation:  # noqa: ARG002
        """Return this: nothing but the test itself is known of any other place."""
        return self

    def line(self, command: str, cases: str, *options: str) -> str:  # noqa: ARG002
        """Return the command line that records the test, whatever is to be done about it."""
        reason = ["--harness-reason", _REASON[1]] if _REASON[0] in options else []
        return shlex.join(["pytest", self.test, "--harness-record", *reason])

    def pytest_line(self, cases: str) -> str:  # noqa: ARG002
        """Return the command line of pytest that runs the test."""
        return shlex.join(["pytest", self.test])

    def commands(self) -> Commands:
        """Return what to type about the test."""
        record = self.line("record", self.test, *_REASON)
        return Commands(
            self, explain=None, again=self.pytest_line(self.test), calibrate=record, record=record
        )


def error_text(error: HarnessError, invocation: Invocation, case: Case | None = None) -> str:
    """Return what is wrong, and what to type if the error has a remedy.

    The name of ``case``, if given, comes first, unless the error already names it.
    """
    text = f"{_told(error)}{remedy_text(error.remedy, invocation)}"
    return text if case is None or error.about else f"{case.name}: {text}"


def text_beside(error: HarnessError, invocation: Invocation) -> str:
    """Return the same without what the error is about, next to which it is shown."""
    told = text_of(error.reason) if isinstance(error, Refused) else error.message
    return f"{told}{remedy_text(error.remedy, invocation)}"


def _told(error: HarnessError) -> str:
    if isinstance(error, Refused):
        return ": ".join([*error.about, text_of(error.reason)])
    if isinstance(error, NeitherGoodNorBad):
        return (
            f"{error}: {joined(error.comparison.reasons)}. Leave out --drift to search for the first change "
            "of bits"
        )
    if isinstance(error, Undecided):
        best = "that nothing changed" if error.best is None else f"a change with {error.best}"
        return (
            f"{error}. Most likely is {best} ({percent_down(error.confidence)}); {ends_words(error.ends)}. "
            "Allow more with --max-runs, or ask for less with --confidence"
        )
    if isinstance(error, NothingToFind):
        return _nothing_told(error)
    return str(error)


def _nothing_told(error: NothingToFind) -> str:
    told = str(error)
    if error.baseline is not None:
        verdict, reasons = error.baseline.verdict, joined(error.baseline.reasons)
        if verdict is Verdict.ERROR:
            told += f". It cannot be compared with its baseline: {reasons}"
        else:
            told += (
                f". Under both it is {verdict.value} against its baseline, so the change is in the case "
                f"itself, its weights, its pipeline, or another part of the environment: {reasons}"
            )
    return told if error.ends is None else f"{told}; {ends_words(error.ends)}"


def reason_texts(judged: Judgement | Comparison, invocation: Invocation) -> list[str]:
    """Return why ``judged`` did not pass, most informative reason first, and the remedy after the last."""
    texts = in_words(judged.reasons)
    return [*texts[:-1], *(f"{text}{remedy_text(judged.remedy, invocation)}" for text in texts[-1:])]


def remedy_text(remedy: Remedy | None, invocation: Invocation) -> str:
    """Return the end of the sentence that says what is wrong: what to do, and the command to type."""
    if remedy is None:
        return ""
    sentence, *options = _SENTENCES[remedy.action]
    calibrating = remedy.action is Action.CALIBRATE
    file = f"suites/{remedy.suite}.yaml" if remedy.file is None else shown(Path(remedy.file))
    if remedy.calibrate:
        options.insert(0, "--calibrate")
    if remedy.revision is not None:
        options += [_CODE, remedy.revision]
    command = _COMMANDS.get(remedy.action, "record")
    if remedy.action is Action.RECORD_REFERENCE:
        invocation = replace(invocation, device="CPU", device_id=0, python=_TORCH)
    line = invocation.at(remedy.where).line(command, f"{file}::{remedy.case_id}", *options)
    elsewhere = calibrating and remedy.where is not Where.HERE
    return f"{sentence}{line}{' where the baseline was recorded' if elsewhere else ''}"


@dataclass(frozen=True)
class Commands:
    """The command lines for one case that ran as ``invocation`` describes, one for each purpose.

    ``explain`` says why it drifted (None where nothing can), ``again`` runs it again, ``calibrate`` measures
    its tolerance, and ``record`` records it again. ``explain_code`` compares it with the code of its
    baseline; None if that is not known to be another.
    """

    invocation: Invocation
    explain: str | None
    again: str
    calibrate: str
    record: str
    explain_code: str | None = None

    def fitting(self, judgement: Judgement) -> list[tuple[str, str]]:
        """Return a label and a command for each command that helps with ``judgement``; none if it passed.

        Without a comparison there is nothing to explain. Recording is offered after an edit of the case or of
        the code, not for a difference between environments, where the new baseline would come from this
        environment, and not for a case that does not repeat or leaves a state behind, which is not recorded.
        """
        if judgement.passed:
            return []
        found = [("run again", self.again)]
        if self.explain is not None and judgement.verdict is not Verdict.ERROR:
            found.insert(0, ("explain", self.explain))
            if self.explain_code is not None:
                found.insert(1, ("find the cell", self.explain_code))
        moved = judgement.verdict is Verdict.DRIFT and judgement.tier is Tier.SAME_ENVIRONMENT
        recordable = judgement.unrepeated is None and not judgement.keeps_state
        if (moved and recordable) or judgement.stale:
            found.append(("if meant", self.record))
        return found


def commands(
    case: Case,
    invocation: Invocation,
    *,
    baseline: Baseline | None = None,
    tier: Tier | None = None,
    causes: Sequence[Cause] = (),
) -> Commands:
    """Return the command lines for ``case``, which ran as ``invocation`` describes.

    The command that records a case again also calibrates it if its ``baseline`` is calibrated or its
    tolerance requires that. ``tier`` relates the run to the environment of the baseline, where calibration
    takes place. ``causes`` are those of the drift.
    """
    there = invocation
    if baseline is not None and tier is not None:
        there = invocation.at(where_recorded(baseline.device, tier))
    named = f"{shown(case.path)}::{case.id}"
    calibrating = ["--calibrate"] if recalibrated(case, baseline) else []
    edited = (each.evidence for each in causes if isinstance(each.evidence, CodeChanged))
    revision = next((clean_hash(each.commits[1]) for each in edited), None)
    return Commands(
        invocation,
        explain=invocation.line("explain", named),
        again=invocation.pytest_line(named),
        calibrate=there.line("calibrate", named),
        record=invocation.line("record", named, *calibrating, *_REASON),
        explain_code=None if revision is None else invocation.line("explain", named, _CODE, revision),
    )
