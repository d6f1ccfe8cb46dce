"""The hooks of pytest that gather a run's report; registered only where one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.reporting.ending import early_end
from harness.reporting.html.run import RunReport


class ReportHooks:
    """Takes the views from the test reports, which xdist carries here, and writes the page at the end."""

    def __init__(self, report: RunReport, left_out: Callable[[], int]) -> None:
        self._report, self._left_out = report, left_out
        self._outcome = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a case's view; a case that failed without one is a problem of the run."""
        view = getattr(report, "harness_view", None)
        if view is not None:
            self._report.cases[report.nodeid] = view
        elif report.failed and hasattr(report, "harness_case"):
            self._report.problems[report.nodeid] = report.longreprtext

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take what could not be collected: a page without it would look complete."""
        if report.failed:
            self._report.problems[report.nodeid] = report.longreprtext

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the page; a run whose page cannot be written fails."""
        if (ended := early_end(session, exitstatus)) is not None:
            self._report.problems["the run ended early"] = ended
        try:
            self._outcome = f"report: {self._report.write(self._left_out())}"
        except HarnessError as error:
            self._outcome = f"error: {error}"
            session.exitstatus = max(pytest.ExitCode.TESTS_FAILED, exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the page is."""
        terminalreporter.write_line(self._outcome)
