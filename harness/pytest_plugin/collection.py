"""What pytest collects from suites, and what the cases of one process share.

:mod:`harness.pytest_plugin.plugin` imports this module at the first suite, so other projects do not pay for
it. The code that runs and judges cases is imported when the first case runs, so collection does not wait for
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.baselines.baseline import Key
from harness.baselines.current import orphans
from harness.baselines.store import BaselineStore
from harness.cases.case import Case, Suite
from harness.cases.load import check_unique_names, load_suite
from harness.cases.problems import SuiteError
from harness.cases.wording import quoted, suggestion
from harness.errors import HarnessError, in_short
from harness.execution.stopping import ENDING, heeding
from harness.foreign_text import LINES, printable

if TYPE_CHECKING:
    from harness.pytest_plugin.checking import Checked, Checks


class HarnessSession:
    """What one pytest process shares between its cases: the store, the checks, the suites it collected."""

    def __init__(self, config: pytest.Config, baselines: Path) -> None:
        self.store = BaselineStore(baselines)
        self.suites: list[Suite] = []
        # How many nightly cases were left out.
        self.left_out = 0
        self._orphans_elsewhere: set[Key] = set()
        self._config = config
        self._checks: Checks | None = None
        self._held = ExitStack()
        self._markers: dict[str, pytest.MarkDecorator] = {}

    @property
    def checks(self) -> Checks:
        """The object that runs and judges the cases, created when the first one runs."""
        if self._checks is None:
            from harness.pytest_plugin.checking import Checks

            self.heed_signals()
            self._checks = Checks(self._config, self.store)
            self._held.callback(self._checks.close)
        return self._checks

    def marker(self, tag: str) -> pytest.MarkDecorator:
        """Return the marker of a tag, registering it with pytest at its first use."""
        if tag not in self._markers:
            # Suites define their own tags; --strict-markers is meant for misspelt markers in Python.
            self._config.addinivalue_line("markers", f"{tag}: tag of a case")
            self._markers[tag] = getattr(pytest.mark, tag)
        return self._markers[tag]

    def orphans(self) -> set[Key]:
        """Return the baselines of the collected suites that belong to no case."""
        return self._orphans_elsewhere | set(orphans(self.suites, self.store, only=True))

    def add_orphans(self, seen: Iterable[Sequence[str]]) -> None:
        """Add the keys of orphans that another process saw."""
        self._orphans_elsewhere.update(Key(*key) for key in seen)

    def heed_signals(self) -> None:
        """Make SIGTERM and SIGHUP end this process like Ctrl-C once there are workers to clean up."""
        self._held.enter_context(heeding(*ENDING))

    def close(self) -> None:
        """End the runner."""
        self._held.close()


class SuiteFile(pytest.File):
    """One suite."""

    # What pytest_make_collect_report looks for.
    harness_suite = True

    def __init__(self, *, harness: HarnessSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._harness = harness

    def collect(self) -> Iterator[CaseItem]:
        """Yield the cases in the order of the file; all problems of a file are one error.

        A name that another suite has is an error, too, as the two would share baselines.
        """
        try:
            suite = load_suite(self.path)
            check_unique_names([*self._harness.suites, suite])
        except SuiteError as error:
            raise self.CollectError(printable(str(error), LINES)) from None
        self._harness.suites.append(suite)
        self._check_asked([case.id for case in suite.cases])
        for case in suite.cases:
            yield CaseItem.from_parent(self, name=case.id, case=case, harness=self._harness)

    def _check_asked(self, known: list[str]) -> None:
        """Raise for a case on the command line that does not exist, suggesting the closest one."""
        for path, case_id in _asked(self.config):
            if case_id not in known and _resolved(path, self.config) == self.path.resolve():
                message = f"{path}: there is no case {quoted(case_id)}; {suggestion(case_id, known)}"
                raise self.CollectError(printable(message))


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, harness: HarnessSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        # What pytest_runtest_makereport looks for.
        self.harness_checked: Checked | None = None
        self._harness = harness
        for tag in case.tags:
            self.add_marker(harness.marker(tag))

    def runtest(self) -> None:
        """Run the case and compare it with its baseline."""
        from harness.reporting.reasons import joined

        checked = self.harness_checked = self._harness.checks.check(self.case)
        self.user_properties.extend(checked.properties)
        judgement = checked.report.judgement
        if judgement.failed_as_expected:
            pytest.xfail(printable(in_short(joined(judgement.reasons))))
        if judgement.elsewhere:
            # The suite asked for this, and a different environment is no failure of the run; a gate does not
            # let it pass.
            raise pytest.skip.Exception(printable(joined(judgement.reasons)), _use_item_location=True)
        if not judgement.passed:
            raise CaseDrift

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the judgement, or what keeps cases from running, instead of a traceback."""
        if isinstance(excinfo.value, CaseDrift) and self.harness_checked is not None:
            from harness.reporting.terminal import judgement_text

            outcome = self.harness_checked.report
            return judgement_text(outcome.judgement, outcome.causes, outcome.commands)
        if isinstance(excinfo.value, HarnessError):
            return printable(str(excinfo.value), LINES)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the location of the case's entry in its suite."""
        return Path(printable(str(self.path))), self.case.line - 1, self.case.name


class Told:
    """The text about a failed case as pytest prints it, with a ``reason`` of one line for its summary."""

    def __init__(self, text: str, reason: str) -> None:
        self._text = text
        # Where pytest, and the writer of its XML, look for the line.
        self.reprcrash = SimpleNamespace(message=reason)

    def __str__(self) -> str:
        return self._text

    def toterminal(self, writer: Any) -> None:
        """Print the text."""
        writer.line(self._text)


class CaseDrift(Exception):
    """A case did not pass; its judgement says why."""


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> int:
    """Take the cases with `run: nightly` out of ``items``, in place, and return how many there were.

    They stay with --harness-nightly, with -k (which has already filtered ``items``), and if named by node id.
    Selection by -m is not enough.
    """
    if config.getoption("harness_nightly") or config.option.keyword:
        return 0
    named = {(_resolved(path, config), name) for path, name in _asked(config)}
    left_out = {
        item
        for item in items
        if isinstance(item, CaseItem)
        and item.case.run == "nightly"
        and (item.path.resolve(), item.name) not in named
    }
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
    return len(left_out)


def _asked(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """Yield the file and the id of each case on the command line."""
    for argument in config.args:
        path, marker, name = argument.partition("::")
        if marker:
            yield path, name


def _resolved(path: str, config: pytest.Config) -> Path:
    return (config.invocation_params.dir / path).resolve()
