"""What a second call of the pipeline, in the same process and with the same seeds, says about a case."""

from __future__ import annotations

from harness.cases.case import Case
from harness.errors import FailureCause
from harness.judgement.bits import drawn
from harness.judgement.call_reasons import NotCalledTwice, SecondCallFailed, StateLeftBehind
from harness.judgement.failures import Refused
from harness.judgement.reasons import Difference, OtherDraw, OtherLatents, OtherNumber, OtherPart
from harness.measurement.measurement import Measurement
from harness.measurement.second_call import Outcome, SecondCall


class StateLeftError(Refused):
    """The first call of a pipeline changes what the second one gives, so no run stands for the case."""

    cause = FailureCause.STATE_LEFT_BEHIND


def state_left(measured: Measurement) -> StateLeftBehind | SecondCallFailed | None:
    """Return how the second call differs from the first; None if it does not, or was not made."""
    second = measured.second_call
    if second is None or second.outcome not in (Outcome.DIFFERS, Outcome.FAILED):
        return None
    if second.outcome is Outcome.FAILED:
        return SecondCallFailed(second.told)
    return StateLeftBehind(_difference(measured, second))


def check_second_call(name: str, measured: Measurement) -> None:
    """Raise :class:`StateLeftError` if the second call of the case called ``name`` differs from the first."""
    if (reason := state_left(measured)) is not None:
        raise StateLeftError(name, reason)


def not_called_twice(case: Case, measured: Measurement) -> NotCalledTwice | None:
    """Return why no second call was made, where the case's own keys are the reason."""
    if case.repeat is False:
        return NotCalledTwice("repeat")
    second = measured.second_call
    return NotCalledTwice("timeout") if second is not None and second.outcome is Outcome.OUT_OF_TIME else None


def _difference(measured: Measurement, second: SecondCall) -> Difference:
    at = second.at or 0
    if second.part == "draw":
        return OtherDraw(at, drawn(measured.ledger[at]))
    if second.part == "step":
        return OtherLatents(measured.trace[at].step, measured.trace[at].timestep)
    if second.part == "draws":
        return OtherNumber("draws", len(measured.ledger), at)
    if second.part == "steps":
        return OtherNumber("steps", len(measured.trace), at)
    return OtherPart("output")
