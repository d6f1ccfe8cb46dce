"""The gate on the suites and baselines in the repository."""

import pytest

from harness.cases.selection import select
from harness.gate.certificate import Certificate


@pytest.mark.slow
@pytest.mark.mindone
def test_nothing_but_what_is_known_is_against_the_shipped_suites(shipped):
    """What is expected to fail, and on another model of CPU the strict cases."""
    done = shipped.harness("gate", "suites/", "--certificate", "certificate.json")
    certificate = Certificate.from_bytes((shipped.root / "certificate.json").read_bytes())
    cases = select([str(shipped.root / "suites")]).cases
    expected = {case.name for case in cases if case.fails is not None}
    found = certificate.decision.findings
    assert {each.about for each in found if each.rule == "expected-failure"} == expected
    elsewhere = any(facts.tier not in (None, "same_environment") for facts in certificate.cases)
    strict = {case.name for case in cases if case.strict}
    for finding in (each for each in found if each.about not in expected):
        assert (elsewhere, finding.rule) == (True, "incomparable"), done.stdout
        assert finding.about in strict
    assert done.returncode == 2, done.stdout + done.stderr
    verified = shipped.harness("verify", "certificate.json")
    assert verified.returncode == 2, verified.stdout + verified.stderr
    # Every suite, and two files of each baseline.
    named = len(certificate.suites) + 2 * (len(cases) - len(expected))
    assert f"{named} of {named} files compared" in verified.stdout
