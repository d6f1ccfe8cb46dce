"""The pool: several runners side by side, each on its own core."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from typing import Any, TypeVar

from harness.cases.job import Job
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.measurement.measurement import Measurement

Tag = TypeVar("Tag")
Result = TypeVar("Result")

# Interval in seconds at which a pool that is ending checks its threads.
_ROUND = 0.1


class RunnerPool:
    """``size`` runners created by ``make``; use as a context manager.

    The runners and their loaded pipelines are kept between calls. Use it from one thread at a time: the pool
    has threads of its own.
    """

    def __init__(self, make: Callable[[], Runner], size: int = 1) -> None:
        self._free: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        self._runners: list[Runner] = []
        self._jobs: set[Future[Any]] = set()
        try:
            for _ in range(size):
                self._runners.append(make())
                self._free.put(self._runners[-1])
        except BaseException:
            self._close()
            raise
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="harness-pool")

    def __enter__(self) -> RunnerPool:
        return self

    def __exit__(self, *_: object) -> None:
        """End all jobs, including running ones, and all workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._close()
        # If a thread was just starting its worker, that worker exists by the next round.
        while wait(tuple(self._jobs), timeout=_ROUND).not_done:
            self._close()
        self._close()

    def _close(self) -> None:
        for runner in self._runners:
            # Its thread may be releasing the same worker that is being ended here.
            with suppress(KeyError):
                runner.close()

    def run(self, job: Job) -> Measurement:
        """Run one job on the next free runner; raises the same errors as :meth:`Runner.run`."""
        return self._with_runner(lambda runner: runner.run(job))

    def _with_runner(self, function: Callable[[Runner], Result]) -> Result:
        runner = self._free.get()
        try:
            return function(runner)
        finally:
            self._free.put(runner)

    def submit(self, job: Job) -> Future[Measurement]:
        """Start one job as soon as a runner is free; its future raises the errors of :meth:`Runner.run`."""
        return self.submit_made(lambda: job)

    def submit_made(self, make: Callable[[], Job]) -> Future[Measurement]:
        """Start the job that ``make`` returns, which is called then, so that no job waits with its arrays."""
        return self.apply(lambda runner: runner.run(make()))

    def apply(self, function: Callable[[Runner], Result]) -> Future[Result]:
        """Call ``function`` with a runner as soon as one is free; its future raises what it raises."""
        future = self._threads.submit(self._with_runner, function)
        self._jobs.add(future)
        future.add_done_callback(self._jobs.discard)
        return future

    def run_all(self, jobs: Iterable[tuple[Tag, Job]]) -> Iterator[tuple[Tag, Measurement | HarnessError]]:
        """Run all ``jobs`` and yield each one's tag with its result or error, as they finish."""
        pending: dict[Future[Measurement], Tag] = {self.submit(job): tag for tag, job in jobs}
        try:
            for future in as_completed(pending):
                tag, error = pending.pop(future), future.exception()
                if error is not None and not isinstance(error, HarnessError):
                    raise error
                yield tag, error or future.result()
        finally:
            for future in pending:
                future.cancel()
