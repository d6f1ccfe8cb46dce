"""Front door 1: the pytest plugin. Its hooks find the suites and report; all else is loaded on demand.

pytest imports this module in every project whose environment has the package. So it imports nothing slow, and
does not touch the option names, YAML files and output of a project without suites.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.foreign_text import printable
from harness.pytest_plugin.options import (
    add_options,
    add_short_options,
    baselines_of,
    check,
    configure_defaults,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from harness.pytest_plugin.collection import HarnessSession, SuiteFile
    from harness.pytest_plugin.drift import Drift

_SESSION = pytest.StashKey["HarnessSession"]()
_ORPHANS, _LEFT_OUT, _ARGUMENTS = "harness_orphans", "harness_left_out", "harness_arguments"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options under names that nobody else uses."""
    add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Add the short names, once the project's conftest files have added their own options."""
    result = yield
    add_short_options(early_config, parser)
    configure_defaults(early_config)
    return result


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and the files that the run will write."""
    if lifeline := config.getoption("harness_lifeline"):
        from harness.execution.lifeline import hold

        hold(*lifeline)
    check(config)
    # The files of the run are written by the process that was started by hand.
    if hasattr(config, "workerinput") or config.getoption("harness_fresh_run"):
        return
    from harness.pytest_plugin.live import show_live

    show_live(config)
    files = ("harness_report", "harness_markdown", "harness_history", "harness_candidates")
    if any(config.getoption(each) is not None for each in files) or os.environ.get("GITHUB_STEP_SUMMARY"):
        from harness.pytest_plugin.run_files import register

        register(config, lambda: _session(config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Leave xdist's workers what `pin` took in a conftest.py: this process starts them and runs no test."""
    if "harness.execution.in_force" in sys.modules:
        from harness.execution.in_force import unpin

        unpin()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell xdist's workers how this run was started: they may have to start a part of it again."""
    from harness.pytest_plugin.live import tell_worker

    tell_worker(node)
    node.workerinput[_ARGUMENTS] = [str(each) for each in node.config.invocation_params.args]


