"""The fixture ``drift``: holds what a user's own functions return to baselines beside the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from harness.baselines.errors import shown
from harness.errors import HarnessError
from harness.explanation.causes import causes_of
from harness.judgement.check import Check
from harness.operations.calibrate import MEMBERS
from harness.operations.drift import UserTest
from harness.operations.fresh import FreshRuns, Lifeline
from harness.reporting.commands import TestInvocation
from harness.reporting.terminal import judgement_text


class Drift:
    """What a test gets as ``drift``."""

    def __init__(self, test: UserTest, invocation: TestInvocation) -> None:
        self._test, self._invocation = test, invocation

    def check(
        self,
        function: Callable[..., Any],
        *inputs: Any,
        name: str,
        tolerance: Mapping[str, Any] | None = None,
        members: int = MEMBERS,
    ) -> Any:
        """Call ``function(*inputs)``, hold what it returns to the baseline called ``name``, and return it.

        It returns an array or a number, or tuples, lists and mappings of these. ``tolerance`` has the keys
        that it has in suites: ``same_environment``, ``across_releases`` and ``across_devices``. Recording
        measures calibrated limits by ``members`` calls with the inputs moved by one ulp.
        """
        __tracebackhide__ = True
        typed = self._invocation.commands()
        value: Any = None
        try:
            value, checks = self._test.check(function, inputs, name, tolerance=tolerance, members=members)
        except HarnessError as error:
            checks = [Check(self._test.failed(name, error))]
        failed = [each for each in checks if not each.judgement.passed]
        if texts := [judgement_text(each.judgement, causes_of(each), typed) for each in failed]:
            pytest.fail("\n\n".join(texts), pytrace=False)
        return value


def made(request: pytest.FixtureRequest) -> Iterator[Drift]:
    """Yield the fixture of one test."""
    config, item = request.config, request.node
    names = names_of(item)
    name = ".".join(names)
    fresh = config.getoption("harness_fresh_run")
    recording = config.getoption("harness_record") and fresh is None
    runs = None
    if recording:
        timeout = config.getoption("harness_timeout")
        runs = FreshRuns(name, partial(_command, config, item), config.invocation_params.dir, timeout)
    test = UserTest(
        path=item.path,
        line=(item.location[1] or 0) + 1,
        name=name,
        runs=runs,
        fresh=None if fresh is None else Path(fresh),
        reason=(config.getoption("harness_reason") or "").strip(),
    )
    yield Drift(test, TestInvocation(test="::".join([shown(item.path), *names])))
    if runs is not None:
        runs.close()


def names_of(item: pytest.Item) -> list[str]:
    """Return the names of the classes around a test, from the outermost, and of the test."""
    # Not from the node id: xdist may add the test's group to it.
    within = takewhile(lambda node: not isinstance(node, pytest.File), reversed(item.listchain()))
    return [node.name for node in within][::-1]


def _command(config: pytest.Config, item: pytest.Item, folder: Path, lifeline: Lifeline) -> list[str]:
    """Return how to run ``item`` alone in a process that leaves its results in ``folder``.

    It has the options that this run was given, but for those that write or judge the whole run.
    """
    own = [str(each) for each in config.invocation_params.args]
    given = getattr(config, "workerinput", {}).get("harness_arguments", own)
    # What begins with "@" is a file of arguments, usually of the tests to run.
    options = [each for each in given if each not in config.option.file_or_dir and not each.startswith("@")]
    node = "::".join([str(item.path), *names_of(item)])
    command = [sys.executable, "-m", "pytest", *options, node, f"--rootdir={config.rootpath}"]
    if config.inipath is not None:
        command += ["-c", str(config.inipath)]
    has = config.pluginmanager.hasplugin
    if has("xdist"):
        command += ["-n0"]
    if has("tmpdir"):
        # pytest empties the folder, and this run may be using the one that it was given.
        command += [f"--basetemp={folder}.tmp"]
    if has("logging-plugin") and (config.getoption("log_file") or config.getini("log_file")):
        command += [f"--log-file={folder}.logged"]
    if has("pytest_cov"):
        # One test does not cover what the whole run has to.
        command += ["--no-cov"]
    if has("cacheprovider"):
        # Not the cache of this run, by which --lf would choose other tests the second time.
        command += ["-o", f"cache_dir={folder}.cache"]
    return [*command, "--harness-fresh-run", str(folder), "--harness-lifeline", *map(str, lifeline)]
