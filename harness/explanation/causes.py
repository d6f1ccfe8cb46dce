"""Root causes of a drift, first cause first. A later cause may merely follow from an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.baselines.baseline import Baseline
from harness.explanation import evidence as e
from harness.explanation.growth import after_steps, beyond_environment, numerics
from harness.judgement import bits
from harness.judgement.after_steps import proven as proven_after_steps
from harness.judgement.check import Check
from harness.judgement.constants import derived_differences
from harness.judgement.fact_reasons import ConstantChanged
from harness.judgement.facts import fact_changes, rounded_cells, rounded_parameters
from harness.judgement.reasons import DoesNotRepeat, Reason
from harness.judgement.second_call import state_left
from harness.judgement.tiers import Tier, choose_tier, fingerprint_differences
from harness.measurement.figures import CodeIdentity
from harness.measurement.measurement import Measurement

Kind = Literal[
    "repetition",
    "state",
    "code",
    "environment",
    "inputs",
    "model",
    "randomness",
    "schedule",
    "model input",
    "prediction",
    "numerics",
    "output",
]

# The field of the fingerprint that holds the release and the hash of a library's code.
LIBRARY = "mindone"
# What a wrong input of the model leads to, or explains.
_LED_TO = ("environment", "numerics", "output")


@dataclass(frozen=True)
class Cause:
    """A difference between a measurement and its baseline that may have caused the output to drift.

    ``kind`` is its class and ``evidence`` is what differs; :mod:`harness.reporting.causes` words both.
    """

    kind: Kind
    evidence: e.Evidence


def root_causes(measured: Measurement, baseline: Baseline, tier: Tier | None = None) -> tuple[Cause, ...]:
    """Return the differences between ``measured`` and ``baseline``, first cause first; may be empty.

    A state that a call leaves behind comes first, because no other difference can explain it. Code that was
    edited comes next, because it decides all that follows. Then come the facts in the order of a run: the
    inputs (weights), the numbers that the model holds, the random draws, the schedule. What was computed is
    last, which means the output if only what follows the last step left the envelope, or else the first step
    at which the latents left it. The environment precedes it only as far as it can explain it: as long as no
    fact differs, and nothing moved further than another environment's rounding could. ``tier`` is that of the
    judgement, if it is not the one that the fingerprints give.
    """
    stored = baseline.measurement
    tier = tier or choose_tier(measured.fingerprint, stored.fingerprint)
    facts: list[tuple[Kind, e.Evidence | None]] = [
        ("inputs", _own_weights(measured, stored, tier)),
    ]
    schedule = bits.schedule_change(measured, stored)
    changes: tuple[tuple[Kind, Reason | None], ...] = (
        ("inputs", bits.checkpoint_change(measured, stored)),
        *((_kind(change, schedule), change) for change in fact_changes(measured, stored, tier)),
        ("randomness", bits.ledger_change(measured, stored)),
        ("schedule", schedule),
    )
    facts += [(kind, None if change is None else e.Changed(change)) for kind, change in changes]
    facts += [("schedule", each) for each in _cancelling(measured, stored)]
    growth = numerics(measured, baseline)
    proven: list[tuple[Kind, e.Evidence | None]] = [
        ("output", e.Changed(reason)) for reason in proven_after_steps(measured, baseline)
    ]
    after = None if isinstance(growth, e.LeavesEnvelope) else after_steps(measured, baseline, growth)
    if isinstance(after, e.LeavesAfterSteps):
        growth = None  # which says how far the latents moved
    numbers: list[tuple[Kind, e.Evidence | None]] = [("output", after), ("numerics", growth)]
    if isinstance(growth, e.LeavesEnvelope):
        numbers += proven  # a later place of the run
    else:
        facts += proven
    explicable = not any(evidence for _, evidence in facts) and not beyond_environment(measured, baseline)
    rounded = rounded_parameters(measured, stored, tier)
    context: list[tuple[Kind, e.Evidence | None]] = [
        ("environment", _environment(measured, stored)),
        ("inputs", None if rounded is None else e.Changed(rounded)),
    ]
    state = state_left(measured)
    found: list[tuple[Kind, e.Evidence | None]] = [
        ("state", None if state is None else e.Changed(state)),
        ("code", _code(measured.code, stored.code)),
        ("code", _library(measured, stored)),
        *facts,
        *(context + numbers if explicable else numbers + context),
    ]
    moved = growth is not None or not bits.same_bits(measured.output, stored.output)
    if moved and measured.code is not None and stored.code is None:
        found.append(("code", e.CodeUnknown()))
    return tuple(Cause(kind, evidence) for kind, evidence in found if evidence is not None)


def causes_of(check: Check) -> tuple[Cause, ...]:
    """Return what differs in a case that was checked; also empty if nothing was compared.

    What differs from the baseline is only half the truth if the case does not repeat, so that comes first.
    """
    if check.measurement is None or check.baseline is None:
        return ()
    judged = check.judgement
    return with_repetition(root_causes(check.measurement, check.baseline, judged.tier), judged.unrepeated)


def with_repetition(causes: tuple[Cause, ...], unrepeated: DoesNotRepeat | None) -> tuple[Cause, ...]:
    """Return ``causes`` after the cause that the case does not repeat, if it does not."""
    return causes if unrepeated is None else (Cause("repetition", e.Changed(unrepeated)), *causes)


def with_input(causes: tuple[Cause, ...], found: Cause) -> tuple[Cause, ...]:
    """Return ``causes`` with ``found``, a wrong input of a model or scheduler, before what it leads to."""
    at = next((i for i, each in enumerate(causes) if each.kind in _LED_TO), len(causes))
    return (*causes[:at], found, *causes[at:])


def _code(measured: CodeIdentity | None, stored: CodeIdentity | None) -> e.Evidence | None:
    if measured is None or stored is None or measured.files == stored.files:
        return None
    differing = bits.differing_keys(measured.files, stored.files)
    return e.CodeChanged(
        changed=tuple(name for name in differing if name in measured.files and name in stored.files),
        added=tuple(name for name in differing if name not in stored.files),
        removed=tuple(name for name in differing if name not in measured.files),
        commits=(measured.commit, stored.commit),
    )


def _own_weights(measured: Measurement, stored: Measurement, tier: Tier) -> e.Evidence | None:
    if measured.code is None or stored.code is None:
        return None
    differing = bits.differing_keys(measured.code.weights, stored.code.weights)
    rounded = rounded_cells(measured, stored, tier)
    names = tuple(name for name in differing if name not in rounded)
    return e.WeightsChanged(names) if names else None


def _library(measured: Measurement, stored: Measurement) -> e.Evidence | None:
    ours, theirs = (each.fingerprint.get(LIBRARY) for each in (measured, stored))
    if ours is None or theirs is None or ours == theirs:
        return None
    release = _release(theirs)
    return e.LibraryEdited(LIBRARY, release, ours, theirs) if _release(ours) == release else None


def _release(version: str) -> str:
    """Return the release in a library's entry of the fingerprint, ``0.5.0 (hash of its code)``."""
    return version.partition(" (")[0]


