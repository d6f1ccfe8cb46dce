"""What pytest collects from suites, and what the cases of one process share.

:mod:`harness.pytest_plugin.plugin` imports this module at the first suite: the runs of other projects do not
pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.baselines.baseline import Key
from harness.baselines.current import orphans
from harness.baselines.store import BaselineStore
from harness.cases.case import Case, Suite
from harness.cases.load import check_unique_names, load_suite
from harness.cases.problems import SuiteError
from harness.cases.wording import quoted, suggestion
from harness.codec import to_json
from harness.execution.runner import Runner
from harness.explanation.causes import Cause, causes_of
from harness.judgement.check import Check
from harness.judgement.wording import joined
from harness.operations.check import check, expected
from harness.reporting.case_report import CaseReport
from harness.reporting.commands import Commands, Invocation, commands
from harness.reporting.terminal import judgement_text


class HarnessSession:
    """What one pytest process shares between its cases: the store, the runner, the suites it collected."""

    def __init__(self, config: pytest.Config, baselines: Path) -> None:
        self.store = BaselineStore(baselines)
        # Without a number: each xdist worker has an NPU of its own.
        self._invocation = Invocation(
            str(baselines), config.getoption("harness_device"), python=config.getoption("harness_python")
        )
        self.suites: list[Suite] = []
        # How many cases wait for the night.
        self.left_out = 0
        self._orphans_elsewhere: set[Key] = set()
        self._config = config
        self._runner: Runner | None = None
        self._markers: dict[str, pytest.MarkDecorator] = {}

    @property
    def runner(self) -> Runner:
        """The runner, made when the first case runs."""
        if self._runner is None:
            self._runner = Runner(
                python=self._invocation.python,
                device=self._invocation.device,
                device_id=_xdist_number(self._config),
                timeout=self._config.getoption("harness_timeout"),
                # Without a configuration file pytest's root is the folder of the suites.
                import_paths=[self._config.invocation_params.dir, self._config.rootpath],
            )
        return self._runner

    def commands(self, case: Case, result: Check) -> Commands:
        """Return what to type about a checked case, to go on where this run is."""
        return commands(case, self._invocation, baseline=result.baseline, tier=result.judgement.tier)

    def view(self, case: Case, result: Check, causes: Sequence[Cause]) -> str | None:
        """Return what the report shows of a checked case, as JSON; None where no report is asked for."""
        if not self._config.getoption("harness_report"):
            return None
        from harness.reporting.html.view import case_view

        baseline, typed = expected(case, result, self.store), self.commands(case, result)
        return case_view(case, result, baseline, commands=typed, causes=causes).to_json()

    def history(self, case: Case, result: Check, causes: Sequence[Cause]) -> dict[str, Any] | None:
        """Return what the history keeps of a checked case; None where none is asked for."""
        if not self._config.getoption("harness_history"):
            return None
        from harness.history.history_record import CaseRecord

        record: dict[str, Any] = to_json(CaseRecord.of(case, result, causes))
        return record

    def marker(self, tag: str) -> pytest.MarkDecorator:
        """Return the marker of a tag, known to pytest from the first case on that has it."""
        if tag not in self._markers:
            # Suites define their tags; --strict-markers is there to catch misspelt ones in Python.
            self._config.addinivalue_line("markers", f"{tag}: tag of a case")
            self._markers[tag] = getattr(pytest.mark, tag)
        return self._markers[tag]

    def orphans(self) -> set[Key]:
        """Return the baselines of the collected suites that belong to none of their cases."""
        names = {suite.name for suite in self.suites}
        return self._orphans_elsewhere | {
            key for key in orphans(self.suites, self.store) if key.suite in names
        }

    def add_orphans(self, seen: Iterable[Sequence[str]]) -> None:
        """Add the keys of orphans that another process saw."""
        self._orphans_elsewhere.update(Key(*key) for key in seen)

    def close(self) -> None:
        """End the runner."""
        if self._runner is not None:
            self._runner.close()


def _xdist_number(config: pytest.Config) -> int:
    """Return this xdist worker's number, 0 without xdist: each worker takes the NPU of its number."""
    name: str = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))


class SuiteFile(pytest.File):
    """One suite."""

    # What pytest_make_collect_report looks for.
    harness_suite = True

    def __init__(self, *, harness: HarnessSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._harness = harness

    def collect(self) -> Iterator[CaseItem]:
        """Yield the cases in the order of the file; everything that is wrong with it is one error.

        So is a name that another suite has: the two would share baselines.
        """
        try:
            suite = load_suite(self.path)
            check_unique_names([*self._harness.suites, suite])
        except SuiteError as error:
            raise self.CollectError(str(error)) from None
        self._harness.suites.append(suite)
        self._check_asked([case.id for case in suite.cases])
        for case in suite.cases:
            yield CaseItem.from_parent(self, name=case.id, case=case, harness=self._harness)

    def _check_asked(self, known: list[str]) -> None:
        """Raise for a case named on the command line that is not there, with the one that was meant."""
        for argument in self.config.args:
            path, marker, case_id = argument.partition("::")
            if not marker or case_id in known:
                continue
            if (self.config.invocation_params.dir / path).resolve() == self.path.resolve():
                raise self.CollectError(
                    f"{path}: there is no case {quoted(case_id)}; {suggestion(case_id, known)}"
                )


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, case: Case, harness: HarnessSession, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        # What pytest_runtest_makereport looks for.
        self.harness_outcome: CaseReport | None = None
        self.harness_view: str | None = None
        self.harness_history: dict[str, Any] | None = None
        self._harness = harness
        for tag in case.tags:
            self.add_marker(harness.marker(tag))

    def runtest(self) -> None:
        """Run the case and hold it to its baseline."""
        result = check(self.case, self._harness.runner, self._harness.store)
        self.user_properties.extend(result.properties())
        causes = causes_of(result)
        self.user_properties.extend(("cause", cause.kind) for cause in causes[:1])
        typed = self._harness.commands(self.case, result)
        self.harness_outcome = CaseReport.of(self.case, result, causes, typed)
        self.harness_view = self._harness.view(self.case, result, causes)
        self.harness_history = self._harness.history(self.case, result, causes)
        if result.judgement.elsewhere:
            # The suite says so itself, and that this is not its environment is no fault of the run: a gate
            # does not let it pass.
            raise pytest.skip.Exception(joined(result.judgement.reasons), _use_item_location=True)
        if not result.judgement.passed:
            raise CaseDrift

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the judgement in place of a traceback."""
        if isinstance(excinfo.value, CaseDrift) and self.harness_outcome is not None:
            outcome = self.harness_outcome
            return judgement_text(outcome.judgement, outcome.causes, outcome.commands)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the case's entry in its suite."""
        return self.path, self.case.line - 1, self.case.name


class CaseDrift(Exception):
    """A case did not pass; its judgement says why."""