@pytest.fixture
def drift(request: pytest.FixtureRequest) -> Iterator[Drift]:
    """Hold what functions return to baselines beside the test: drift.check(function, *inputs, name=...)."""
    from harness.pytest_plugin.drift import made

    yield from made(request)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which baselines are used, and where cases run."""
    baselines, python = baselines_of(config), config.getoption("harness_python")
    if not baselines.is_dir():
        return None
    device = config.getoption("harness_device")
    where = f"device: {device}" + (f", workers: {python}" if python else "")
    return printable(f"harness: {harness.__version__}, baselines: {baselines}, {where}")


def _session(config: pytest.Config) -> HarnessSession:
    """Return the state that the cases of this process share, creating it at the first call."""
    if _SESSION not in config.stash:
        from harness.pytest_plugin.collection import HarnessSession

        config.stash[_SESSION] = HarnessSession(config, baselines_of(config))
    return config.stash[_SESSION]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    if _SESSION in config.stash:
        config.stash[_SESSION].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect suite files, but no other YAML."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    from harness.cases.discovery import looks_like_suite

    folder = parent.config.invocation_params.dir
    named = any((folder / each.partition("::")[0]).resolve() == file_path for each in parent.config.args)
    if not looks_like_suite(file_path, named=named):
        return None
    from harness.pytest_plugin.collection import SuiteFile

    new = partial(SuiteFile.from_parent, parent, path=file_path, harness=_session(parent.config))
    made: SuiteFile = new()
    # pytest prints the node id unescaped, and the file name is foreign text.
    shown = printable(made.nodeid)
    # "::" separates the file from the case in a node id.
    return made if shown == made.nodeid else new(nodeid=shown.replace("::", r"\x3a:"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out nightly cases after -k and -m have been applied."""
    if _SESSION in config.stash:
        from harness.pytest_plugin.collection import leave_out

        config.stash[_SESSION].left_out = leave_out(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Put the outcome on the report, which xdist carries to the controlling process."""
    report = yield
    if hasattr(item, "harness_checked"):
        report.harness_case = True
        if (checked := item.harness_checked) is not None and report.when == "call":
            from dataclasses import replace

            from harness.codec import to_json

            report.harness_outcome = to_json(checked.report)
            report.harness_view, report.harness_history = checked.view, checked.history
            if checked.kept is not None:
                report.harness_kept = checked.kept
                # pytest keeps the item until the end.
                item.harness_checked = replace(checked, kept=None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Mark the reports of suites; problems of other files are not reported here."""
    report = yield
    if getattr(collector, "harness_suite", False):
        report.harness_suite = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: Any) -> None:
    """Give a failed case a reason for the line in pytest's summary; xdist carries no more than the text."""
    if report.failed and hasattr(report, "harness_outcome") and isinstance(report.longrepr, str):
        from harness.codec import from_json
        from harness.pytest_plugin.collection import Told
        from harness.reporting.case_report import CaseReport
        from harness.reporting.summary import failed_line

        outcome = from_json(CaseReport, report.harness_outcome)
        report.longrepr = Told(report.longrepr, printable(failed_line(outcome.judgement)))


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Show the verdict in place of PASSED with -v."""
    if not hasattr(report, "harness_outcome") or not report.passed:
        return None
    from harness.codec import from_json
    from harness.reporting.case_report import CaseReport
    from harness.reporting.summary import verdict_word

    return "passed", ".", printable(verdict_word(from_json(CaseReport, report.harness_outcome).judgement))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Count the verdicts; name baselines that belong to no case; annotate in GitHub Actions."""
    # Besides reports, the entries include warnings and deselected items.
    kinds = (pytest.TestReport, pytest.CollectReport)
    entries = (entry for entries in terminalreporter.stats.values() for entry in entries)
    shown = [entry for entry in entries if isinstance(entry, kinds)]
    judged = [entry.harness_outcome for entry in shown if hasattr(entry, "harness_outcome")]
    unjudged = [
        entry
        for entry in shown
        if hasattr(entry, "harness_suite")
        or (hasattr(entry, "harness_case") and entry.failed and not hasattr(entry, "harness_outcome"))
    ]
    if not judged and not unjudged and _SESSION not in config.stash:
        return
    shared = _session(config)
    left_out, orphans = shared.left_out, sorted(shared.orphans())
    if not (judged or unjudged or left_out or orphans):
        return
    from harness.reporting.collected import left_out_lines, orphan_lines

    lines = left_out_lines(left_out) + orphan_lines(orphans)
    annotations: Iterable[str] = ()
    if judged or unjudged:
        from harness.codec import from_json
        from harness.reporting.case_report import CaseReport
        from harness.reporting.github import error_annotations
        from harness.reporting.summary import summary_lines

        outcomes = [from_json(CaseReport, outcome) for outcome in judged]
        lines = summary_lines([outcome.judgement for outcome in outcomes]) + lines
        if os.environ.get("GITHUB_ACTIONS") == "true":
            problems = [(report.nodeid, report.longreprtext) for report in unjudged]
            annotations = error_annotations(outcomes, problems)
    if lines or annotations:
        terminalreporter.section("harness")
    # Annotations are already escaped in their own way, as GitHub must obey them.
    for line in (*map(printable, lines), *annotations):
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist, send the orphans and the number of left-out cases to the controlling process."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and _SESSION in session.config.stash:
        shared = session.config.stash[_SESSION]
        output[_ORPHANS] = [list(key) for key in shared.orphans()]
        output[_LEFT_OUT] = shared.left_out


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """If xdist workers run cases, handle signals in the controlling process, too."""
    if any(name.partition("::")[0].endswith((".yaml", ".yml")) for name in ids):
        _session(node.config).heed_signals()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the orphans and left-out cases of an xdist worker; each worker collects everything."""
    output = getattr(node, "workeroutput", {})
    if seen := output.get(_ORPHANS):
        _session(node.config).add_orphans(seen)
    if left_out := output.get(_LEFT_OUT):
        _session(node.config).left_out = left_out
