"""Front door 1: the pytest plugin. It adds the options and finds the suites; all else is loaded on demand.

pytest imports this module in every project whose environment has the package. So it imports nothing slow, and
does not touch the option names, YAML files and output of a project without suites.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import harness
from harness.execution.profile import DEVICES
from harness.foreign_text import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from harness.configuration import Configuration
    from harness.pytest_plugin.collection import HarnessSession, SuiteFile
    from harness.pytest_plugin.drift import Drift

_DEFAULT_BASELINES = "baselines"
_SESSION = pytest.StashKey["HarnessSession"]()
_CONFIGURATION = pytest.StashKey["Configuration"]()
_ORPHANS, _LEFT_OUT, _ARGUMENTS = "harness_orphans", "harness_left_out", "harness_arguments"
MAX_SECONDS = MAX_GIBIBYTES = 1e6


def seconds(text: str) -> float:
    """Return a time limit; raises ValueError for an invalid one, or one longer than locks can wait."""
    value = float(text)
    if not 0 < value <= MAX_SECONDS:
        raise ValueError(f"{text} is not a number of seconds from 0 to {MAX_SECONDS:g}")
    return value


def gibibytes(text: str) -> int:
    """Return a number of GiB in bytes; raises ValueError for an invalid one."""
    value = float(text)
    if not 0 < value <= MAX_GIBIBYTES:
        raise ValueError(f"{text} is not a number of GiB from 0 to {MAX_GIBIBYTES:g}")
    return int(value * 2**30)


_OPTIONS: dict[str, dict[str, Any]] = {
    "--harness-baseline-dir": {
        "metavar": "DIR",
        "help": f"folder of the stored baselines (default: {_DEFAULT_BASELINES} in the current folder)",
    },
    "--harness-device": {"choices": DEVICES, "default": "CPU", "help": "device to run on (default: CPU)"},
    "--harness-timeout": {
        "type": seconds, "default": 600.0, "metavar": "SECONDS",
        "help": "time limit for one case, including loading; beyond it its worker is killed (default: 600)",
    },
    "--harness-worker-memory": {
        "type": gibibytes, "metavar": "GIB",
        "help": "memory limit of a worker; beyond it the worker is killed and its case fails (default: none)",
    },
    "--harness-python": {
        "metavar": "PYTHON",
        "help": "interpreter of the workers, for example with another MindSpore release (default: this one)",
    },
    "--harness-no-user-code": {
        "action": "store_true",
        "help": "refuse cases whose pipeline is the user's own function; conftest.py files still run",
    },
    "--harness-report": {
        "metavar": "DIR", "help": "write an HTML report of the run and its data into DIR"
    },
    "--harness-markdown": {
        "metavar": "FILE",
        "help": "write a Markdown summary of the run; GitHub Actions gets one automatically",
    },
    "--harness-candidates": {
        "nargs": "?", "const": "", "metavar": "DIR",
        "help": "keep what drifts, and what a case without a usable baseline gives, for harness accept "
        "(default: .candidates in the folder of the baselines)",
    },
    "--harness-sign-key": {
        "metavar": "FILE",
        "help": "with --harness-candidates, run what is kept twice, and sign it with this ed25519 key (a "
        "private key in PEM)",
    },
    "--harness-nightly": {
        "action": "store_true",
        "help": "also run cases with `run: nightly`, which are left out unless selected by node id or -k",
    },
    "--harness-history": {
        "metavar": "FILE",
        "help": "append the run to a history file for `harness history`",
    },
    "--harness-record": {
        "action": "store_true",
        "help": "record what tests check with the fixture `drift`: run each twice, in fresh processes",
    },
    "--harness-reason": {
        "metavar": "TEXT", "help": "with --harness-record, why baselines that exist may change"
    },
}  # fmt: skip
# The short names, unless the project already has an option of that name.
_SHORT = ("--baseline-dir", "--device", "--history")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options under names that nobody else uses."""
    group = parser.getgroup("harness", "drift of MindSpore diffusion pipelines")
    for name, settings in _OPTIONS.items():
        group.addoption(name, **settings)
    # Given by harness itself, to a process that it starts.
    group.addoption("--harness-fresh-run", metavar="DIR", help=argparse.SUPPRESS)
    group.addoption("--harness-lifeline", nargs=3, type=int, help=argparse.SUPPRESS)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Add the short names, once the project's conftest files have added their own options."""
    result = yield
    group = parser.getgroup("harness")
    unknown = object()
    for short in _SHORT:
        if early_config.getoption(short, unknown) is unknown:
            name = f"harness{short[1:]}"
            group.addoption(short, dest=name.replace("-", "_"), **_OPTIONS[f"--{name}"])
    _configure_defaults(early_config)
    return result


