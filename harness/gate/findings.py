"""Findings of a gate as they are shown: baselines of suites that were not given, one line for each suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from harness.gate.certificate import Certificate
from harness.gate.details import SuiteNotGiven
from harness.gate.rules import ORPHAN, Finding


def shown_findings(certificate: Certificate) -> Iterator[Finding]:
    """Yield the findings of a gate, those about baselines of a suite that was not given as one.

    Such a suite was most likely forgotten: to remove its baselines is not the first thing to advise.
    """
    given = {suite.name for suite in certificate.suites}
    findings = certificate.decision.findings
    groups = Counter(key for each in findings if (key := _not_given(each, given)) is not None)
    told = set()
    for finding in findings:
        key = _not_given(finding, given)
        if key is None:
            yield finding
        elif key not in told:
            told.add(key)
            suite, _ = key
            yield replace(finding, about=suite, detail=SuiteNotGiven(groups[key]))


def _not_given(finding: Finding, given: set[str]) -> tuple[str, int | None] | None:
    """Return the suite and the waiver of a baseline whose suite was not given, None for all else."""
    suite = finding.about.partition("/")[0]
    # With a waiver that expired it is shown by itself.
    plain = finding.rule == ORPHAN and not finding.expired
    return (suite, finding.waiver) if plain and suite not in given else None
