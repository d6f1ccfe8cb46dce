"""How pytest runs and judges a case, and what its report keeps; imported when the first case runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.baselines.baseline import Key, device_key
from harness.baselines.candidates import encode_candidate
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.codec import to_json
from harness.errors import HarnessError, in_short
from harness.explanation.causes import Cause, causes_of
from harness.foreign_files import size_text
from harness.history.history_record import CaseRecord
from harness.judgement.check import Check
from harness.operations.check import check, expected
from harness.operations.keeping import waiting
from harness.operations.proposal import stored_hashes
from harness.operations.second_run import SecondRuns
from harness.operations.workers import Workers
from harness.pytest_plugin.live import watcher_of
from harness.reporting.case_report import CaseReport
from harness.reporting.commands import Commands, Invocation, commands, error_text

# The most that a worker of xdist hands over at once: execnet carries up to 2 GiB.
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Checked:
    """The result of a case that ran.

    ``view`` is what the HTML report shows, as JSON, and ``history`` is what a history keeps. Each is None if
    no such file was requested. ``kept`` is what is to be kept as a candidate, as plain data.
    """

    report: CaseReport
    properties: list[tuple[str, str]]
    view: str | None
    history: dict[str, Any] | None
    kept: dict[str, Any] | None


class Checks:
    """Runs the cases of one pytest process and compares them with their baselines."""

    def __init__(self, config: pytest.Config, store: BaselineStore) -> None:
        self._config, self._store, self._second = config, store, SecondRuns()
        # Without a number, because each xdist worker has an NPU of its own.
        self._invocation = Invocation(
            str(store.root),
            config.getoption("harness_device"),
            python=config.getoption("harness_python"),
            user_code=not config.getoption("harness_no_user_code"),
        )
        # If there is no configuration file, pytest's root is the folder of the suites.
        folders = (config.invocation_params.dir, config.rootpath)
        self._runner = Workers(
            self._invocation.device,
            _xdist_number(config),
            self._invocation.python,
            config.getoption("harness_timeout"),
            import_paths=folders,
            user_code=self._invocation.user_code,
            memory=config.getoption("harness_worker_memory"),
            watcher=watcher_of(config),
        ).runner()

    def check(self, case: Case) -> Checked:
        """Run ``case`` and judge it."""
        keeping = self._config.getoption("harness_candidates") is not None
        before = stored_hashes(case, self._store) if keeping else {}
        result = check(case, self._runner, self._store, self._second)
        causes = causes_of(result)
        tier = result.judgement.tier
        typed = commands(case, self._invocation, baseline=result.baseline, tier=tier, causes=causes)
        asked = self._config.getoption
        kept, shown = None, result
        if keeping:
            kept, shown = self._kept(case, result, before)
        return Checked(
            report=CaseReport.of(case, result, causes, typed),
            properties=[*result.properties(), *(("cause", cause.kind) for cause in causes[:1])],
            view=self._view(case, shown, causes, typed) if asked("harness_report") else None,
            history=to_json(CaseRecord.of(case, result, causes)) if asked("harness_history") else None,
            kept=kept,
        )

    def _kept(
        self, case: Case, result: Check, before: Mapping[Key, str | None]
    ) -> tuple[dict[str, Any] | None, Check]:
        """Return the candidate, why there is none, or the key of a case that passes, as plain data.

        The check that is returned has what was measured.
        """
        try:
            candidate = waiting(
                case,
                result,
                self._store,
                self._runner,
                before,
                # Those who accept what is signed need not be able to run it.
                twice=self._config.getoption("harness_sign_key") is not None,
            )
            if candidate is None:
                if result.judgement.passed and result.measurement is not None:
                    device = device_key(result.measurement.fingerprint)
                    return {"settled": [case.suite, case.id, device]}, result
                return None, result
            data = encode_candidate(candidate)
            if len(data) > MOST_BYTES:
                raise HarnessError(f"it has more than {size_text(MOST_BYTES)}; harness record keeps it")
        except HarnessError as error:
            return {"problem": in_short(error_text(error, self._invocation, case))}, result
        return (
            {"key": list(candidate.key), "data": data},
            replace(result, measurement=candidate.baseline.measurement),
        )

    def _view(self, case: Case, result: Check, causes: Sequence[Cause], typed: Commands) -> str:
        from harness.reporting.html.view import case_view

        baseline = expected(case, result, self._store)
        return case_view(case, result, baseline, commands=typed, causes=causes)

    def close(self) -> None:
        """End the runner."""
        self._runner.close()


def _xdist_number(config: pytest.Config) -> int:
    """Return this xdist worker's number, 0 without xdist: each worker takes the NPU of its number."""
    name: str = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))
