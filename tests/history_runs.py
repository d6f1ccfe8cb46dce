"""A run with one case, as a history keeps it."""

from __future__ import annotations

import math

from harness.baselines.git import Commit
from harness.history.history_record import CaseRecord, RunRecord

RECORD = CaseRecord(
    "guide",
    "one",
    "within",
    "c" * 64,
    tier="across_releases",
    worst="max_abs",
    measured=1e-7,
    limit=2e-7,
    margin=0.5,
    baseline_sha256="b" * 64,
    output_sha256="a" * 64,
    first_cause="environment: mindspore 2.8.0 | 2.10.0",
    environment={"mindspore": "2.8.0", "device": "CPU"},
    statistics={"abs_sum": 83.08879733085632, "mean": -0.1, "std": math.inf},
)
RUN = RunRecord("2026-11-02T03:04:05+00:00", "0.1.0", "pytest", (RECORD,), Commit("d" * 40, dirty=False))
