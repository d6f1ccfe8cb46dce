"""Verifying a certificate, and making again what its files determine of it. Imports little until it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.gate.certificate import Certificate
from harness.gate.policy import Policy
from harness.gate.signing import signer_in, signer_of
from harness.gate.verification import Verification, inspect

if TYPE_CHECKING:
    from harness.cases.case import Case
    from harness.gate.facts import CaseFacts
    from harness.operations.evidence import Evidence


def verify(
    path: Path,
    *,
    suites: Path | None = None,
    baselines: Path | None = None,
    policy: Path | None = None,
    signer: Path | None = None,
) -> Verification:
    """Return what is wrong with the certificate ``path``: see :func:`harness.gate.verification.inspect`.

    It must be by the ``policy`` in a file, and signed by the key in ``signer``, a PEM file, where these are
    given, and by the key that the policy demands. Raises :class:`harness.errors.UsageError` for files that
    are none.

    Where its suites are at hand and have the certified hashes, their cases are read again; with its baselines
    so is all that suites and baselines say of a case without a run.
    """
    demanded = [] if signer is None else [(f"--signer {signer}", signer_in(signer))]
    own: Policy | None = None
    if policy is not None:
        from harness.gate.policy_file import read_policy

        own = read_policy(policy, None)
        demanded += [(str(policy), signer_of(line)) for line in (own.signer,) if line is not None]
    found = inspect(path, suites=suites, baselines=baselines, demanded=demanded, policy=own)
    if found.problems or found.suites is None:
        return found
    problems = tuple(_differences(found.certificate, found.suites, found.baselines))
    return replace(found, problems=problems)


def _differences(certificate: Certificate, suites: Path, baselines: Path | None) -> Iterator[str]:
    """Yield what the certificate says otherwise than the files in these folders."""
    from harness.cases.load import load_suite
    from harness.cases.problems import SuiteError

    try:
        read = [load_suite(suites / each.file) for each in certificate.suites]
    except SuiteError as error:
        yield from map(str, error.problems)
        return
    for certified, suite in zip(certificate.suites, read, strict=True):
        if suite.name != certified.name:
            yield f"{suite.path}: the suite is called {suite.name}, in the certificate {certified.name}"
    facts = {each.name: each for each in certificate.cases}
    cases = {case.name: case for suite in read for case in suite.cases}
    yield from (f"{name}: its suite has no such case" for name in facts.keys() - cases.keys())
    yield from (f"{name}: its suite has it, the certificate has not" for name in cases.keys() - facts.keys())
    for name in cases.keys() & facts.keys():
        case, of = cases[name], facts[name]
        if (case.tags, case.hash(), case.line) != (of.tags, of.case_hash, of.line):
            yield f"{name}: its tags, its hash or its line are not those in its suite"
    if baselines is None:
        return

    from harness.baselines.current import orphans
    from harness.baselines.store import BaselineStore
    from harness.gate.power_table import powers_in
    from harness.operations.evidence import Evidence

    store = BaselineStore(baselines)
    if tuple("/".join(key) for key in orphans(read, store)) != certificate.orphans:
        yield f"{baselines}: other baselines are without a case than those in the certificate"
    try:
        evidence = Evidence(store, None if certificate.power is None else powers_in(certificate.power))
    except ValueError as error:
        yield f"its power table is none ({error})"
        return
    for name in cases.keys() & facts.keys():
        yield from _unlike(certificate, evidence, cases[name], facts[name])


def _unlike(certificate: Certificate, evidence: Evidence, case: Case, facts: CaseFacts) -> Iterator[str]:
    """Yield what is known of a case without a run, and is otherwise in the certificate."""
    from harness.baselines.staleness import stale
    from harness.errors import HarnessError
    from harness.judgement.tiers import choose_tier

    if facts.baseline is None or facts.environment is None:
        return
    try:
        baseline = evidence.store.load(case.suite, case.id, facts.baseline.device)
        tier = choose_tier(
            certificate.environments[facts.environment].fingerprint, baseline.measurement.fingerprint
        )
        again = evidence.held(facts, case, baseline)
    except HarnessError as error:
        yield f"{facts.name}: {error}"
        return
    if stale(case, baseline) is not None:
        yield f"{facts.name}: it was edited since its baseline was recorded, and cannot have been judged"
    told = {
        "tier": (tier.value, facts.tier),
        "baseline": (again.baseline, facts.baseline),
        "chaos": (again.chaos, facts.chaos),
        "power": (again.power_gap, facts.power_gap),
        # Why names the place of the suite, which may have been elsewhere.
        "vacuity": (type(again.vacuous), type(facts.vacuous)),
    }
    for what, (found, certified) in told.items():
        if found != certified:
            yield f"{facts.name}: its {what} is not what the suite and the baseline give"
