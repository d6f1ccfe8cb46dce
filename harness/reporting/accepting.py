"""Candidates in the terminal: what waits, what became of it, and what stood in the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.baselines.baseline import Written
from harness.baselines.candidates import Kept
from harness.baselines.errors import shown
from harness.baselines.origin import Origin
from harness.errors import HarnessError
from harness.judgement.reasons import FieldEdit
from harness.operations import review
from harness.operations.accept import Acceptance, Accepted, Rejection
from harness.operations.review import Obstacle
from harness.reporting.commands import Invocation, text_beside
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.recording import show_uncalibrated
from harness.reporting.tables import labelled, show
from harness.reporting.wording import Words, filled

_OBSTACLES: Words = {
    review.Unreadable: "{problem}",
    review.OtherVersion: "harness {version} measured it, which is not this version; run the case again",
    review.NoCase: "no case has that name; reject the candidate",
    review.ExpectedToFail: "the case is expected to fail, so it has no baseline; reject the candidate",
    review.EditedSince: lambda found: (
        f"the case was edited since it was measured: {_edits(found.edits)}; run the case again"
    ),
    review.BaselineChanged: "the baseline was written since it was measured; run the case again",
    review.AlreadyBaseline: "it is the baseline already; reject it",
    review.Superseded: "the candidate was replaced, accepted or rejected meanwhile; review it again",
    review.NoReason: "it would replace a baseline; say why with --reason '<why it changes>'",
    review.FromElsewhere: lambda found: (
        "it was measured elsewhere"
        + ("" if found.origin is None else f" ({origin_text(found.origin)})")
        + ", and no trusted key signed it; name the key with --signer, or run the case here with --rerun"
    ),
    review.OtherEnvironment: lambda found: (
        "it was measured in another environment than the baseline: "
        f"{', '.join(each.name for each in found.differences)}; run the case here with --rerun"
    ),
    review.ToRunAgain: "accepting it runs the case here, and the bits must be the same",
    review.OneRun: "only one run has these bits; accepting it runs the case once more",
}
_WHY = {
    "missing": "there is no baseline",
    "stale": "the case was edited since its baseline was recorded",
    "damaged": "the baseline is damaged",
    "drift": "it drifted",
    "changed": "it was recorded without a reason, so the baseline was not changed",
}


class AcceptingDisplay(ProgressBar):
    """Shows the progress of accepting, and what became of each candidate."""

    def finished(self, result: Any) -> None:
        """Show what became of a candidate."""
        if isinstance(result, Accepted):
            name = result.pending.name
            if isinstance(result.outcome, Written):
                text = f"{name}: {shown(result.outcome.path)} ({result.outcome.state})"
                if (kept := result.pending.kept) is not None and kept.provenance.origin is not None:
                    text += f", from {origin_text(kept.provenance.origin)}"
                show(self.console, labelled("accepted", text))
            else:
                show(self.console, labelled("refused", f"{name}: {refusal_text(result, self.invocation)}"))


def origin_text(origin: Origin) -> str:
    """Return where a candidate was measured."""
    return f"{origin.repository}, commit {origin.commit[:12]}, {origin.run}"


def _edits(edits: Sequence[FieldEdit]) -> str:
    return "; ".join(map(text_of, edits))


def why_text(kept: Kept) -> str:
    """Return why a candidate waits."""
    return f"{_WHY[kept.why]}; measured {kept.provenance.date}"


def obstacle_text(obstacle: Obstacle) -> str:
    """Return what stands in the way of accepting a candidate, and what to do."""
    return filled(obstacle, _OBSTACLES)


def refusal_text(accepted: Accepted, invocation: Invocation) -> str:
    """Return why a candidate was not accepted."""
    outcome = accepted.outcome
    if isinstance(outcome, HarnessError):
        return text_beside(outcome, invocation)
    assert isinstance(outcome, Obstacle)
    return obstacle_text(outcome)


def show_acceptance(console: Console, found: Acceptance, invocation: Invocation) -> None:
    """Say how many became baselines, and which lost their calibration."""
    written = sum(isinstance(each.outcome, Written) for each in found.accepted)
    show(console, f"{written} accepted, {len(found.accepted) - written} refused")
    show_uncalibrated(console, found.uncalibrated, invocation)


def show_rejected(console: Console, found: Rejection) -> None:
    """Say which candidates were removed, and why others could not be."""
    for each in found.removed:
        show(console, labelled("rejected", f"{each.name} ({each.key.device})"))
    for error in found.errors:
        show(console, labelled("failed", str(error)))
    show(console, f"{len(found.removed)} rejected")


def nothing_text(folder: Path) -> str:
    """Return that nothing waits below ``folder``."""
    return f"nothing waits in {shown(folder)}"
