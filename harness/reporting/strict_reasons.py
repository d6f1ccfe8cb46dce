"""Reasons about `strict` in words."""

from __future__ import annotations

from harness.judgement import strict_reasons as s
from harness.reporting.wording import Words


def _needs_strict(reason: s.NeedsStrict) -> str:
    why = "it is chaotic" if reason.chaotic else "rounding alone turns it into another mode"
    if reason.strict:
        return f"needs `strict`, which it has: {why}"
    return f"needs `strict: true`, or limits of its own in other environments: {why}"


STRICT_REASONS: Words = {
    s.NeedsStrict: _needs_strict,
    s.NeedsNoStrict: (
        "does not need `strict`: its {runs} runs stay in one mode and are not chaotic, so calibrated limits "
        "can judge it in other environments. Remove `strict: true`, unless it is for rounding that the noise "
        "does not reach"
    ),
}
