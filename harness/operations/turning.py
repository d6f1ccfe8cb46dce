"""Turning settings back: running a case as in this environment, but with some settings of a reference."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.job import Conditions, JitSettings, Job
from harness.errors import HarnessError, UsageError
from harness.execution.cann_settings import LEVEL_VARIABLE
from harness.execution.fingerprint import effective_isa
from harness.execution.profile import ARM_ISAS, X86_ISAS, known_isas
from harness.measurement.measurement import Measurement
from harness.operations.workers import Workers
from harness.releases.attribution import COMPUTING
from harness.releases.environments import Environments
from harness.releases.interpreters import MINDSPORE, Subject, inspect_interpreter
from harness.releases.requirements import Release, Specification
from harness.releases.settings import (
    PACKAGES,
    Allowed,
    Setting,
    release_of,
    settings_of,
)

# What only cases of mindone need of the packages that compute.
_OF_MINDONE = ("mindone", "transformers", "tokenizers")
_VARIABLES = {"level": LEVEL_VARIABLE, "hccl": "HCCL_DETERMINISTIC"}


class NotMade(HarnessError):
    """There is no environment that has the packages."""


class NotTurned(HarnessError):
    """A run does not have the settings that it was to have."""


def allowed_here() -> Allowed:
    """Return what this system allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    found: list[str] = []
    for cap in known_isas():
        try:
            isa = effective_isa(cap)
        except HarnessError:
            continue  # the processor is older, or cannot be asked
        if isa not in found:
            found.append(isa)
    return Allowed(tuple(found), cores)


@dataclass
class Software:
    """The interpreters from which one with certain packages is chosen; if none has them, one is made.

    ``here`` is this environment's, ``others`` are those that were given. Environments are made below
    ``root``, with this environment's other packages that compute, and with the requirements ``extras``.
    ``preparing`` is called with what is made.
    """

    here: Subject
    others: tuple[Subject, ...]
    root: Path
    extras: tuple[str, ...] = ()
    preparing: Callable[[str], None] = lambda _: None
    _failed: dict[Specification, HarnessError] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        workers: Workers,
        pythons: Sequence[str],
        root: Path,
        extras: Sequence[str],
        preparing: Callable[[str], None],
    ) -> Software:
        """Return the interpreters that there are: that of ``workers``, and ``pythons``."""
        own = workers.python or sys.executable
        here, *others = (inspect_interpreter(each) for each in (own, *pythons))
        return cls(here, tuple(others), root, tuple(extras), preparing)

    def python(self, turned: Mapping[str, str], named: Sequence[str]) -> str:
        """Return an interpreter with the versions ``turned``, and those of this environment otherwise.

        ``named`` are the packages that matter to the case. Raises :class:`NotMade` if there is none.
        """
        if (given := self._given(turned, named)) is not None:
            return given.python
        specification = self._specification(turned, named)
        if (failure := self._failed.get(specification)) is not None:
            raise failure
        environments = Environments(self.root)
        try:
            (made,) = environments.ensure([specification], self.preparing)
        except HarnessError as error:
            self._failed[specification] = NotMade(str(error), remedy=error.remedy)
            raise self._failed[specification] from None
        except KeyboardInterrupt:
            environments.discard(specification)
            raise
        return made.python

    def would_make(self, turned: Mapping[str, str], named: Sequence[str]) -> bool:
        """Whether an environment would have to be made for this."""
        if self._given(turned, named) is not None:
            return False
        try:
            return Environments(self.root).find(self._specification(turned, named)) is None
        except HarnessError:
            return True

    def _given(self, turned: Mapping[str, str], named: Sequence[str]) -> Subject | None:
        own = self.here.packages
        wanted = {**{name: own[name] for name in named if name in own}, **turned}
        having = (each for each in (self.here, *self.others) if wanted.items() <= each.packages.items())
        return next(having, None)

    def _specification(self, turned: Mapping[str, str], named: Sequence[str]) -> Specification:
        own = self.here.packages
        left_out = () if _OF_MINDONE[0] in named else _OF_MINDONE
        pins = {name: own[name] for name in COMPUTING if name in own and name not in left_out}
        pins.update(turned)
        try:
            release = Release.parse(f"{MINDSPORE}=={pins.pop(MINDSPORE)}")
        except UsageError as error:  # a build that no index has
            raise NotMade(str(error)) from None
        return Specification.of(release, self.extras, pins)


