"""Bisection: find the first version in a line whose run differs from that of the known good one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness.errors import HarnessError, in_short
from harness.judgement.judgement import Verdict
from harness.measurement.measurement import Measurement
from harness.releases.comparison import Comparison

Version = TypeVar("Version")


class NothingToFind(HarnessError):
    """Both ends of a line agree; ``baseline`` compares them with the stored one, and is None if they pass."""

    answers = True

    def __init__(self, told: str, baseline: Comparison | None = None) -> None:
        super().__init__(told)
        self.baseline = baseline


class NeitherGoodNorBad(HarnessError):
    """A version cannot be compared with the good one; ``comparison`` says why."""

    def __init__(self, version: object, good: object, comparison: Comparison) -> None:
        super().__init__(f"{version}: {comparison.verdict.value} with {good}")
        self.comparison = comparison


@dataclass(frozen=True)
class Tried:
    """A version that was run: ``good`` is whether it agrees with the good one, or None if the run failed."""

    version: Any
    good: bool | None
    told: str


@dataclass(frozen=True)
class Bisected(Generic[Version]):
    """What a bisection found: ``last_good`` and ``first_bad`` are neighbours but for what is ``untested``.

    ``step`` is how the first bad one stands to the last good one, ``to_good`` how it stands to the good end.
    ``untested`` are those between the two that yielded no measurement, with the reason; ``runs`` how many
    versions were run.
    """

    last_good: Version
    first_bad: Version
    good: Measurement
    bad: Measurement
    step: Comparison
    to_good: Comparison
    untested: tuple[tuple[Version, str], ...]
    runs: int


def bisect(
    versions: Sequence[Version],
    run: Callable[[Version], Measurement],
    compare: Callable[[Measurement, Measurement], Comparison],
    *,
    until_drift: bool = False,
    tried: Callable[[Tried], None] = lambda _: None,
) -> Bisected[Version]:
    """Return where in ``versions``, the good one first and the bad one last, the output changed.

    ``run`` runs one and raises HarnessError where it yields no measurement; ``compare`` holds the run of one,
    its second argument, to that of another.

    Changed is what has other bits than the good one, or with ``until_drift`` what does not pass when it is
    held to the good one. The ends are run, then the middle of what is left: at most ceil(log2(n)) + 2 runs of
    n versions, more by those that yield no measurement, which are left out as ``git bisect skip`` does. If
    the output changes more than once, one of the changes is found. ``tried`` is called with each run.

    Raises :class:`NothingToFind` where the bad end is like the good one, and HarnessError where an end
    yields no measurement.
    """
    if len(versions) < 2:
        raise NothingToFind(
            f"good and bad are the same ({versions[0]}): there is nothing between them; to bisect another "
            "package that differs, give its releases as --good and --bad"
        )
    reference = run(versions[0])
    tried(Tried(versions[0], True, "the good end"))
    ran, failed = {0: reference}, dict[int, str]()

    def is_good(index: int) -> bool:
        if until_drift:
            comparison = compare(reference, ran[index])
            if comparison.verdict in (Verdict.INCOMPARABLE, Verdict.ERROR):
                raise NeitherGoodNorBad(versions[index], versions[0], comparison)
            good, words = comparison.passed, comparison.verdict.value
        else:
            good = ran[index].bits == reference.bits
            words = "the same bits" if good else "other bits"
        tried(Tried(versions[index], good, words))
        return good

    last_good, first_bad = 0, len(versions) - 1
    ran[first_bad] = run(versions[first_bad])
    if is_good(first_bad):
        like = "passes when held to" if until_drift else "has the same bits as"
        raise NothingToFind(f"{versions[-1]} {like} {versions[0]}: there is no change to find between them")
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
