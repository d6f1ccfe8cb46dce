"""The files that a run writes (HTML report, Markdown summary, history) and the hooks that write them.

GitHub Actions names a summary in every step, even in projects without suites, so slow imports are deferred.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HarnessError, UsageError
from harness.foreign_text import printable

if TYPE_CHECKING:
    from harness.baselines.candidates import CandidateStore
    from harness.gate.signing import SigningKey
    from harness.pytest_plugin.collection import HarnessSession

# What lies in a folder of candidates beside the folders of their suites.
CANDIDATES_FILES = (".gitignore", "signature.json")


class RunFile:
    """Gathers data from the test reports, which xdist forwards, and writes a file at the end."""

    # The attribute of a test report that holds the data.
    carried: str
    # Whether collection errors in files other than suites are problems, too.
    of_all_files = False

    def __init__(self, place: Path | None, shared: Callable[[], HarnessSession]) -> None:
        self._place, self._shared = place, shared
        self.cases: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        self.ended: str | None = None
        self._told: list[str] = []

    def write(self) -> Iterator[str]:
        """Write the file and yield the lines to print about it."""
        raise NotImplementedError

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the data of a case; a case that failed without any was not judged."""
        if (carried := getattr(report, self.carried, None)) is not None:
            self.cases[report.nodeid] = carried
        elif report.failed and hasattr(report, "harness_case"):
            self.problems[report.nodeid] = report.longreprtext

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take collection errors."""
        if report.failed and (self.of_all_files or hasattr(report, "harness_suite")):
            self.problems[report.nodeid] = report.longreprtext

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the file; a run whose file cannot be written fails."""
        if not (self._place or self.cases or self.problems):
            return  # A project without suites, in a step of GitHub Actions.
        why = session.shouldfail or session.shouldstop
        if why or exitstatus == pytest.ExitCode.INTERRUPTED:
            reason = why if isinstance(why, str) else "interrupted"
            self.ended = self.problems["the run ended early"] = f"{reason}: cases may be missing here"
        try:
            for line in self.write():
                self._told.append(line)
        except HarnessError as error:
            self._told.append(f"error: {error}")
            session.exitstatus = max(pytest.ExitCode.TESTS_FAILED, exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the file is."""
        for line in self._told:
            terminalreporter.write_line(printable(line))


class ReportPage(RunFile):
    """Writes the HTML page."""

    carried = "harness_view"
    # Without them the page would look complete.
    of_all_files = True

    def __init__(self, folder: Path, shared: Callable[[], HarnessSession]) -> None:
        """Raise :class:`UsageError` if no page can be written into ``folder``."""
        from harness.reporting.html.run import report_folder

        super().__init__(folder, shared)
        self._folder = report_folder(folder)

    def write(self) -> Iterator[str]:
        """Write the page and its data."""
        from harness.reporting.html.run import report_run

        yield f"report: {report_run(self._folder, self.cases, self.problems, self._shared().left_out)}"


class HistoryEntry(RunFile):
    """Appends the run to a history."""

    carried = "harness_history"

    def __init__(self, file: Path, shared: Callable[[], HarnessSession]) -> None:
        """Raise :class:`UsageError` if nothing can be appended to ``file``."""
        from harness.operations.history_run import RunHistory

        super().__init__(file, shared)
        self._history = RunHistory(file, "pytest")

    def write(self) -> Iterator[str]:
        """Append the run."""
        from harness.codec import from_json
        from harness.history.history_record import CaseRecord
        from harness.reporting.history_report import appended_text

        for record in self.cases.values():
            self._history.add(from_json(CaseRecord, record))
        yield appended_text(self._history.append(self.ended))


class Candidates(RunFile):
    """Keeps candidates, each as soon as it comes, so that the run does not hold them all.

    If a case passes, what waited for it no longer does.
    """

    carried = "harness_kept"

    def __init__(self, folder: Path | None, shared: Callable[[], HarnessSession]) -> None:
        """Raise :class:`UsageError` if ``folder`` holds other files than candidates."""
        super().__init__(folder, shared)
        self.key: SigningKey | None = None
        self._signed: dict[str, str] = {}
        if folder is not None and ("::" in str(folder) or any(folder.rglob("*.y*ml"))):
            raise UsageError(
                f"{folder}: this names suites, not a folder for candidates; write --harness-candidates=DIR, "
                "or put the option after the suites"
            )
        if folder is not None and folder.exists():
            files = [each for each in folder.iterdir() if not each.is_dir()] if folder.is_dir() else [folder]
            if foreign := [each.name for each in files if each.name not in CANDIDATES_FILES]:
                raise UsageError(
                    f"{folder}: this holds other files ({foreign[0]}); name a folder of its own, as in "
                    "--harness-candidates=DIR, or leave out DIR"
                )

    @property
    def _store(self) -> CandidateStore:
        from harness.baselines.candidates import CandidateStore

        return CandidateStore(self._place) if self._place else CandidateStore.beside(self._shared().store)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the candidate of a case, and take its bytes off the report, which pytest keeps."""
        kept = report.__dict__.pop(self.carried, None)
        if kept is None:
            return
        from harness.baselines.baseline import Key

        problem = kept.get("problem")
        if settled := kept.get("settled"):
            with suppress(HarnessError):  # harness review says what is wrong with it
                self._store.remove(Key(*settled))
            return
        if problem is None:
            try:
                path = self._store.write(Key(*kept["key"]), kept["data"])
                name = path.relative_to(self._store.root).as_posix()
                self._signed[name] = hashlib.sha256(kept["data"]).hexdigest()
            except HarnessError as error:
                problem = str(error)
        self.cases[report.nodeid] = problem

    def write(self) -> Iterator[str]:
        """Say how many there are, and why others are missing."""
        problems = [each for each in self.cases.values() if each is not None]
        yield from (f"no candidate: {each}" for each in problems)
        if kept := len(self.cases) - len(problems):
            from harness.baselines.errors import shown
            from harness.counting import count

            if self.key is not None:
                from harness.operations.signed_candidates import sign_candidates

                sign_candidates(self._store.root, self._signed, self.key)
            folder = shown(self._store.root)
            yield f"{count(kept, 'candidate')} in {folder}; harness accept makes baselines of them"


class Summary(RunFile):
    """Writes the Markdown summary.

    An existing ``file`` is replaced. GitHub's step summary is appended to, as other commands of the step
    write to it, and only in a run that had suites, as any project's environment may name one.
    """

    carried = "harness_outcome"

    def __init__(self, file: Path | None, shared: Callable[[], HarnessSession]) -> None:
        """Raise :class:`UsageError` if ``file`` cannot be written."""
        super().__init__(file, shared)
        named = os.environ.get("GITHUB_STEP_SUMMARY")
        self._step_summary = Path(named) if named else None
        if file is not None:
            from harness.operations.destination import check_destination

            check_destination(file)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Check the step's summary before any case runs, if there are cases."""
        if any(hasattr(item, "harness_checked") for item in session.items):
            self._check_step_summary()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """Do the same if other processes collect."""
        if any(name.partition("::")[0].endswith((".yaml", ".yml")) for name in ids):
            self._check_step_summary()

    def _check_step_summary(self) -> None:
        if self._step_summary is None:
            return
        from harness.operations.destination import check_destination

        try:
            check_destination(self._step_summary, appended=True)
        except UsageError as error:
            raise pytest.UsageError(printable(f"GITHUB_STEP_SUMMARY {error}")) from None

    def write(self) -> Iterator[str]:
        """Write the summary into the named files."""
        from harness.codec import from_json
        from harness.operations.destination import append_result, write_result
        from harness.reporting.case_report import CaseReport
        from harness.reporting.markdown import MOST_BYTES, markdown_summary

        content = partial(
            markdown_summary,
            [from_json(CaseReport, outcome) for outcome in self.cases.values()],
            self.problems.items(),
            sorted(self._shared().orphans()),
            left_out=self._shared().left_out,
        )
        if self._place is not None:
            write_result(self._place, content().encode())
            yield f"summary: {self._place}"
        step = self._step_summary
        if step is not None and (self.cases or self.problems):
            there = 0
            with suppress(OSError):  # if something is wrong with the file, appending reports it
                there = step.stat().st_size
            append_result(step, content(most_bytes=MOST_BYTES - there).encode())


def register(config: pytest.Config, shared: Callable[[], HarnessSession]) -> None:
    """Register the writers of the files that the options of ``config`` and the environment name.

    Raises :class:`pytest.UsageError` if one of them cannot be written.
    """
    kinds: tuple[tuple[str, str, type[RunFile]], ...] = (
        ("--harness-report", "harness_report", ReportPage),
        ("--harness-markdown", "harness_markdown", Summary),
        ("--history", "harness_history", HistoryEntry),
        ("--harness-candidates", "harness_candidates", Candidates),
    )
    for option, name, kind in kinds:
        named = config.getoption(name)
        if (
            named
            or (kind is Candidates and named is not None)
            or (kind is Summary and os.environ.get("GITHUB_STEP_SUMMARY"))
        ):
            try:
                made = kind(Path(named) if named else None, shared)
                if isinstance(made, Candidates) and (key := config.getoption("harness_sign_key")):
                    from harness.gate.signing import signing_key

                    made.key = signing_key(Path(key))
                config.pluginmanager.register(made)
            except UsageError as error:
                raise pytest.UsageError(printable(f"{option} {error}")) from None