def _configure_defaults(config: pytest.Config) -> None:
    """Let `[tool.harness]` in the pyproject.toml of pytest's root replace the defaults of the options."""
    from harness.configuration import read_configuration
    from harness.errors import UsageError

    try:
        found = config.stash[_CONFIGURATION] = read_configuration(config.rootpath)
    except UsageError as error:
        raise pytest.UsageError(printable(str(error))) from None
    for key, value in found.values.items():
        # The folder of baselines need not exist yet, unlike one that is named by an option.
        if f"--harness-{key}" in _OPTIONS and key != "baseline-dir":
            value = str(value) if isinstance(value, Path) else value  # xdist sends plain data only
            kind = _OPTIONS[f"--harness-{key}"].get("type")
            setattr(config.option, f"harness_{key}".replace("-", "_"), kind(value) if kind else value)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and the files that the run will write."""
    if lifeline := config.getoption("harness_lifeline"):
        from harness.execution.lifeline import hold

        hold(*lifeline)
    given = config.getoption("harness_baseline_dir")
    if given and not Path(given).is_dir():
        raise pytest.UsageError(
            printable(f"--baseline-dir {given}: no such folder; `harness record` creates it")
        )
    if python := config.getoption("harness_python"):
        configuration = _configuration(config)
        # What an option says is another object.
        if config.getoption("harness_no_user_code") and python is configuration.values.get("python"):
            raise pytest.UsageError(printable(str(configuration.refused_program("--harness-python"))))
        from harness.execution.runner import interpreter
        from harness.execution.worker_process import RunError

        try:
            interpreter(python)
        except RunError as error:
            raise pytest.UsageError(printable(f"--harness-python {error}")) from None
    if config.getoption("harness_sign_key") and config.getoption("harness_candidates") is None:
        raise pytest.UsageError("--harness-sign-key signs candidates: give --harness-candidates as well")
    if config.getoption("harness_reason") and not config.getoption("harness_record"):
        raise pytest.UsageError(
            "--harness-reason says why a recording changes: give --harness-record as well"
        )
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
    baselines, python = _baselines(config), config.getoption("harness_python")
    if not baselines.is_dir():
        return None
    device = config.getoption("harness_device")
    where = f"device: {device}" + (f", workers: {python}" if python else "")
    return printable(f"harness: {harness.__version__}, baselines: {baselines}, {where}")


def _baselines(config: pytest.Config) -> Path:
    if given := config.getoption("harness_baseline_dir"):
        return Path(given)
    default = config.invocation_params.dir / _DEFAULT_BASELINES
    return Path(_configuration(config).values.get("baseline-dir", default))


def _configuration(config: pytest.Config) -> Configuration:
    from harness.configuration import Configuration

    # There is none if a conftest.py named this plugin: the options were read before.
    return config.stash.get(_CONFIGURATION, None) or Configuration()


def _session(config: pytest.Config) -> HarnessSession:
    """Return the state that the cases of this process share, creating it at the first call."""
    if _SESSION not in config.stash:
        from harness.pytest_plugin.collection import HarnessSession

        config.stash[_SESSION] = HarnessSession(config, _baselines(config))
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
