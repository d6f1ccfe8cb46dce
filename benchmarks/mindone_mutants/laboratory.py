"""The process that mutants run in, and the handle by which it is driven and, where it hangs, replaced.

It is a worker of harness, with MindSpore and mindone in it, and runs probes and cases with a mutant or
without. Each run loads its pipeline anew, since a mutant may change what happens while loading.
"""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.mindone_mutants.live import put_in
from benchmarks.mindone_mutants.operators import Mutant
from benchmarks.mindone_mutants.probes import (
    Found,
    Probe,
    differs,
    model_result,
    pipeline_job,
    scheduler_names,
    scheduler_result,
    told_of,
)
from benchmarks.mindone_mutants.universe import AREAS, root
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement

# What a run may take: a share of what the sound one took, and seconds beside.
_TIMES, _SECONDS = 8.0, 60.0
_START = 600.0


@dataclass(frozen=True)
class Outcome:
    """What came of a run: ``found`` is a verdict, or 'alike', 'differs' or 'hang'; ``told`` says more."""

    found: str
    told: str
    seconds: float

    @property
    def noticed(self) -> bool:
        """Whether it is anything but a passed case, or a probe's sound result."""
        return self.found not in ("identical", "within", "incomparable", "alike")


class Laboratory:
    """Starts the process when it is needed, and again after a run that hung or ended it."""

    def __init__(self, suites: list[str], baselines: Path, core: int | None) -> None:
        self._arguments = (suites, baselines, core)
        self._process: Any = None
        self._connection: Connection | None = None

    def __enter__(self) -> Laboratory:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def schedulers(self) -> list[str]:
        answer = self._ask(("schedulers",), _START)
        assert isinstance(answer, list)
        return answer

    def lines(self, target: Probe | str, data_file: Path) -> Outcome:
        """Run ``target`` without a mutant; the lines that it ran are added to ``data_file``."""
        return self._outcome(("lines", target, data_file), _START)

    def run(self, target: Probe | str, mutant: Mutant | None, sound_seconds: float) -> Outcome:
        """Run a probe or the case of that name with ``mutant``, or, with None, the sound code."""
        return self._outcome(("run", target, mutant), _SECONDS + _TIMES * sound_seconds)

    def _outcome(self, request: tuple[Any, ...], limit: float) -> Outcome:
        started = time.monotonic()
        try:
            answer = self._ask(request, limit)
        except TimeoutError:
            return Outcome("hang", f"more than {limit:.0f} s", time.monotonic() - started)
        except EOFError:
            return Outcome("crash", "the process ended", time.monotonic() - started)
        assert isinstance(answer, Outcome)
        return answer

    def _ask(self, request: tuple[Any, ...], limit: float) -> Any:
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
            self._process.start()
            theirs.close()
            if not self._connection.poll(_START):
                self._stop()
                raise TimeoutError
            self._connection.recv()
        try:
            self._connection.send(request)
            if not self._connection.poll(limit):
                raise TimeoutError
            return self._connection.recv()
        except (TimeoutError, EOFError, ConnectionError) as error:
            self._stop()
            raise TimeoutError if isinstance(error, TimeoutError) else EOFError from None

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._process.kill()
            self._process.join()
        self._connection = None


def _serve(connection: Connection, suites: list[str], baselines: Path, core: int | None) -> None:
    with Path(os.devnull).open("w") as null:  # mindone draws bars of progress
        os.dup2(null.fileno(), 1)
        os.dup2(null.fileno(), 2)
    bench = _Bench(suites, baselines, core)
    connection.send("ready")
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        connection.send(bench.answer(*request))


class _Bench:
    def __init__(self, suites: list[str], baselines: Path, core: int | None) -> None:
        from harness.cases.selection import select
        from harness.execution.messages import Context, Settings
        from harness.execution.profile import Profile
        from harness.execution.worker import Worker

        self._cases = {case.name: case for case in select(suites).cases}
        self._store = BaselineStore(baselines)
        context = Context("pynative", "float32", "mindone")
        self._worker = Worker(Settings(Profile(core=core), context, 3600.0, (str(Path.cwd()),), ()))
        import mindone.diffusers

        # Everything of the universe, so that a mutant is put into whatever a run uses.
        for name in dir(mindone.diffusers):
            with contextlib.suppress(Exception):
                getattr(mindone.diffusers, name)
        self._root = root()
        self._sound: dict[Probe, Found] = {}

    def answer(self, what: str, *given: Any) -> Any:
        if what == "schedulers":
            return scheduler_names()
        target = given[0]
        if what == "lines":
            with _recording(self._root, given[1], target if isinstance(target, str) else target.name):
                return self._timed(target)
        if isinstance(target, Probe) and target not in self._sound:
            self._sound[target] = self._probed(target)
        if given[1] is None:
            return self._timed(target)
        with put_in(given[1], self._root) as number:
            if number == 0:
                return Outcome("alike", "no function that has been imported is changed", 0.0)
            return self._timed(target)

    def _timed(self, target: Probe | str) -> Outcome:
        started = time.monotonic()
        try:
            found, told = self._checked(target) if isinstance(target, str) else self._compared(target)
        except BaseException as error:  # noqa: BLE001  a mutant may raise anything
            found, told = "error", f"{type(error).__name__}: {error}"[:300]
        return Outcome(found, told, time.monotonic() - started)

    def _checked(self, name: str) -> tuple[str, str]:
        """Return the verdict across releases on a case, and the worst figure."""
        case = self._cases[name]
        measured = self._measured(case.job())
        baseline = self._store.load(case.suite, case.id, "cpu", suite_file=case.path)
        judged = judge(case, measured, baseline, tier=Tier.ACROSS_RELEASES)
        reasons = ", ".join(type(each).__name__ for each in judged.reasons)
        worst = "" if judged.worst is None else judged.worst.name
        margin = "" if judged.margin is None else f" {judged.margin:.2g} of its limit"
        return judged.verdict.value, reasons or f"{worst}{margin}"

    def _compared(self, probe: Probe) -> tuple[str, str]:
        found, told = self._probed(probe)
        if probe not in self._sound:
            self._sound[probe] = found, told
        sound, told = self._sound[probe]
        return ("differs" if differs(sound, found) else "alike"), told

    def _probed(self, probe: Probe) -> Found:
        if probe.kind == "scheduler":
            return scheduler_result(probe)
        if probe.kind == "model":
            return model_result(probe)
        from harness.pipelines.mindone import MINDONE, PREFIX

        case: Case = self._cases[probe.of]
        kind = MINDONE.pipeline_class(case.pipeline.removeprefix(PREFIX))
        job = pipeline_job(probe, case, inspect.signature(kind.__call__).parameters)
        measured = self._measured(job)
        # In float16 what is shown in float32 is no finer.
        return [measured.output.astype(job.dtype)], told_of(job)

    def _measured(self, job: Any) -> Measurement:
        self._worker._pipelines.clear()
        return Measurement.from_wire(self._worker.answer(job.to_wire(), lambda _: None))


@contextlib.contextmanager
def _recording(base: Path, data_file: Path, name: str) -> Iterator[None]:
    """Record which lines and branches of the universe the body runs, under ``name``."""
    import coverage

    patterns = [str(base / pattern) for patterns in AREAS.values() for pattern in patterns]
    recorder = coverage.Coverage(
        data_file=str(data_file), branch=True, include=patterns, context=name, config_file=False
    )
    recorder.load()
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()
        recorder.save()