def _cancelling(measured: Measurement, stored: Measurement) -> list[e.Evidence]:
    found = derived_differences(measured, stored)
    return [
        e.ConstantsCancel(table, ulps, tuple(e.DerivedConstant(*each) for each in derived))
        for table, (ulps, derived) in found.items()
    ]


def _kind(change: Reason, schedule: Reason | None) -> Kind:
    """Return the class of a change of the facts: what is loaded with a model is an input.

    A number that a model holds is the model's own. A timestep of a model that is not the ``schedule``'s doing
    is a wrong input of the model.
    """
    if isinstance(change, ConstantChanged) and change.number:
        return "model"
    if not isinstance(change, ConstantChanged) or "/" in change.name:
        return "inputs"
    component, _, name = change.name.rpartition(".")
    given = name in ("timestep", "timesteps", "t") and not component.endswith("scheduler")
    return "model input" if given and schedule is None else "schedule"


def _environment(measured: Measurement, stored: Measurement) -> e.Evidence | None:
    differences = fingerprint_differences(measured.fingerprint, stored.fingerprint)
    if _library(measured, stored) is not None:  # a cause of its own
        differences = tuple(each for each in differences if each.name != LIBRARY)
    operators = bits.changed_operators(measured, stored)
    if differences:
        tried = len(measured.canaries) if stored.canaries else 0
        return e.EnvironmentDiffers(differences, operators, tried)
    return e.OperatorsDifferHere(operators) if operators else None
