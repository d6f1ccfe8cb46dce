"""What an operation tells while it works. All tell it in one way, and a display shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from harness.cases.case import Case
from harness.errors import Interrupted

Result = TypeVar("Result", contravariant=True)


class Progress(Generic[Result]):
    """Takes, stage by stage, what runs and what came of it, and shows nothing; a display overrides it."""

    def begin(self, doing: str, runs: int) -> None:
        """Take the stage that begins, as a word for what is done in it, and how many runs it has."""

    def preparing(self, what: str) -> None:
        """Take what is done before the next run."""

    def started(self, name: str) -> None:
        """Take what runs now, most often a case."""

    def advanced(self, done: int) -> None:
        """Take how many runs of the stage are done."""

    def finished(self, result: Result) -> None:
        """Take what came of one case, or of all cases at the end of a stage."""

    def end(self) -> None:
        """Take that the stage is over, also where an error or an interrupt ends it."""


SILENT = Progress[Any]()
# What an interrupt leaves of an operation that keeps its runs.
KEPT = "what has run is kept, the same command goes on from there"


@contextmanager
def stage(progress: Progress[Any], doing: str, runs: int, *, interrupted: str) -> Iterator[None]:
    """Tell ``progress`` of a stage; ``interrupted`` says what is left where it is interrupted.

    Raises :class:`harness.errors.Interrupted` then.
    """
    progress.begin(doing, runs)
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(interrupted, stop) from None
    finally:
        progress.end()


def each_case(
    progress: Progress[Any], cases: Sequence[Case], runs: int = 1
) -> Iterator[tuple[Case, Callable[[int], None]]]:
    """Yield each of ``cases`` as it starts, with what to tell how many of its ``runs`` are done.

    ``progress`` counts all runs of a case once it is over, whatever came of it.
    """
    for index, case in enumerate(cases):
        before = index * runs

        def done(own: int, before: int = before) -> None:
            progress.advanced(before + own)

        progress.started(case.name)
        yield case, done
        done(runs)
