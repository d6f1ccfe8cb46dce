"""Front door 1: the pytest plugin. It collects suites, has their cases judged, and shows the verdicts."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.baselines import BaselineStore, Key, orphans
from harness.cases import Case, Suite, SuiteError, check_unique_names, load_suite, looks_like_suite
from harness.execution.profile import DEVICES
from harness.execution.runner import Runner
from harness.judgement import Judgement
from harness.judgement.check import check
from harness.reporting.terminal import judgement_text, summary_lines, verdict_word

_DEFAULT_BASELINES = "baselines"
_ORPHANS = "harness_orphans"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the harness's options."""
    group = parser.getgroup("harness", "drift of MindSpore diffusion pipelines")
    group.addoption(
        "--baseline-dir",
        metavar="DIR",
        help=f"folder of the stored baselines (default: {_DEFAULT_BASELINES} below the root folder)",
    )
    group.addoption("--device", choices=DEVICES, default="CPU", help="device to run on (default: CPU)")
    group.addoption(
        "--harness-timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="time one case may take, loading included, before its worker is killed (default: 600)",
    )
    group.addoption(
        "--harness-python",
        metavar="PYTHON",
        help="interpreter of the workers, for example of another MindSpore release (default: this one)",
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"{text} is not a number of seconds above 0")
    return value


def pytest_configure(config: pytest.Config) -> None:
    """Check the options and hang the session's state on the configuration."""
    given = config.getoption("--baseline-dir")
    folder = Path(given) if given else config.rootpath / _DEFAULT_BASELINES
    if given and not folder.is_dir():
        raise pytest.UsageError(f"--baseline-dir {given}: no such folder; `harness record` makes it")
    config.stash[_SESSION] = HarnessSession(config, BaselineStore(folder))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the workers."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.close()


def pytest_report_header(config: pytest.Config) -> str:
    """Say what the cases are held to, and where they run."""
    python = config.getoption("--harness-python")
    return (
        f"harness: {harness.__version__}, baselines: {config.stash[_SESSION].store.root}, "
        f"device: {config.getoption('--device')}" + (f", workers: {python}" if python else "")
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect suite files, and no other YAML."""
    if looks_like_suite(file_path):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Refuse two suites of one name: they would share baselines."""
    try:
        check_unique_names(config.stash[_SESSION].suites)
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Put the judgement on the report, which xdist carries to the controlling process."""
    report = yield
    if isinstance(item, CaseItem) and report.when == "call" and item.judgement is not None:
        report.harness_judgement = item.judgement.to_dict()
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Show the verdict in place of PASSED with -v."""
    judgement = _judgement_of(report)
    if judgement is None or not report.passed:
        return None
    return "passed", ".", verdict_word(judgement)


def _judgement_of(report: Any) -> Judgement | None:
    data = getattr(report, "harness_judgement", None)
    return None if data is None else Judgement.from_dict(data)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Count the verdicts; name baselines that belong to no case."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    judgements = [judgement for judgement in map(_judgement_of, reports) if judgement is not None]
    orphaned = sorted(config.stash[_SESSION].orphans())
    if judgements or orphaned:
        terminalreporter.section("harness")
        for line in summary_lines(judgements, orphaned):
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist, hand the orphans that this process saw to the controlling one."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_ORPHANS] = [list(key) for key in session.config.stash[_SESSION].orphans()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the orphans that an xdist worker saw."""
    seen = getattr(node, "workeroutput", {}).get(_ORPHANS, [])
    node.config.stash[_SESSION].orphans_elsewhere.update(Key(*key) for key in seen)


class HarnessSession:
    """What one pytest process shares between its cases: the store, the runner, the suites it collected."""

    def __init__(self, config: pytest.Config, store: BaselineStore) -> None:
        self.store = store
        self.suites: list[Suite] = []
        self.orphans_elsewhere: set[Key] = set()
        self._config = config
        self._runner: Runner | None = None

    @property
    def runner(self) -> Runner:
        """The runner, made when the first case runs."""
        if self._runner is None:
            self._runner = Runner(
                python=self._config.getoption("--harness-python"),
                device=self._config.getoption("--device"),
                device_id=_xdist_number(self._config),
                timeout=self._config.getoption("--harness-timeout"),
                import_paths=[self._config.rootpath],
            )
        return self._runner

    def orphans(self) -> set[Key]:
        """Return the baselines of the collected suites that belong to none of their cases."""
        names = {suite.name for suite in self.suites}
        return self.orphans_elsewhere | {
            key for key in orphans(self.suites, self.store) if key.suite in names
        }

    def close(self) -> None:
        """End the runner."""
        if self._runner is not None:
            self._runner.close()


_SESSION = pytest.StashKey[HarnessSession]()


def _xdist_number(config: pytest.Config) -> int:
    """Return this xdist worker's number, 0 without xdist: each worker takes the NPU of its number."""
    name: str = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))


class SuiteFile(pytest.File):
    """One suite."""

    def collect(self) -> Iterator[CaseItem]:
        """Yield the cases in the order of the file; everything that is wrong with it is one error."""
        try:
            suite = load_suite(self.path)
        except SuiteError as error:
            raise self.CollectError(str(error)) from None
        self.config.stash[_SESSION].suites.append(suite)
        for case in suite.cases:
            yield CaseItem.from_parent(self, name=case.id, case=case)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        self.judgement: Judgement | None = None
        for tag in case.tags:
            # Suites define their tags; --strict-markers is there to catch misspelt ones in Python.
            self.config.addinivalue_line("markers", f"{tag}: tag of a case")
            self.add_marker(tag)

    def runtest(self) -> None:
        """Run the case and hold it to its baseline."""
        session = self.config.stash[_SESSION]
        result = check(self.case, session.runner, session.store)
        self.judgement = result.judgement
        self.user_properties.extend(result.properties())
        if not self.judgement.passed:
            raise CaseDrift

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the judgement in place of a traceback."""
        if isinstance(excinfo.value, CaseDrift) and self.judgement is not None:
            return judgement_text(self.judgement)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the case's entry in its suite."""
        return self.path, self.case.line - 1, f"{self.case.suite}/{self.case.id}"


class CaseDrift(Exception):
    """A case did not pass; its judgement says why."""
