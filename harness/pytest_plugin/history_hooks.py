"""The hooks of pytest that append a run to a history; registered only where one is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from harness.codec import from_json
from harness.errors import HarnessError
from harness.history.history_record import CaseRecord
from harness.operations.history_run import RunHistory
from harness.reporting.ending import early_end
from harness.reporting.history_report import appended_text


class HistoryHooks:
    """Takes the records from the test reports, which xdist carries here, and appends the run at the end."""

    def __init__(self, history: RunHistory) -> None:
        self._history = history
        self._told = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a case's record."""
        record = getattr(report, "harness_history", None)
        if record is not None:
            self._history.add(from_json(CaseRecord, record))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Append the run; one that cannot be appended fails."""
        try:
            self._told = appended_text(self._history.append(early_end(session, exitstatus)))
        except HarnessError as error:
            self._told = f"error: {error}"
            session.exitstatus = max(pytest.ExitCode.TESTS_FAILED, exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the run is."""
        terminalreporter.write_line(self._told)
