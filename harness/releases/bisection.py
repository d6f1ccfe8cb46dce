"""Bisection: find the first version in a line whose run differs from that of the known good one.

:func:`bisect` runs each version once and trusts that it repeats;
:func:`harness.releases.noisy_bisection.bisect_noisy` runs versions as often as it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from harness.errors import HarnessError, in_short
from harness.judgement.judgement import Verdict
from harness.measurement.measurement import Measurement
from harness.releases.comparison import Comparison

Version = TypeVar("Version")


@dataclass(frozen=True)
class RunsOf:
    """How many of a version's ``runs`` showed the change."""

    version: Any
    changed: int
    runs: int


class NothingToFind(HarnessError):
    """Both ends agree; ``baseline`` compares them with the stored baseline, and is None if they pass.

    ``ends`` are the runs of both, the good end first, if they ran repeatedly.
    """

    answers = True

    def __init__(
        self,
        told: str,
        baseline: Comparison | None = None,
        ends: tuple[RunsOf, RunsOf] | None = None,
    ) -> None:
        super().__init__(told)
        self.baseline = baseline
        self.ends = ends


class Undecided(HarnessError):
    """The search ended before an answer had the confidence asked for.

    ``best`` is the most likely first version with the change (None: there is probably no change), and
    ``confidence`` its probability. ``ends`` are the runs of both ends.
    """

    def __init__(
        self,
        best: object,
        confidence: float,
        wanted: float,
        runs: int,
        ends: tuple[RunsOf, RunsOf],
    ) -> None:
        super().__init__(f"no answer has the confidence {wanted:g} after {runs} runs")
        self.best, self.confidence, self.ends = best, confidence, ends


class NeitherGoodNorBad(HarnessError):
    """A version cannot be compared with the good one; ``comparison`` says why."""

    def __init__(self, version: object, good: object, comparison: Comparison) -> None:
        super().__init__(f"{version}: {comparison.verdict.value} with {good}")
        self.comparison = comparison


@dataclass(frozen=True)
class Tried:
    """A version that was run; ``good`` says whether it agrees with the good one (None if the run failed)."""

    version: Any
    good: bool | None
    told: str


@dataclass(frozen=True)
class Repeats:
    """What repeated runs say about the versions that ran.

    ``confidence`` is the probability that the change is where the bisection says. ``tallies`` are the
    versions that ran, in order, and so both ends. ``shows`` says whether a run of something else shows the
    change. ``before`` and ``since`` count the runs of all versions before the change, and from it on, that
    show it and that do not.
    """

    confidence: float
    tallies: tuple[RunsOf, ...]
    before: tuple[int, int]
    since: tuple[int, int]
    shows: Callable[[Measurement], bool] = field(compare=False)
    changed_bits: frozenset[str] = frozenset()

    @property
    def ends(self) -> tuple[RunsOf, RunsOf]:
        """The runs of the good end and of the bad end."""
        return self.tallies[0], self.tallies[-1]


@dataclass(frozen=True)
class Bisected(Generic[Version]):
    """The result of a bisection: only ``untested`` versions lie between ``last_good`` and ``first_bad``.

    ``step`` compares the first bad version with the last good one, ``to_good`` compares it with the good end.
    ``untested`` are the versions between the two that yielded no measurement, each with the reason. ``runs``
    is the number of runs. ``repeats`` is None if each version ran once.
    """

    last_good: Version
    first_bad: Version
    good: Measurement
    bad: Measurement
    step: Comparison
    to_good: Comparison
    untested: tuple[tuple[Version, str], ...]
    runs: int
    repeats: Repeats | None = None


def bisect(
    versions: Sequence[Version],
    run: Callable[[Version], Measurement],
    compare: Callable[[Measurement, Measurement], Comparison],
    *,
    until_drift: bool = False,
    tried: Callable[[Tried], None] = lambda _: None,
) -> Bisected[Version]:
    """Return where in ``versions``, the good one first and the bad one last, the output changed.

    ``run`` runs a version and raises HarnessError if it yields no measurement. ``compare`` compares the run
    of one version, its second argument, with the run of another.

    The output counts as changed if its bits differ from those of the good version, or, with ``until_drift``,
    if it does not pass a comparison with the good version. The ends are run first, then the middle of the
    remaining range: at most ceil(log2(n)) + 2 runs for n versions. Versions without a measurement are skipped
    as with ``git bisect skip`` and cost extra runs. If the output changes more than once, one of the changes
    is found. ``tried`` is called with each run.

    Raises :class:`NothingToFind` if the bad end agrees with the good one, and HarnessError if an end yields
    no measurement.
    """
    check_distinct(versions)
    reference = run(versions[0])
    tried(Tried(versions[0], True, "the good end"))
    ran, failed = {0: reference}, dict[int, str]()

    def is_good(index: int) -> bool:
        if until_drift:
            comparison = comparable(compare(reference, ran[index]), versions[index], versions[0])
            good, words = comparison.passed, comparison.verdict.value
        else:
            good = ran[index].bits == reference.bits
            words = "the same bits" if good else "other bits"
        tried(Tried(versions[index], good, words))
        return good

    last_good, first_bad = 0, len(versions) - 1
    ran[first_bad] = run(versions[first_bad])
    if is_good(first_bad):
        raise NothingToFind(alike(versions, until_drift=until_drift))
    while between := [index for index in range(last_good + 1, first_bad) if index not in failed]:
        middle = between[len(between) // 2]
        try:
            ran[middle] = run(versions[middle])
        except HarnessError as error:
            failed[middle] = in_short(str(error))
            tried(Tried(versions[middle], None, failed[middle]))
            continue
        if is_good(middle):
            last_good = middle
        else:
            first_bad = middle
    return Bisected(
        last_good=versions[last_good],
        first_bad=versions[first_bad],
        good=ran[last_good],
        bad=ran[first_bad],
        step=compare(ran[last_good], ran[first_bad]),
        to_good=compare(reference, ran[first_bad]),
        untested=tuple((versions[index], failed[index]) for index in range(last_good + 1, first_bad)),
        runs=len(ran) + len(failed),
    )


def check_distinct(versions: Sequence[Version]) -> None:
    """Raise :class:`NothingToFind` if the ends of a line are one version."""
    if len(versions) < 2:
        raise NothingToFind(
            f"good and bad are the same ({versions[0]}): there is nothing between them; to bisect another "
            "package that differs, give its releases as --good and --bad"
        )


def comparable(comparison: Comparison, version: object, good: object) -> Comparison:
    """Return ``comparison`` of a version with the good one; raises if it says neither good nor bad."""
    if comparison.verdict in (Verdict.INCOMPARABLE, Verdict.ERROR):
        raise NeitherGoodNorBad(version, good, comparison)
    return comparison


def alike(versions: Sequence[Version], *, until_drift: bool) -> str:
    """Return the sentence that both ends agree."""
    like = "passes when held to" if until_drift else "has the same bits as"
    return f"{versions[-1]} {like} {versions[0]}: there is no change to find between them"
