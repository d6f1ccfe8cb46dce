"""Explaining a drift by settings: which of them, turned back, brings the reference's bits or its verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from harness.baselines.baseline import Baseline
from harness.baselines.current import load_current
from harness.baselines.errors import BaselineError, shown
from harness.baselines.staleness import BaselineStale, stale
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.errors import HarnessError, UsageError, in_short
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import DoesNotRepeat
from harness.judgement.repetition import unrepeated
from harness.judgement.tiers import Tier, choose_tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import as_baseline, select_baseline
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.turning import NotMade, Software, Turning, allowed_here, jit_of
from harness.operations.workers import Workers
from harness.releases.delta_debugging import Runs, Search, Set, search
from harness.releases.environments import DEFAULT_ROOT
from harness.releases.settings import (
    PACKAGES,
    Allowed,
    Fixed,
    Setting,
    Why,
    differing_settings,
    fixed,
    release_of,
)

# Enough for ten settings of which two matter together.
MOST_RUNS = 32

# What was found: nothing differs; the case does not repeat; settings that each bring the reference's bits
# alone, or only together; none of them does; none can be turned back; or the runs did not suffice.
Conclusion = Literal["nothing", "repetition", "alone", "together", "none", "fixed", "undecided"]
_JUDGED = (Verdict.IDENTICAL, Verdict.WITHIN, Verdict.DRIFT)


@dataclass(frozen=True)
class Tried:
    """A run with the settings ``turned`` back, compared with the reference.

    ``same`` is whether the bits are the reference's, and ``verdict`` is by the limits of the tier between the
    two environments. If there is no measurement, both are None and ``error`` says why.
    """

    turned: tuple[str, ...]
    same: bool | None = None
    verdict: Verdict | None = None
    error: HarnessError | None = None

    @property
    def passes(self) -> bool | None:
        """Whether the case passes; None if it was not judged."""
        if self.same:
            return True
        return None if self.verdict not in _JUDGED else self.verdict is not Verdict.DRIFT


@dataclass(frozen=True)
class SettingsFound:
    """How the settings in which two environments differ explain a drift of the case ``name``.

    ``reference`` says what it was compared with, and ``stored`` is whether that is a baseline. ``settings``
    are those that can be turned back, and ``fixed`` the others. ``here`` is the run without a change, and
    ``tried`` are those with one. ``bits`` is what brings the bits of the reference. If nothing does, and the
    case does not pass here, ``verdicts`` is what lets it pass. ``unrepeated`` says how two runs differ
    without a change.
    """

    name: str
    reference: str
    stored: bool
    settings: tuple[Setting, ...]
    fixed: tuple[Fixed, ...]
    here: Tried
    tier: Tier
    tried: tuple[Tried, ...] = ()
    bits: Search = field(default_factory=Search)
    verdicts: Search | None = None
    unrepeated: DoesNotRepeat | None = None
    seconds: float = 0.0

    @cached_property
    def conclusion(self) -> Conclusion:
        """What was found."""
        if self.unrepeated is not None:
            return "repetition"
        if self.here.same:
            return "nothing"
        if (best := self.best) is not None:
            return "alone" if best.alone else "together"
        if not self.settings:
            return "fixed"
        searches = [each for each in (self.bits, self.verdicts) if each is not None]
        return "none" if all(each.complete for each in searches) else "undecided"

    @property
    def best(self) -> Search | None:
        """The search that found something: by bits, or else by the verdict; None if neither did."""
        return next((each for each in (self.bits, self.verdicts) if each is not None and each.found), None)

    @property
    def explained(self) -> bool:
        """Whether settings that explain the drift are known."""
        return self.conclusion in ("alone", "together")

    @property
    def whole(self) -> Tried | None:
        """The run with the most settings turned back, of those that gave a result."""
        ran = [each for each in self.tried if each.error is None]
        return max(ran, key=lambda each: len(each.turned), default=None)

    def of(self, *names: str) -> Tried | None:
        """Return the run with exactly these settings turned back, if there was one."""
        return next((each for each in self.tried if set(each.turned) == set(names)), None)


@dataclass(frozen=True)
class Foreseen:
    """What a search takes: from ``least`` to ``most`` runs of about ``seconds`` each.

    ``made`` are the settings for which an environment has to be made, one by one.
    """

    settings: tuple[Setting, ...]
    least: int
    most: int
    seconds: float
    made: tuple[str, ...]


def explain_settings(
    case: Case,
    workers: Workers,
    store: BaselineStore,
    *,
    python: str | None = None,
    others: Sequence[str] = (),
    environments: Path = DEFAULT_ROOT,
    extras: Sequence[str] = (),
    most: int = MOST_RUNS,
    progress: Progress[Any] = SILENT,
    allowed: Allowed | None = None,
) -> SettingsFound:
    """Turn the settings back in which this environment differs from that of the baseline, and run ``case``.

    With ``python``, the reference is a run under that interpreter. Packages are turned back by using an
    interpreter that has them: this one, ``python``, one of ``others``, or an environment that is made below
    ``environments``, with the requirements ``extras``. ``most`` limits the runs with a setting turned back;
    each combination runs once. ``progress`` gets a :class:`Foreseen` before the first of them. ``allowed`` is
    what this system allows, if not asked for here.

    The case first runs twice as it is. Raises :class:`HarnessError` if it cannot be run, or has nothing valid
    to be compared with.
    """
    started = time.monotonic()
    with stage(progress, "running", 2, interrupted=_LEFT), workers.runner() as runner:
        progress.started(case.name)
        measured = runner.run(case.job())
        seconds = time.monotonic() - started
        progress.advanced(1)
        if python is None:
            reference = select_baseline(store, case, measured.fingerprint)
            named = "the baseline" if reference.path is None else f"the baseline {shown(reference.path)}"
        else:
            reference, named = _run_under(case, workers.under(python), store, python)
        judging = _Judging.of(case, reference, measured)
        again = runner.run(case.job().alone())
    settings = differing_settings(measured.fingerprint, reference.measurement.fingerprint)
    held = tuple(fixed(settings, allowed or allowed_here()))
    left = tuple(each for each in settings if each not in [one.setting for one in held])
    found = SettingsFound(
        case.name, named, python is None, left, held, judging.tried((), measured), judging.tier,
        unrepeated=unrepeated(measured, again, None),
    )  # fmt: skip
    if found.conclusion not in ("undecided", "none"):
        return replace(found, seconds=time.monotonic() - started)
    with stage(progress, "running", len(left) + (len(left) > 1), interrupted=_LEFT):
        needs = any(each.name in PACKAGES for each in left)
        given = (*([] if python is None else [python]), *others)
        software = Software.of(workers, given, environments, extras, progress.preparing) if needs else None
        turning = Turning(case, reference, workers, measured.fingerprint, left, software)
        progress.finished(_foreseen(turning, most, seconds))
        found = _searched(found, turning, judging, progress, most)
    return replace(found, seconds=time.monotonic() - started)


_LEFT = "nothing was written but environments that are complete"


@dataclass(frozen=True)
class _Judging:
    """Compares runs with ``reference``, by the limits of ``tier``; ``case`` is as that was recorded."""

    case: Case
    reference: Baseline
    tier: Tier

    @classmethod
    def of(cls, case: Case, reference: Baseline, measured: Measurement) -> _Judging:
        """Return what judges runs of ``case``; raises the error of a baseline of another case.

        Mode and compilation belong to a case, but here they are settings as others are.
        """
        recorded = reference.provenance.case_definition
        as_recorded = replace(case, mode=recorded.get("mode", case.mode), jit=jit_of(recorded))
        if stale(as_recorded, reference) is not None:
            raise BaselineStale(case, reference)
        # The same limits for all runs: with another tier, a setting could change the verdict by changing
        # the limits.
        tier = choose_tier(measured.fingerprint, reference.measurement.fingerprint)
        return cls(as_recorded, reference, tier)

    def tried(self, turned: tuple[str, ...], measured: Measurement) -> Tried:
        """Return how a run compares with the reference."""
        if measured.bits == self.reference.measurement.bits:
            return Tried(turned, True, Verdict.IDENTICAL)
        return Tried(turned, False, judge(self.case, measured, self.reference, tier=self.tier).verdict)


def _searched(
    found: SettingsFound, turning: Turning, judging: _Judging, progress: Progress[Any], most: int
) -> SettingsFound:
    """Return ``found`` with what brings the reference's bits, or else its verdict."""
    names = [each.name for each in found.settings]

    def run(turned: Set) -> Tried:
        chosen = tuple(name for name in names if name in turned)
        progress.started(f"{found.name} with {', '.join(chosen)} turned back")
        try:
            tried = judging.tried(chosen, turning.run(turned))
        except UsageError:
            raise
        except HarnessError as error:
            tried = Tried(chosen, error=error)
        progress.advanced(len(runs.known) + 1)
        return tried

    runs = Runs(run, most)
    bits = search(names, lambda turned: runs(turned).same)
    verdicts = None
    if not bits.found and found.here.passes is False:
        verdicts = search(names, lambda turned: runs(turned).passes)
    found = replace(found, bits=bits, verdicts=verdicts, tried=tuple(runs.known.values()))
    return replace(found, fixed=(*found.fixed, *_not_made(found)))


