"""Attribution: which part of an environment changed the output, found by varying one part at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from harness.cases.case import Case
from harness.errors import HarnessError, in_short
from harness.measurement.measurement import Measurement
from harness.releases.bisection import Bisected, Repeats
from harness.releases.interpreters import Subject, differing_packages
from harness.releases.noisy_search import is_changed

# Besides the release and the packages given with --with, these packages compute; others cannot change bits.
COMPUTING = ("numpy", "scipy", "mindone", "transformers", "tokenizers", "safetensors", "mindspore")

# Within so many runs of one environment it is to be decided whether they show the change.
_MOST_RUNS = 50

# Runs the case with the bad release and these versions of other packages.
RunWith = Callable[[Mapping[str, str]], Measurement]


@dataclass(frozen=True)
class Attribution:
    """The attribution of a change: ``part`` is the package at fault (None if unknown); ``text`` says why.

    ``others`` are the other packages that differ, as ``name: good -> bad``; ``runs`` is the number of runs it
    took.
    """

    part: str | None
    text: str
    others: tuple[str, ...] = ()
    runs: int = 0


@dataclass(frozen=True)
class FoundChange:
    """Where the output of ``case`` changed, and which part of the environment did it (None for commits)."""

    case: Case
    bisected: Bisected[Any]
    attribution: Attribution | None = None


def attribute(
    package: str,
    subjects: tuple[Subject, Subject],
    runs: tuple[Measurement, Measurement],
    run_with: RunWith | None,
    named: Sequence[str] = (),
    repeats: Repeats | None = None,
) -> Attribution:
    """Return which package changed the output between two environments, the good one first.

    ``package`` is the one that was bisected. If other packages that compute, or those in ``named``, differ as
    well, ``run_with`` runs the bad release with their good versions: first with all of them, then with one at
    a time. It is None if environments cannot be created. If the versions ran repeatedly (``repeats``), so do
    these, until they show the change or do not with the same confidence.
    """
    computing = (*COMPUTING, *named)
    differing = {
        name: versions
        for name, versions in differing_packages(subjects).items()
        if name != package and (None not in versions or name in computing)
    }
    differences = (
        f"{name}: {good or 'absent'} -> {bad or 'absent'}" for name, (good, bad) in differing.items()
    )
    found = partial(Attribution, others=tuple(differences))
    suspects = {
        name: good
        for name, (good, bad) in differing.items()
        if name in computing and good is not None and bad is not None
    }
    listed = ", ".join(suspects)
    if not suspects:
        return found(package, "no other package that computes has a different version there")
    if run_with is None:
        return found(None, f"{package}, or {listed}: environments that are given cannot be varied")
    try:
        return _varied(package, _Varying(runs, run_with, repeats), suspects, found)
    except HarnessError as error:
        reason = in_short(str(error))
        return found(None, f"{package}, or {listed}: no run with one part varied could be had: {reason}")


class _Like(Enum):
    GOOD, BAD, NEITHER = range(3)


class _Varying:
    """Runs the bad release with other versions of packages, and says which side the runs are like."""

    def __init__(
        self, ends: tuple[Measurement, Measurement], run_with: RunWith, repeats: Repeats | None
    ) -> None:
        self._good, self._bad = (end.bits for end in ends)
        self._run_with, self._repeats = run_with, repeats
        self.runs = 0

    def like(self, pins: Mapping[str, str]) -> _Like:
        """Return which side runs with ``pins`` are like; raises HarnessError if that is not to be had."""
        if self._repeats is not None:
            return self._often(self._repeats, pins)
        bits = self._run(pins).bits
        return _Like.BAD if bits == self._bad else _Like.GOOD if bits == self._good else _Like.NEITHER

    def _run(self, pins: Mapping[str, str]) -> Measurement:
        self.runs += 1
        return self._run_with(pins)

    def _often(self, repeats: Repeats, pins: Mapping[str, str]) -> _Like:
        changed, same, seen_at_bad = 0, 0, False
        for _ in range(_MOST_RUNS):
            measured = self._run(pins)
            shows = repeats.shows(measured)
            changed, same = changed + shows, same + (not shows)
            seen_at_bad |= measured.bits in repeats.changed_bits
            probability = is_changed((changed, same), repeats.before, repeats.since)
            if probability >= repeats.confidence:
                return _Like.BAD if seen_at_bad or len(repeats.changed_bits) > 1 else _Like.NEITHER
            if probability <= 1 - repeats.confidence:
                return _Like.GOOD
        raise HarnessError(f"{changed} of {_MOST_RUNS} runs show the change, which fits neither side")


def _varied(
    package: str, varying: _Varying, suspects: Mapping[str, str], found: Callable[..., Attribution]
) -> Attribution:
    held = varying.like(suspects)
    listed = ", ".join(suspects)
    found = partial(found, runs=varying.runs)
    if held is _Like.BAD:
        return found(package, f"it is the same with the good side's {listed}")
    if held is _Like.NEITHER:
        return found(None, f"{package} and {listed}: each of them changes bits")
    if len(suspects) == 1:
        return found(listed, f"with the good side's {listed} there is no change")
    text = f"more than one of {listed} changes bits"
    for name in suspects:
        rest = {other: version for other, version in suspects.items() if other != name}
        try:
            told_apart = varying.like(rest) is not _Like.GOOD
        except HarnessError as error:
            # For example, mindone runs with only one version of transformers.
            text = (
                f"not {package}, for with the good side's {listed} there is no change; "
                f"apart they do not run: {in_short(str(error))}"
            )
            continue
        if told_apart:
            kept = ", ".join(rest)
            told = f"with the good side's {kept} the change is there, with its {name} too it is not"
            return found(name, told, runs=varying.runs)
    return found(None, text, runs=varying.runs)
