"""What the atlases of two environments say of a drift: which classes of operators have other bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.atlas.comparing import class_of, compare, operator_class, same_operators
from harness.atlas.result import Atlas
from harness.explanation.causes import Cause
from harness.explanation.evidence import AtlasesDiffer, AtlasMissing, Evidence, MovedClass
from harness.tracing.divergence import Replay


def atlas_evidence(
    atlases: Sequence[Atlas],
    measured: Mapping[str, str],
    baseline: Mapping[str, str],
    replay: Replay | None,
) -> Evidence | None:
    """Return what differs between the atlases of these two fingerprints, and whether the first cell is of it.

    None without ``atlases``, and if they have the same bits.
    """
    if not atlases:
        return None
    ours, theirs = (_of(atlases, each) for each in (measured, baseline))
    if ours is None or theirs is None:
        return AtlasMissing(ours is None, theirs is None, len(atlases))
    found = compare(theirs, ours)
    if not found.moved:
        return None
    classes = []
    for name, number in found.classes.items():
        own = [each for each in found.moved if class_of(each.first) == name]
        same = sum(class_of(each) == name for each in ours.measured()) - number
        furthest = max((each.relative_l2 for each in own if each.relative_l2 is not None), default=None)
        classes.append(MovedClass(name, number, same, furthest))
    first = None if replay is None or replay.first is None else replay.first
    operator = "" if first is None or first.place != "cell" else first.operator
    cell = cell_class(operator)
    return AtlasesDiffer(tuple(classes), operator, cell if cell in found.classes else None, found.same)


def with_atlases(causes: tuple[Cause, ...], evidence: Evidence | None) -> tuple[Cause, ...]:
    """Return ``causes`` with what atlases say of the environment, after the environment's own cause."""
    if evidence is None:
        return causes
    own = [place for place, each in enumerate(causes) if each.kind == "environment"]
    at = own[-1] + 1 if own else len(causes)
    return (*causes[:at], Cause("environment", evidence), *causes[at:])


def cell_class(operator: str) -> str:
    """Return the class of a cell that a replay names by its class and kernel: ``Conv2d 3x3``."""
    name, _, size = operator.partition(" ")
    return f"{operator_class(name)} {size}".strip()


def _of(atlases: Sequence[Atlas], fingerprint: Mapping[str, str]) -> Atlas | None:
    return next((each for each in atlases if same_operators(each.fingerprint, fingerprint)), None)
