"""Second calls: whether a worker calls a pipeline twice with the same seeds, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.cases.job import Job, SecondCalls
from harness.errors import HarnessError
from harness.execution.tracebacks import told
from harness.measurement.second_call import CallBits, Outcome, SecondCall

# The share of a worker's time (its start, loads and first runs) that second calls may add if cheap.
SHARE = 0.10
# A second call may take this many times as long as the first and still end within the time limit.
_MARGIN = 2.0


def why_not(
    asked: SecondCalls, call: float, *, since: float, limit: float, spent: float, second: float
) -> Outcome | None:
    """Return why a second call is not made, or None if it is; all are seconds.

    The first ``call`` of the job, which came ``since`` ago and has a time ``limit``, tells how long the
    second one takes. The worker has ``spent`` time without second calls, and ``second`` on those.
    """
    if since + _MARGIN * call > limit:
        return Outcome.OUT_OF_TIME
    if asked == "if cheap" and second + call > SHARE * spent:
        return Outcome.COSTLY
    return None


class Budget:
    """What one worker has spent without and on second calls, in seconds; its start took ``start_seconds``."""

    def __init__(self, start_seconds: float) -> None:
        self._spent, self._second = start_seconds, 0.0
        # The start counts towards the time limit of the first job.
        self._starting = start_seconds

    def second_call(
        self,
        job: Job,
        first: CallBits,
        again: Callable[[], CallBits],
        *,
        call: float,
        since: float,
        limit: float,
    ) -> SecondCall | None:
        """Make the second call of ``job`` by ``again``; None if the job does not ask for one.

        ``call`` is how many seconds the first call took, ``since`` how many ago the work on the job began,
        and ``limit`` how many the job may take.
        """
        since_start, self._starting = since + self._starting, 0.0
        self._spent += since
        if job.second_call == "never":
            return None
        spent, second = self._spent, self._second
        why = why_not(job.second_call, call, since=since_start, limit=limit, spent=spent, second=second)
        if why is not None:
            return SecondCall(why)
        started = time.perf_counter()
        try:
            return first.compared(again())
        except Exception as error:  # noqa: BLE001  whatever the first call left behind may raise anything
            return SecondCall(
                Outcome.FAILED, told=str(error) if isinstance(error, HarnessError) else told(error)
            )
        finally:
            self._second += time.perf_counter() - started
