"""Bisecting releases: from the names on a command line to the first release that changed the output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import UsageError
from harness.measurement.measurement import Measurement
from harness.operations.compare_runs import compare_runs, compare_with_baseline
from harness.operations.foresight import Foresight, foresee
from harness.operations.progress import KEPT, SILENT, Progress, stage
from harness.operations.running import Running, run_case
from harness.releases.attribution import FoundChange, attribute
from harness.releases.bisection import NothingToFind, Tried
from harness.releases.environments import Environments
from harness.releases.installer import releases_between
from harness.releases.interpreters import Subject, inspect_interpreter
from harness.releases.noisy_bisection import Plan, bisect_by
from harness.releases.requirements import Release, Specification


@dataclass(frozen=True)
class ReleaseLine:
    """The releases of one package from good to bad, and the environment for each.

    ``subject`` returns a release's environment, and creates it if it is missing. ``run_with`` does so with
    other packages pinned; it is None if environments cannot be created. ``named`` are the packages given with
    ``--with``.
    """

    releases: tuple[Release, ...]
    subject: Callable[[Release], Subject]
    run_with: Callable[[Release, Mapping[str, str]], Subject] | None = None
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReleaseRange:
    """The requested releases: both ends, and those ``between`` (if empty, the package index is asked).

    ``extras`` are installed with every release, ``good_extras`` only at the good end, and ``bad_extras``
    everywhere else: a change that these cause is found next to the good end and attributed to them.
    ``pythons`` are existing environments that are used instead of creating new ones.

    Raises UsageError if existing environments and environments to create are mixed.
    """

    good: Release
    bad: Release
    between: tuple[Release, ...] = ()
    extras: tuple[str, ...] = ()
    good_extras: tuple[str, ...] = ()
    bad_extras: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pythons and (self.between or self.extras or self.good_extras or self.bad_extras):
            raise UsageError("--python names existing environments: leave out --releases and --with")

    @classmethod
    def parse(
        cls, good: str, bad: str, versions: Sequence[str] | None, *others: Sequence[str] | None
    ) -> ReleaseRange:
        """Return the range from ``good`` to ``bad``, such as ``mindspore==2.9.0``, via ``versions``.

        Each string in ``versions`` contains one version or several separated by commas; ``others`` are the
        other fields. Raises UsageError for anything that is not a release.
        """
        first, last = Release.parse(good), Release.parse(bad)
        between = [version for text in versions or () for version in text.split(",") if version]
        releases = tuple(Release.parse(f"{first.package}=={version}") for version in between)
        return cls(first, last, releases, *(tuple(each or ()) for each in others))

    def line(self, environments: Environments, preparing: Callable[[str], None]) -> ReleaseLine:
        """Return the releases in order; ``preparing`` is called with each environment that is created.

        Raises UsageError if the releases do not form a line, or if no interpreter has one of the ends.
        """
        return self._given() if self.pythons else self._made(environments, preparing)

    def _given(self) -> ReleaseLine:
        package = self.good.package
        found: dict[Release, Subject] = {}
        for python in self.pythons:
            subject = inspect_interpreter(python)
            if (version := subject.packages.get(package)) is not None:
                found.setdefault(Release(package, version), subject)
        for wanted in (self.good, self.bad):
            if wanted not in found:
                there = ", ".join(map(str, found)) or f"none with {package}"
                raise UsageError(f"{wanted}: no interpreter has it; they have {there}")
        return ReleaseLine(self._in_order(filter(self._within, found)), found.__getitem__)

    def _made(self, environments: Environments, preparing: Callable[[str], None]) -> ReleaseLine:
        good, bad = self.good, self.bad
        Specification.of(good, [*self.extras, *self.good_extras])
        Specification.of(bad, [*self.extras, *self.bad_extras])
        if good.package != bad.package:
            raise UsageError(f"{good} and {bad} are different packages; name two releases of one package")
        for release in self.between:
            if release.package != good.package or not self._within(release):
                raise UsageError(f"{release} is not between {good} and {bad}")
        line = self._in_order(self.between) if self.between else tuple(releases_between(good, bad))

        def subject(release: Release, pins: Mapping[str, str] | None = None) -> Subject:
            own = self.good_extras if release == good else self.bad_extras
            specification = Specification.of(release, [*self.extras, *own], pins)
            return environments.ensure([specification], preparing)[0]

        asked = (*self.extras, *self.good_extras, *self.bad_extras)
        named = tuple(dict.fromkeys(canonicalize_name(Requirement(each).name) for each in asked))
        return ReleaseLine(line, subject, subject, named)

    def _within(self, release: Release) -> bool:
        low, high = sorted((self.good.order, self.bad.order))
        return low <= release.order <= high

    def _in_order(self, between: Iterable[Release]) -> tuple[Release, ...]:
        backwards = self.good.order > self.bad.order
        all_of_them = {self.good, self.bad, *between}
        return tuple(sorted(all_of_them, key=lambda release: release.order, reverse=backwards))


def bisect_releases(
    case: Case,
    asked: ReleaseRange,
    environments: Path,
    running: Running,
    store: BaselineStore,
    progress: Progress[Foresight | Tried] = SILENT,
    *,
    plan: Plan,
    until_drift: bool = False,
) -> FoundChange:
    """Return where the output of ``case`` changed among the releases ``asked`` for: see :func:`bisect_by`.

    Missing environments are created below the folder ``environments``. If both ends agree and neither passes
    against the stored baseline, the error says that the change is not between these releases.
    """
    progress.finished(foresee([case], store))
    with stage(progress, "bisecting", 0, interrupted=KEPT):
        line = asked.line(Environments(environments), progress.preparing)
        ran: dict[Release, Measurement] = {}
        # Each run of one environment is kept by its number.
        times = Counter[str]()

        def run_under(subject: Subject) -> Measurement:
            times[subject.python] += 1
            return run_case(case, subject, running, times[subject.python])

        def run(release: Release) -> Measurement:
            ran[release] = run_under(line.subject(release))
            return ran[release]

        compare = partial(compare_runs, case, store=store)
        try:
            tried = progress.finished
            bisected = bisect_by(plan, line.releases, run, compare, until_drift=until_drift, tried=tried)
        except NothingToFind as nothing:
            good = ran.get(line.releases[0])
            against = None if good is None else compare_with_baseline(case, good, store)
            passes = against is None or against.passed
            raise NothingToFind(str(nothing), None if passes else against, nothing.ends) from None

        def run_with(pins: Mapping[str, str]) -> Measurement:
            assert line.run_with is not None
            return run_under(line.run_with(bisected.first_bad, pins))

        attribution = attribute(
            bisected.first_bad.package,
            (line.subject(bisected.last_good), line.subject(bisected.first_bad)),
            (bisected.good, bisected.bad),
            None if line.run_with is None else run_with,
            line.named,
            bisected.repeats,
        )
        return FoundChange(case, bisected, attribution)
