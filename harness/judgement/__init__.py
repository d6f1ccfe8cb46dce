"""How a measurement is judged: metrics, tiers of tolerance, verdicts."""

from harness.judgement.deviations import statistic_deviation
from harness.judgement.metrics import METRICS, compare
from harness.judgement.record import Judgement, Verdict
from harness.judgement.rows import Row
from harness.judgement.tiers import FieldDifference, Tier, choose_tier, fingerprint_differences
from harness.judgement.verdicts import judge

__all__ = [
    "METRICS",
    "FieldDifference",
    "Judgement",
    "Row",
    "Tier",
    "Verdict",
    "choose_tier",
    "compare",
    "fingerprint_differences",
    "judge",
    "statistic_deviation",
]
