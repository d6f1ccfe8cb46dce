"""The progress bar: what runs, and about how long its stage still takes."""

from io import StringIO

import pytest
from rich.console import Console
from samples import make_case

from harness.execution.under_way import Times, UnderWay
from harness.operations.workers import Workers
from harness.reporting.commands import Invocation
from harness.reporting.progress import ProgressBar


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """Three cases, of which two took 10 and 30 seconds last time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = [make_case(id=f"c{steps}", steps=steps) for steps in (1, 2, 3)]
    times = Times("CPU")
    times.took(found[0].job(), 10.0)
    times.took(found[1].job(), 30.0)
    times.save()
    return found


def shown(bar):
    (task,) = bar._bar.tasks
    return task.description, task.fields["left"]


def test_the_estimate_is_of_the_whole_stage(cases):
    bar = ProgressBar(Console(file=StringIO(), force_terminal=True), Invocation())
    watcher = bar.watching(Workers(), cases).watcher
    bar.begin("checking", 3)
    try:
        bar.started("s/c1")
        watcher(UnderWay("s/c1", 1, 0, 4.0, 10.0))
        assert shown(bar) == ("checking s/c1", "about 56 s left")
        bar.advanced(1)
        watcher(UnderWay("s/c2", 2, 1, 5.0, 30.0))
        assert shown(bar) == ("checking s/c2, step 1 of 2", "about 45 s left")
        # Longer than last time: at least what its steps say.
        bar.advanced(2)
        watcher(UnderWay("s/c3", 3, 1, 40.0, None))
        assert shown(bar) == ("checking s/c3, step 1 of 3", "about 80 s left")
    finally:
        bar.end()


def test_runs_side_by_side_end_sooner(cases):
    bar = ProgressBar(Console(file=StringIO(), force_terminal=True), Invocation())
    watcher = bar.watching(Workers(processes=2), cases).watcher
    bar.begin("examining", 100)
    try:
        watcher(UnderWay("s/c1", 1, 0, 0.0, 10.0))
        assert shown(bar)[1] == "about 17 min left"
    finally:
        bar.end()


def test_without_a_terminal_nobody_is_asked(cases):
    workers = Workers()
    assert ProgressBar(Console(file=StringIO()), Invocation()).watching(workers, cases) is workers
