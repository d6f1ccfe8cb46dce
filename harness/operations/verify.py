"""Verifying a certificate, and recomputing what its files determine. Other imports come only if needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING

from harness.codec import to_json
from harness.errors import HarnessError
from harness.gate.certificate import Certificate
from harness.gate.policy import Policy
from harness.gate.signing import signer_in, signer_of
from harness.gate.verification import PASSING, Verification, below_here, inspect

if TYPE_CHECKING:
    from harness.cases.case import Case
    from harness.gate.facts import CaseFacts
    from harness.judgement.rows import Row
    from harness.operations.evidence import Evidence


def verify(
    path: Path,
    *,
    suites: Path | None = None,
    baselines: Path | None = None,
    policy: Path | None = None,
    signer: Path | None = None,
    only: bool = False,
) -> Verification:
    """Return what is wrong with the certificate ``path``: see :func:`harness.gate.verification.inspect`.

    A certificate that covers some suites only is a problem unless ``only`` is given.

    If given, ``policy`` is a policy file by which the certificate must have been made, and ``signer`` is the
    PEM file of a key that must have signed it. The key that the policy demands must have signed it as well.
    The policy file and the power table named in the certificate are compared with its content if they are
    below the current folder. Raises :class:`harness.errors.UsageError` for files that are not of the expected
    kind.

    If its suites are available and have the certified hashes, their cases are read again. With its baselines,
    everything that suites and baselines determine about a case without a run is recomputed as well.
    """
    demanded = [] if signer is None else [(f"--signer {signer}", signer_in(signer))]
    own: Policy | None = None
    if policy is not None:
        from harness.gate.policy_file import read_policy

        own = read_policy(policy, None)
        demanded += [(str(policy), signer_of(line)) for line in (own.signer,) if line is not None]
    found = inspect(path, suites=suites, baselines=baselines, demanded=demanded, policy=own)
    if found.certificate.only and not only:
        told = f"it covers only {found.certificate.covered}; if that is all you release, give --only"
        found = replace(found, problems=(*found.problems, told))
    if not found.problems:
        found = replace(found, problems=tuple(_other_files(found.certificate)))
    if found.problems or found.suites is None:
        return found
    problems = tuple(_differences(found.certificate, found.suites, found.baselines))
    return replace(found, problems=problems)


def _other_files(certificate: Certificate) -> Iterator[str]:
    """Yield the policy and the power table if they differ from their files, as far as these are here."""
    file, power = certificate.policy_file, certificate.power
    if file is not None and (path := below_here(file.file)) is not None:
        from harness.gate.policy_file import read_policy

        try:
            same = read_policy(path, None) == certificate.policy
        except HarnessError as error:
            yield f"its policy file is not a policy: {error}"
        else:
            if not same:
                yield f"{path}: this policy differs from the one in the certificate"
    if power is not None and (path := below_here(power.file.file)) is not None:
        from harness.gate.power_table import read_powers

        try:
            same = to_json(read_powers(path).table.report) == to_json(power.report)
        except HarnessError as error:
            yield f"its power table cannot be read: {error}"
        else:
            if not same:
                yield f"{path}: this power table differs from the one in the certificate"


def _differences(certificate: Certificate, suites: Path, baselines: Path | None) -> Iterator[str]:
    """Yield contradictions between the certificate and the files in these folders."""
    from harness.cases.load import load_suite
    from harness.cases.problems import SuiteError

    try:
        read = [load_suite(suites / each.file) for each in certificate.suites]
    except SuiteError as error:
        yield from map(str, error.problems)
        return
    for certified, suite in zip(certificate.suites, read, strict=True):
        if suite.name != certified.name:
            yield f"{suite.path}: the suite is called {suite.name}, but {certified.name} in the certificate"
    facts = {each.name: each for each in certificate.cases}
    cases = {case.name: case for suite in read for case in suite.cases}
    yield from (f"{name}: its suite has no such case" for name in facts.keys() - cases.keys())
    yield from (
        f"{name}: its suite has this case, but the certificate does not"
        for name in cases.keys() - facts.keys()
    )
    for name in cases.keys() & facts.keys():
        case, of = cases[name], facts[name]
        if (case.tags, case.hash(), case.line) != (of.tags, of.case_hash, of.line):
            yield f"{name}: its tags, hash or line differ from those in its suite"
    if baselines is None:
        return

    from harness.baselines.current import orphans
    from harness.baselines.store import BaselineStore
    from harness.gate.power_table import powers_in
    from harness.operations.evidence import Evidence

    store = BaselineStore(baselines)
    if tuple("/".join(key) for key in orphans(read, store, only=certificate.only)) != certificate.orphans:
        yield f"{baselines}: the baselines without a case differ from those in the certificate"
    try:
        evidence = Evidence(store, None if certificate.power is None else powers_in(certificate.power))
    except ValueError as error:
        yield f"its power table cannot be read ({error})"
        return
    for name in cases.keys() & facts.keys():
        yield from _unlike(certificate, evidence, cases[name], facts[name])


def _unlike(certificate: Certificate, evidence: Evidence, case: Case, facts: CaseFacts) -> Iterator[str]:
    """Yield contradictions about a case that can be found without a run."""
    from harness.baselines.staleness import stale
    from harness.judgement.judgement import Verdict
    from harness.judgement.tiers import choose_tier
    from harness.judgement.verdicts import limited_rows

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
    held = facts.baseline
    assert again.baseline is not None
    if stale(case, baseline) is not None:
        yield f"{facts.name}: it was edited since its baseline was recorded, so it cannot have been judged"
    told = {
        "tier": (tier.value, facts.tier),
        # Runs add up, also after the gate.
        "baseline": (
            replace(again.baseline, runs=None, deviating=None),
            replace(held, runs=None, deviating=None),
        ),
        "chaos": (again.chaos, facts.chaos),
        "power": (again.power_gap, facts.power_gap),
        # The reason contains the location of the suite, which may have been different.
        "vacuity": (type(again.vacuous), type(facts.vacuous)),
    }
    if (again.baseline.runs or 0) < (held.runs or 0) or (again.baseline.deviating or 0) < (
        held.deviating or 0
    ):
        yield f"{facts.name}: more runs than are stored with its baseline are said to have the same bits"
    for what, (found, certified) in told.items():
        if found != certified:
            yield f"{facts.name}: its {what} does not follow from the suite and the baseline"
    if facts.verdict not in PASSING:
        return
    rows = limited_rows(case, baseline, tier, Verdict(facts.verdict))
    if rows is None:
        why = f"it cannot be {facts.verdict} in the tier '{tier.words}'"
        yield f"{facts.name}: {why}, by its suite and its baseline"
        return
    if not _worst_fits(facts, rows):
        why = "a name, a limit or a margin that its suite and its baseline do not give"
        yield f"{facts.name}: its worst figure has {why}"
    stored = baseline.measurement
    ran = certificate.checkpoints[facts.checkpoint].files if facts.checkpoint is not None else None
    if ran != stored.checkpoint.files:
        yield f"{facts.name}: {facts.verdict}, although it ran with different weights from its baseline"
    exact = getattr(case.tolerance, tier.value) == "exact"
    if facts.verdict == "identical" and exact and facts.bits != stored.bits:
        yield f"{facts.name}: identical, although its bits are not those of its baseline"


def _worst_fits(facts: CaseFacts, rows: dict[str, Row]) -> bool:
    """Return whether the worst figure of a case that passed is one of ``rows``, with its limit."""
    worst = facts.worst
    if worst is None or worst.name not in rows:
        # What follows the last step need not have been observed.
        return worst is None and all(row.part in ("host", "decoder") for row in rows.values())
    row = rows[worst.name]
    used = replace(row, measured=worst.measured, limit=worst.limit).used
    # C libraries on other machines round the last digits differently.
    return (
        worst.at_least == row.at_least
        and isclose(worst.limit, row.limit or 0.0, rel_tol=1e-14)
        and isclose(facts.margin or 0.0, used or 0.0, rel_tol=1e-9, abs_tol=1e-12)
    )
