"""What the runs of a history prove about how often a case repeats its baseline's bits."""

from __future__ import annotations

from harness.baselines.tally import Tally
from harness.history.trends import Trend
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier


def repeats(trend: Trend) -> Tally:
    """Return how many runs were like the newest one, and how many of them had other bits than the baseline.

    Alike are runs of the same case with the same baseline, code and environment, which is the baseline's own.
    Each is a trial of whether the case repeats. There is none if the newest run is not in that environment.
    """
    records = [point.record for point in trend.points]
    newest = records[-1]
    alike = [
        each
        for each in records
        if each.tier == Tier.SAME_ENVIRONMENT.value
        and each.output_sha256 is not None
        and (each.case_hash, each.baseline_sha256) == (newest.case_hash, newest.baseline_sha256)
        and (each.environment, each.code) == (newest.environment, newest.code)
    ]
    if newest not in alike:
        return Tally()
    return Tally(len(alike), sum(each.verdict != Verdict.IDENTICAL.value for each in alike))
