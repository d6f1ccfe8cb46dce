"""Reasons about a reference on another implementation in words."""

from __future__ import annotations

from harness.judgement import reference_reasons as f
from harness.reporting.figures import figure
from harness.reporting.wording import Words

_UNLIKE = {
    "draws": "draws other noise than",
    "schedule": "has other steps than",
    "latents": "has latents of another shape than",
    "output": "has an output of another shape than",
}


def _where(reason: f.FartherThanReference | f.WithinReference) -> str:
    part = "the output is" if reason.step is None else f"the latents after step {reason.step} are"
    rounding = f" (rounding alone moves them by {figure(reason.envelope)})" if reason.envelope else ""
    return (
        f"{part} {figure(reason.measured)} from float64, those of {reason.device} {figure(reason.original)}"
        f"{rounding}"
    )


def _farther(reason: f.FartherThanReference) -> str:
    return (
        f"across implementations: {_where(reason)}, {figure(reason.needed)} times as far; the limit is "
        f"{figure(reason.factor)} times, which {reason.exceeded} of {reason.limited} parts exceed"
    )


REFERENCE_REASONS: Words = {
    f.UnlikeReference: lambda reason: (
        f"across implementations: the run {_UNLIKE.get(reason.what, f'differs in {reason.what} from')} its "
        f"reference {reason.device}, so the two do not run the same case"
    ),
    f.FartherThanReference: _farther,
    f.WithinReference: lambda reason: (
        f"across implementations: within, {figure(reason.needed)} of at most {figure(reason.factor)} times "
        f"as far from float64 as {reason.device}: {_where(reason)}"
    ),
}