@dataclass(frozen=True)
class Turning:
    """Runs ``case`` in the environment of ``workers``, whose fingerprint is ``here``, with settings turned.

    ``settings`` are those that can be turned back to their values in ``reference``; ``software`` is None if
    no package is among them.
    """

    case: Case
    reference: Baseline
    workers: Workers
    here: Mapping[str, str]
    settings: tuple[Setting, ...]
    software: Software | None

    def run(self, names: frozenset[str]) -> Measurement:
        """Return the measurement of a run in a fresh process, with the settings ``names`` turned back.

        Raises :class:`HarnessError` if the case cannot be run so, or the run does not have these settings.
        """
        turned = {each.name: each.there for each in self.settings if each.name in names}
        with self._workers(turned).runner() as runner:
            measured = runner.run(self.job(turned))
        self._check(measured.fingerprint, turned)
        return measured

    def makes(self, names: frozenset[str]) -> bool:
        """Whether an environment would have to be made for this run."""
        packages = _packages({each.name: each.there for each in self.settings if each.name in names})
        return bool(packages) and self._software.would_make(packages, self._named)

    @property
    def _software(self) -> Software:
        assert self.software is not None
        return self.software

    @property
    def _named(self) -> tuple[str, ...]:
        return tuple(name for name in PACKAGES if name in self.here)

    def _workers(self, turned: Mapping[str, str | None]) -> Workers:
        workers = self.workers
        if (isa := turned.get("isa")) is not None:
            workers = replace(workers, isa=cap_of(isa))
        if (cores := turned.get("cores")) is not None:
            workers = replace(workers, cores=int(cores))
        if packages := _packages(turned):
            workers = workers.under(self._software.python(packages, self._named))
        return workers

    def job(self, turned: Mapping[str, str | None]) -> Job:
        """Return the job of a run with these settings turned back to their values."""
        job = self.case.job()
        recorded = self.reference.provenance.case_definition
        if "mode" in turned or "jit" in turned:
            job = replace(job, mode=recorded["mode"], jit=jit_of(recorded))
        variables = {
            _VARIABLES[name]: value for name, value in turned.items() if name in _VARIABLES and value
        }
        asynchronous = turned.get("launches") == "asynchronous"
        if variables or asynchronous:
            job = replace(job, conditions=Conditions(variables=variables, asynchronous=asynchronous))
        return job

    def _check(self, fingerprint: Mapping[str, str], turned: Mapping[str, str | None]) -> None:
        """Raise :class:`NotTurned` unless a setting has the value that was asked for, and no other moved."""
        found, before = settings_of(fingerprint), settings_of(self.here)
        for each in self.settings:
            wanted = turned.get(each.name, each.here)
            if found.get(each.name) != wanted:
                raise NotTurned(f"{each.name} is {found.get(each.name)} in this run, and was to be {wanted}")
        knobs = {each.name for each in self.settings}
        # What only one side has follows from the mode.
        both = (found.keys() & before.keys()) - knobs
        for name in sorted(both):
            if found[name] != before[name]:
                raise NotTurned(f"{name} is {found[name]} in this run, but {before[name]} without the change")


def jit_of(definition: Mapping[str, Any]) -> JitSettings | None:
    """Return how a case was compiled, from its recorded definition."""
    given = definition.get("jit")
    return None if given is None else JitSettings(**given)


def cap_of(isa: str) -> str:
    """Return the cap that leaves ``isa``."""
    return isa if isa in X86_ISAS or isa == ARM_ISAS[0] else ARM_ISAS[-1]


def _packages(turned: Mapping[str, str | None]) -> dict[str, str]:
    return {name: release_of(value) for name, value in turned.items() if name in PACKAGES and value}
