"""Trends: the figures of each case over the runs of a history, their steps, and what changed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from harness.history.history_record import CaseRecord, RunRecord
from harness.history.levels import Levels, find_levels

MARGIN, BITS = "margin", "output bits"
_ABSENT = "(absent)"


@dataclass(frozen=True)
class Point:
    """One case in one run."""

    run: RunRecord
    record: CaseRecord


@dataclass(frozen=True)
class Change:
    """A figure whose level changed from ``before`` to ``after``."""

    figure: str
    before: float
    after: float

    @property
    def relative(self) -> float:
        """The size of the change relative to the larger of both levels; 0 if both are 0."""
        size = max(abs(self.before), abs(self.after))
        return abs(self.after - self.before) / size if size else 0.0


@dataclass(frozen=True)
class Step:
    """A lasting change of level of one case.

    ``point`` is the first run on the new level, and ``before`` is the last one on the old level. ``changes``
    lists the figures, the largest change first.
    """

    before: Point
    point: Point
    changes: tuple[Change, ...]

    @property
    def surroundings(self) -> tuple[str, ...]:
        """What else changed between the two runs: chance, the user's own code, and the commit last."""
        old, new = self.before, self.point
        changed = ["the case does not repeat"] if new.record.unrepeated else []
        changed += _code_changes(old.record.code, new.record.code)
        changed += differing_fields(old.record.environment, new.record.environment)
        if old.record.case_hash != new.record.case_hash:
            changed.append("the case was edited")
        if old.record.baseline_sha256 != new.record.baseline_sha256:
            changed.append("its baseline is another")
        if old.run.harness != new.run.harness:
            changed.append(f"harness {old.run.harness} -> {new.run.harness}")
        if old.run.git_commit != new.run.git_commit:
            commits = (old.run.git_commit, new.run.git_commit)
            before, after = (_ABSENT if commit is None else commit.short for commit in commits)
            changed.append(f"commit {before} -> {after}")
        return tuple(changed)


@dataclass(frozen=True)
class Series:
    """One figure of a case; ``values`` belong to the runs at ``places`` among the case's points."""

    figure: str
    places: tuple[int, ...]
    values: tuple[float, ...]

    @cached_property
    def found(self) -> Levels:
        """The levels of the values."""
        return find_levels(self.values)


@dataclass(frozen=True)
class Trend:
    """One case over the runs that contain it; for a matrix, over its runs in the environment ``subject``."""

    suite: str
    case_id: str
    points: tuple[Point, ...]
    subject: str | None = None

    @property
    def name(self) -> str:
        """The case's name, ``suite/id``."""
        return f"{self.suite}/{self.case_id}"

    @property
    def title(self) -> str:
        """The case's name, with the environment if a matrix chose it: ``suite/id under 2.8.0``."""
        return self.name if self.subject is None else f"{self.name} under {self.subject}"

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """The margin, the statistics in order of first appearance, and the classes of equal bits.

        Classes are numbered from 0 in order of first appearance.
        """
        records = [point.record for point in self.points]
        classes: dict[str | None, float | None] = {None: None}
        names = dict.fromkeys(name for record in records for name in record.statistics)
        figures = {
            MARGIN: [record.margin for record in records],
            **{name: [record.statistics.get(name) for record in records] for name in names},
            BITS: [classes.setdefault(record.output_sha256, float(len(classes) - 1)) for record in records],
        }
        found = []
        for figure, values in figures.items():
            known = {place: value for place, value in enumerate(values) if value is not None}
            found.append(Series(figure, tuple(known), tuple(known.values())))
        return tuple(found)

    @property
    def _levelled(self) -> Iterator[Series]:
        # The distance between two class numbers means nothing, so noise cannot be estimated from it.
        return (series for series in self.series if series.figure != BITS or series.found.exact)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The lasting changes, oldest first; figures that change at the same run share one."""
        found: dict[tuple[int, int], list[Change]] = {}
        for series in self._levelled:
            for old, new in series.found.steps:
                key = (series.places[new.start], series.places[old.stop - 1])
                found.setdefault(key, []).append(Change(series.figure, old.value, new.value))
        return tuple(
            Step(self.points[before], self.points[place], tuple(sorted(changes, key=_rank)))
            for (place, before), changes in sorted(found.items())
        )

    @cached_property
    def outliers(self) -> tuple[tuple[Point, tuple[str, ...]], ...]:
        """The runs that were off their level, with the figures concerned."""
        return self._pick(lambda found: found.outliers)

    @cached_property
    def latest(self) -> tuple[tuple[Point, tuple[str, ...]], ...]:
        """The newest runs that left the level: an outlier or the beginning of a step."""
        return self._pick(lambda found: () if found.latest is None else (found.latest,))

    def _pick(self, places: Callable[[Levels], Sequence[int]]) -> tuple[tuple[Point, tuple[str, ...]], ...]:
        found: dict[int, list[str]] = {}
        for series in self._levelled:
            for index in places(series.found):
                found.setdefault(series.places[index], []).append(series.figure)
        return tuple((self.points[place], tuple(figures)) for place, figures in sorted(found.items()))


def _rank(change: Change) -> tuple[bool, float]:
    """Sort key: size to two digits, so figures that moved alike keep their order; bits come last."""
    return change.figure == BITS, -float(f"{change.relative:.1e}")


def trends(runs: Sequence[RunRecord]) -> tuple[Trend, ...]:
    """Return the trend of each case in any of ``runs``, sorted by suite and case.

    The environments of a matrix have separate trends, in the order in which they first ran: a series that
    alternates between releases would have no level.
    """
    points: dict[tuple[str, str, str | None], list[Point]] = {}
    for run in runs:
        for record in run.cases:
            points.setdefault((record.suite, record.case_id, run.subject), []).append(Point(run, record))
    return tuple(
        Trend(suite, case, tuple(points[suite, case, subject]), subject)
        for suite, case, subject in sorted(points, key=lambda key: key[:2])
    )


def differing_fields(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield each field that differs, for example ``mindspore 2.8.0 -> 2.9.0``."""
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"{name} {before.get(name, _ABSENT)} -> {after.get(name, _ABSENT)}"


def _code_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield each file of the user's own code that differs; nothing if one side does not know its code."""
    for name in sorted(old.keys() | new.keys()) if old and new else ():
        if name not in old or name not in new:
            yield f"{name} is {'new' if name in new else 'gone'}"
        elif old[name] != new[name]:
            yield f"{name} changed"


def where(runs: Sequence[RunRecord], fields: Mapping[str, str]) -> tuple[RunRecord, ...]:
    """Return ``runs`` with only the cases whose environment has all ``fields``; drop runs left empty.

    A field may be given without the part of its value in brackets: ``2.10.0`` for ``2.10.0 (4bcfac44)``.
    Without fields, all runs are returned, including those without cases.
    """
    if not fields:
        return tuple(runs)
    kept = (
        replace(run, cases=tuple(case for case in run.cases if _has(case.environment, fields)))
        for run in runs
    )
    return tuple(run for run in kept if run.cases)


def _has(environment: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    found = ((environment.get(name), wanted) for name, wanted in fields.items())
    return all(value is not None and wanted in (value, value.partition(" (")[0]) for value, wanted in found)
