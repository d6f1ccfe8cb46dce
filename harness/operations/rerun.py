"""Running some of a certificate's cases again, and what that proves about the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.errors import UsageError
from harness.gate.certificate import Certificate
from harness.gate.facts import CaseFacts
from harness.judgement.tiers import fingerprint_differences
from harness.measurement.measurement import Measurement
from harness.operations.check import check
from harness.operations.evidence import Evidence
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.workers import Workers

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rerun:
    """The result of ``drawn``, the cases drawn with ``seed`` from the ``judged`` ones of a certificate.

    ``different`` says for each case how its result differs from the certified one. ``unknown`` are the cases
    about which nothing was learnt, with the fields of the environment that differ from the certified one;
    these are empty if the run gave no measurement.
    """

    seed: int
    judged: int
    drawn: tuple[str, ...]
    different: dict[str, str]
    unknown: dict[str, tuple[str, ...]]

    @property
    def confirmed(self) -> int:
        """The number of cases that gave the certified result."""
        return len(self.drawn) - len(self.different) - len(self.unknown)

    def escape(self, forged: int) -> float:
        """Return the probability that a new draw of as many cases as confirmed has none of ``forged``.

        Hypergeometric: of the C(judged, confirmed) possible draws, C(judged - forged, confirmed) have none of
        them.
        """
        return math.comb(self.judged - forged, self.confirmed) / math.comb(self.judged, self.confirmed)

    @property
    def excluded(self) -> int | None:
        """The smallest number of forged cases that would be noticed with 95 % probability, or None."""
        numbers = range(1, self.judged + 1)
        return next((number for number in numbers if self.escape(number) <= 1 - _CONFIDENCE), None)


def rerun(
    certificate: Certificate,
    suites: Path,
    baselines: Path,
    workers: Workers,
    number: int,
    seed: int,
    progress: Progress[Any] = SILENT,
) -> Rerun:
    """Run ``number`` cases of a valid ``certificate`` again, or all of them if it has fewer.

    They are drawn without replacement from those that have a verdict, with numpy's generator and ``seed``.
    ``suites`` and ``baselines`` are the folders of its files. Raises UsageError if no case has a verdict.
    """
    judged = [facts for facts in certificate.cases if facts.verdict is not None]
    if not judged:
        raise UsageError("none of its cases has a verdict: there is nothing to run again")
    chosen = np.random.default_rng(seed).choice(len(judged), size=min(number, len(judged)), replace=False)
    drawn = [judged[index] for index in sorted(chosen)]
    read = [load_suite(suites / each.file) for each in certificate.suites]
    cases = {case.name: case for suite in read for case in suite.cases}
    store = BaselineStore(baselines)
    evidence = Evidence(store)
    different: dict[str, str] = {}
    unknown: dict[str, tuple[str, ...]] = {}
    left = "not all drawn cases ran again, so there is no result"
    with stage(progress, "running again", len(drawn), interrupted=left), workers.runner() as runner:
        for index, facts in enumerate(drawn):
            progress.advanced(index)
            progress.started(facts.name)
            result = check(cases[facts.name], runner, store)
            if result.measurement is None:
                unknown[facts.name] = ()
            elif fields := _other_environment(certificate, facts, result.measurement):
                unknown[facts.name] = fields
            elif difference := _otherwise(facts, evidence.of(cases[facts.name], result)):
                different[facts.name] = difference
    return Rerun(seed, len(judged), tuple(each.name for each in drawn), different, unknown)


def _other_environment(certificate: Certificate, facts: CaseFacts, ran: Measurement) -> tuple[str, ...]:
    """Return the fields of the fingerprint that differ from the certified ones."""
    assert facts.environment is not None  # it has a verdict, and the certificate is valid
    certified = certificate.environments[facts.environment].fingerprint
    return tuple(each.name for each in fingerprint_differences(ran.fingerprint, certified))


def _otherwise(certified: CaseFacts, again: CaseFacts) -> str:
    """Return how a case's result differs from the certified one; an empty string if it does not."""
    if again.verdict != certified.verdict:
        return f"{again.verdict or again.state}, certified {certified.verdict}"
    names = ("bits", "margin", "worst", "tier", "reasons", "checkpoint")
    other = [name for name in names if getattr(again, name) != getattr(certified, name)]
    return f"{again.verdict} as certified, but its {', '.join(other)} are not" if other else ""
