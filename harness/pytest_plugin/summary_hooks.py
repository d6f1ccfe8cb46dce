"""The hooks of pytest that write the Markdown summary; registered where a file for it is named.

GitHub Actions names one in every step, also of projects without suites: what takes time to import is imported
where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError, UsageError
from harness.reporting.ending import early_end

if TYPE_CHECKING:
    from harness.baselines.baseline import Key


class SummaryHooks:
    """Takes the outcomes from the test reports, which xdist carries here, and writes the summary at the end.

    ``file`` is replaced; ``step_summary``, to which other commands of a step write too, is appended to, and
    only in a run that had suites: any project's environment may name one.
    """

    def __init__(
        self,
        file: Path | None,
        step_summary: Path | None,
        orphans: Callable[[], Iterable[Key]],
        left_out: Callable[[], int],
    ) -> None:
        """Raise :class:`UsageError` where ``file`` cannot be written."""
        self._file, self._step_summary = file, step_summary
        self._orphans, self._left_out = orphans, left_out
        self._outcomes: dict[str, Any] = {}
        self._problems: dict[str, str] = {}
        self._told: list[str] = []
        if file is not None:
            from harness.operations.destination import check_destination

            check_destination(file)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Check the step's summary before any case runs, where there are cases."""
        if any(hasattr(item, "harness_outcome") for item in session.items):
            self._check_step_summary()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """Do the same where other processes collect."""
        if any(name.partition("::")[0].endswith((".yaml", ".yml")) for name in ids):
            self._check_step_summary()

    def _check_step_summary(self) -> None:
        if self._step_summary is None:
            return
        try:
            _check_appendable(self._step_summary)
        except UsageError as error:
            raise pytest.UsageError(f"GITHUB_STEP_SUMMARY {error}") from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a case's outcome; a case that failed without one was not judged."""
        outcome = getattr(report, "harness_outcome", None)
        if outcome is not None:
            self._outcomes[report.nodeid] = outcome
        elif report.failed and hasattr(report, "harness_case"):
            self._problems[report.nodeid] = report.longreprtext

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what is wrong with a suite."""
        if report.failed and hasattr(report, "harness_suite"):
            self._problems[report.nodeid] = report.longreprtext

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the summary; a run whose summary cannot be written fails."""
        if not self._outcomes and not self._problems and self._file is None:
            return
        if (ended := early_end(session, exitstatus)) is not None:
            self._problems["the run ended early"] = ended
        try:
            self._write()
        except HarnessError as error:
            self._told.append(f"error: {error}")
            session.exitstatus = max(pytest.ExitCode.TESTS_FAILED, exitstatus)

    def _write(self) -> None:
        from harness.codec import from_json
        from harness.operations.destination import write_result
        from harness.reporting.case_report import CaseReport, Unjudged
        from harness.reporting.markdown import MOST_BYTES, markdown_summary

        outcomes = [from_json(CaseReport, outcome) for outcome in self._outcomes.values()]
        problems = [Unjudged(where, text) for where, text in self._problems.items()]
        content = partial(
            markdown_summary, outcomes, problems, sorted(self._orphans()), left_out=self._left_out()
        )
        if self._file is not None:
            write_result(self._file, content().encode())
            self._told.append(f"summary: {self._file}")
        if self._step_summary is not None and (outcomes or problems):
            try:
                with self._step_summary.open("ab") as stream:
                    left = MOST_BYTES - stream.tell()
                    stream.write(content(most_bytes=left).encode())
            except OSError as error:
                raise HarnessError(f"{self._step_summary}: cannot be written: {error.strerror}") from None

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the summary is."""
        for line in self._told:
            terminalreporter.write_line(line)


def _check_appendable(path: Path) -> None:
    """Raise :class:`UsageError` where nothing can be appended to ``path``, there or not."""
    from harness.operations.destination import check_destination

    if not path.exists() or path.is_dir():
        check_destination(path)
        return
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; choose another place") from None
