"""The pool: several runners side by side, each on a core of its own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, TypeVar

from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.measurement.record import Measurement

Tag = TypeVar("Tag")


class RunnerPool:
    """``size`` runners made by ``make``; use as a context manager.

    The runners are kept between calls, and so are their loaded pipelines. For one thread at a time: it is the
    pool that has threads.
    """

    def __init__(self, make: Callable[[], Runner], size: int = 1) -> None:
        self._free: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        self._runners = [make() for _ in range(size)]
        for runner in self._runners:
            self._free.put(runner)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="harness-pool")

    def __enter__(self) -> RunnerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        # Ends the wait of the threads that have a job under way, too.
        for runner in self._runners:
            runner.close()
        self._threads.shutdown()

    def run(self, job: dict[str, Any]) -> Measurement:
        """Run one job on the next free runner; raises what :meth:`Runner.run` raises."""
        runner = self._free.get()
        try:
            return runner.run(job)
        finally:
            self._free.put(runner)

    def run_all(
        self, jobs: Iterable[tuple[Tag, dict[str, Any]]]
    ) -> Iterator[tuple[Tag, Measurement | HarnessError]]:
        """Run all ``jobs`` and yield their tags with what came of each, as they finish."""
        pending: dict[Future[Measurement], Tag] = {
            self._threads.submit(self.run, job): tag for tag, job in jobs
        }
        try:
            for future in as_completed(pending):
                tag, error = pending.pop(future), future.exception()
                if error is None:
                    yield tag, future.result()
                elif isinstance(error, HarnessError):
                    yield tag, error
                else:
                    raise error
        finally:
            for future in pending:
                future.cancel()
