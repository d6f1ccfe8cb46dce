"""Attribution: which part of an environment changed the output, found by varying one part at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.cases.case import Case
from harness.errors import HarnessError, in_short
from harness.measurement.measurement import Measurement
from harness.releases.bisection import Bisected
from harness.releases.interpreters import Subject, differing_packages

# Besides the release and the packages given with --with, these packages compute; others cannot change bits.
_COMPUTING = ("numpy", "scipy", "mindone", "transformers", "tokenizers", "safetensors", "mindspore")

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
) -> Attribution:
    """Return which package changed the output between two environments, the good one first.

    ``package`` is the one that was bisected. If other packages that compute, or those in ``named``, differ as
    well, ``run_with`` runs the bad release with their good versions: first with all of them, then with one at
    a time. It is None if environments cannot be created.
    """
    computing = (*_COMPUTING, *named)
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
        return _varied(package, runs, run_with, suspects, found)
    except HarnessError as error:
        reason = in_short(str(error))
        return found(None, f"{package}, or {listed}: no run with one part varied could be had: {reason}")


def _varied(
    package: str,
    runs: tuple[Measurement, Measurement],
    run_with: RunWith,
    suspects: Mapping[str, str],
    found: Callable[..., Attribution],
) -> Attribution:
    good, bad = (run.bits for run in runs)
    held = run_with(suspects).bits
    listed = ", ".join(suspects)
    if held == bad:
        return found(package, f"it is the same with the good side's {listed}", runs=1)
    if held != good:
        return found(None, f"{package} and {listed}: each of them changes bits", runs=1)
    if len(suspects) == 1:
        return found(listed, f"with the good side's {listed} there is no change", runs=1)
    text = f"more than one of {listed} changes bits"
    for count, name in enumerate(suspects, 2):
        rest = {other: version for other, version in suspects.items() if other != name}
        try:
            told_apart = run_with(rest).bits != good
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
            return found(name, told, runs=count)
    return found(None, text, runs=1 + len(suspects))
