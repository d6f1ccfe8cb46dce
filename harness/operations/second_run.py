"""Running a drift once more, in a fresh worker, before it is reported: does it repeat?"""

from __future__ import annotations

from dataclasses import replace

from harness.cases.case import Case
from harness.errors import HarnessError
from harness.judgement.check import Check
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import NotRunAgain, Reason, Repeats, SecondRunFailed
from harness.judgement.repetition import FreshRunner, unrepeated
from harness.judgement.verdicts import judge
from harness.operations.decoding import with_decoder_of

# After this many cases in a row that drift and repeat, what all cases share has changed, such as the
# environment, and running each of them again would double the time for nothing.
IN_A_ROW = 5


class SecondRuns:
    """The second runs of one run of the suites.

    A case that drifts right after :data:`IN_A_ROW` cases that drifted and repeated is not run again.
    """

    def __init__(self) -> None:
        self._repeated = 0

    def confirmed(self, case: Case, found: Check, runner: FreshRunner) -> Check:
        """Return ``found``, the check of ``case``, with the result of a second run if it is a drift.

        The first run stays the one that is judged, and a drift stays a drift. If the two runs differ, that is
        the first reason.
        """
        if found.judgement.verdict is not Verdict.DRIFT:
            self._repeated = 0
            return found
        if self._repeated >= IN_A_ROW:
            return _noted(found, NotRunAgain(self._repeated))
        assert found.measurement is not None  # it drifted
        assert found.baseline is not None
        try:
            second = runner.run(with_decoder_of(case.job(), found.baseline).alone())
            verdict = judge(case, second, found.baseline).verdict.value
        except HarnessError as error:
            return replace(_noted(found, SecondRunFailed(error.cause.value, str(error))), again=error)
        difference = unrepeated(found.measurement, second, verdict)
        found = replace(found, again=second)
        if difference is None:
            self._repeated += 1
            return _noted(found, Repeats())
        self._repeated = 0
        reasons = (difference, *found.judgement.reasons)
        return replace(found, judgement=replace(found.judgement, reasons=reasons))


def _noted(found: Check, note: Reason) -> Check:
    return replace(found, judgement=replace(found.judgement, notes=(note, *found.judgement.notes)))
