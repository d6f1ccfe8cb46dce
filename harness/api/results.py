"""What calls return: whether it passed, what was found, the text a command prints, and a notebook's view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.judgement.check import Check
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.power.case_power import PowerReport
from harness.measurement.measurement import Array
from harness.operations.calibrate import Calibrations
from harness.operations.compare_arrays import ComparedArrays
from harness.operations.explaining import Explanation
from harness.operations.record import Recording
from harness.reporting.explanation import causes_table
from harness.reporting.html.notebook import fragment
from harness.reporting.power import power_table
from harness.reporting.recording import calibrations_table, proposed_table
from harness.reporting.summary import verdicts_table
from harness.reporting.tables import Table
from harness.reporting.terminal import rows_table

Pictured = Iterable[tuple[str, Array | None, Array | None]]


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The result of a call. ``str`` gives what the command prints, and ``bool`` whether it passed."""

    text: str

    @property
    def passed(self) -> bool:
        """Whether the command would exit with 0."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self._word}>"

    @property
    def _word(self) -> str:
        return f"{type(self).__name__}: {'passed' if self.passed else 'not passed'}"

    def _tables(self) -> Iterable[Table]:
        return ()

    def _pictured(self) -> Pictured:
        return ()

    def _repr_html_(self) -> str:
        return fragment(self._word, self.text, self._tables(), self._pictured())


@dataclass(frozen=True, eq=False, repr=False)
class CheckedCase(Result):
    """One checked case. ``check`` holds the judgement, the measurement and the baseline."""

    case: Case
    check: Check

    @property
    def name(self) -> str:
        """The case's name, ``suite/id``."""
        return self.case.name

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.check.judgement.verdict

    @property
    def passed(self) -> bool:
        """Whether pytest would not fail. Also true if the case failed as expected, or is strict and was
        recorded in another environment."""
        judgement = self.check.judgement
        return judgement.passed or judgement.failed_as_expected or judgement.elsewhere

    @property
    def output(self) -> Array | None:
        """The array that the run returned, or None."""
        return None if self.check.measurement is None else self.check.measurement.output

    @property
    def baseline(self) -> Baseline | None:
        """The baseline that the run was compared with, or None."""
        return self.check.baseline

    def _tables(self) -> Iterable[Table]:
        return verdicts_table([self.check.judgement]), rows_table(self.check.judgement)

    def _pictured(self) -> Pictured:
        stored = None if self.baseline is None else self.baseline.measurement.output
        return [(self.name, self.output, stored)]


@dataclass(frozen=True, eq=False, repr=False)
class CheckResult(Result):
    """The checked cases, in order."""

    cases: tuple[CheckedCase, ...]

    @property
    def passed(self) -> bool:
        """Whether pytest would exit with 0; see :attr:`CheckedCase.passed`."""
        return all(each.passed for each in self.cases)

    def _tables(self) -> Iterable[Table]:
        return [verdicts_table([each.check.judgement for each in self.cases])]

    def _pictured(self) -> Pictured:
        # What did not pass first.
        return [one for each in sorted(self.cases, key=lambda each: each.passed) for one in each._pictured()]


@dataclass(frozen=True, eq=False, repr=False)
class RecordResult(Result):
    """The result of a recording."""

    recording: Recording

    @property
    def passed(self) -> bool:
        """Whether every case has all that it should have, and none is vacuous."""
        return self.recording.passed

    def _tables(self) -> Iterable[Table]:
        calibrations = self.recording.calibrations
        yield proposed_table([each for each, _ in self.recording.stored.dispositions])
        if calibrations is not None:
            yield calibrations_table(calibrations)

    def _pictured(self) -> Pictured:
        found = self.recording.stored.dispositions
        return [(each.case.name, each.measurement.output, None) for each, _ in found]


@dataclass(frozen=True, eq=False, repr=False)
class CalibrateResult(Result):
    """The result of a calibration."""

    calibrations: Calibrations

    @property
    def passed(self) -> bool:
        """Whether every case can be judged by its calibration, and none is vacuous."""
        return self.calibrations.passed

    def _tables(self) -> Iterable[Table]:
        return [calibrations_table(self.calibrations)]


@dataclass(frozen=True, eq=False, repr=False)
class PowerResult(Result):
    """The measured power of the cases."""

    report: PowerReport

    @property
    def passed(self) -> bool:
        """Whether every case was examined completely and none is vacuous."""
        return self.report.sound

    def _tables(self) -> Iterable[Table]:
        for case in self.report.cases:
            table = power_table(case)
            yield replace(table, header=(case.name, *table.header[1:]))


@dataclass(frozen=True, eq=False, repr=False)
class ExplainResult(Result):
    """The explanation of a drift."""

    explanation: Explanation

    @property
    def passed(self) -> bool:
        """Whether the drift is explained: not if nothing differs any more, or the case does not repeat."""
        return self.explanation.explained

    def _tables(self) -> Iterable[Table]:
        return [causes_table(self.explanation.causes)]


@dataclass(frozen=True, eq=False, repr=False)
class CompareResult(Result):
    """The result of comparing two arrays."""

    compared: ComparedArrays

    @property
    def judgement(self) -> Judgement:
        """The judgement, with all figures."""
        return self.compared.judgement

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.judgement.verdict

    @property
    def passed(self) -> bool:
        """Whether the array is identical, or within its limits."""
        return self.judgement.passed

    def _tables(self) -> Iterable[Table]:
        return [rows_table(self.judgement)]

    def _pictured(self) -> Pictured:
        return [(self.judgement.name, self.compared.measured, self.compared.reference)]
