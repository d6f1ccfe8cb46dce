"""The gate on the suites and baselines in the repository."""

import pytest

from harness.cases.selection import select
from harness.gate.certificate import Certificate


@pytest.mark.slow
@pytest.mark.mindone
def test_the_gate_passes_on_the_shipped_suites(shipped):
    """On the CPU of the baselines; on another model of CPU all but the strict cases pass."""
    done = shipped.harness("gate", "suites/", "--certificate", "certificate.json")
    certificate = Certificate.from_bytes((shipped.root / "certificate.json").read_bytes())
    strict = {c.name for c in select([str(shipped.root / "suites")]).cases if c.strict}
    elsewhere = any(facts.tier != "same_environment" for facts in certificate.cases)
    for finding in certificate.decision.findings:
        assert (elsewhere, finding.rule) == (True, "incomparable"), done.stdout
        assert finding.about in strict
    assert done.returncode == (2 if certificate.decision.findings else 0), done.stdout + done.stderr
    verified = shipped.harness("verify", "certificate.json")
    assert verified.returncode == done.returncode, verified.stdout + verified.stderr
    # Every suite, and two files of each baseline.
    named = len(certificate.suites) + 2 * len(certificate.cases)
    assert f"{named} of {named} files compared" in verified.stdout