def _not_made(found: SettingsFound) -> Iterator[Fixed]:
    """Yield the settings for which there is no environment."""
    for setting in found.settings:
        if (tried := found.of(setting.name)) is not None and isinstance(tried.error, NotMade):
            yield Fixed(setting, Why.FAILED, in_short(str(tried.error)))


def _foreseen(turning: Turning, most: int, seconds: float) -> Foreseen:
    settings = turning.settings
    made = tuple(each.name for each in settings if turning.makes(frozenset([each.name])))
    return Foreseen(settings, min(len(settings) + (len(settings) > 1), most), most, seconds, made)


def _run_under(case: Case, workers: Workers, store: BaselineStore, python: str) -> tuple[Baseline, str]:
    """Return a run under the interpreter ``python`` as the reference, with the stored calibration."""
    try:
        with workers.runner() as runner:
            measured = runner.run(case.job())
    except UsageError:
        raise
    except HarnessError as error:
        raise HarnessError(f"the reference, a run under {python}: {error}") from error
    baseline = as_baseline(case, measured)
    with suppress(BaselineError):
        stored = load_current(store, case, baseline.device)
        baseline = replace(baseline, calibration=stored.calibration)
    release = release_of(measured.fingerprint.get("mindspore", ""))
    return baseline, f"a run under {python} (MindSpore {release})"
