"""Verification: a certificate that contradicts itself, or the files that it was made of."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from gate_facts import CHECKPOINT, ENVIRONMENT, case_facts, certificate, held_to, without_verdict

from harness.errors import UsageError
from harness.gate.certificate import CertificateError, CertifiedSuite, identity
from harness.gate.decision import Decision
from harness.gate.facts import Worst
from harness.gate.policy import Policy
from harness.gate.verification import verify

PASSED = Decision("passed", (), ())


@pytest.fixture
def verified(tmp_path, monkeypatch):
    """Write a certificate where no files are, and verify it."""
    monkeypatch.chdir(tmp_path)

    def verified(made):
        path = tmp_path / "certificate.json"
        path.write_bytes(made.to_bytes())
        return verify(path)

    return verified


def test_a_sound_certificate_without_its_files(verified):
    found = verified(certificate())
    assert found.problems == ()
    assert (found.files, found.named) == (0, 4)
    assert found.missing == ("suites", "baselines")


def test_so_is_that_of_a_gate_that_failed(verified):
    found = verified(certificate(without_verdict("missing", "no baseline"), orphans=("guide/gone/cpu",)))
    assert found.problems == ()
    assert found.certificate.decision.outcome == "incomplete"


LOOSE = Worst("relative_l2", 3e-7, 2e-7, at_least=False)
SIMILAR = Worst("ssim", 0.98, 0.99, at_least=True)

CONTRADICTIONS = {
    "a drift that passed": (
        certificate(case_facts(verdict="drift"), decision=PASSED),
        "its decision does not follow from what it holds: it says 'passed', by these facts and this policy "
        "it is 'drift'",
    ),
    "a finding left out": (
        certificate(
            without_verdict("missing", "no baseline"),
            case_facts("two", verdict="drift"),
            decision=certificate(case_facts(verdict="drift")).decision,
        ),
        "its decision does not follow",
    ),
    "a policy without a rule": (
        certificate(case_facts(), policy=Policy(power=True), decision=PASSED),
        "its decision does not follow",
    ),
    "no date": (certificate(date="today"), "nothing can be decided on what it holds"),
    "within and beyond its limit": (
        certificate(case_facts(worst=LOOSE)),
        "guide/one: within, and its relative_l2 is beyond its limit",
    ),
    "within and not similar": (
        certificate(case_facts(worst=SIMILAR)),
        "guide/one: within, and its ssim is beyond its limit",
    ),
    "within by no number": (
        certificate(case_facts(worst=dataclasses.replace(LOOSE, measured=float("nan")))),
        "guide/one: within, and its relative_l2 is beyond its limit",
    ),
    "a case left out": (
        certificate(suites=(CertifiedSuite("guide", "guide.yaml", "9" * 64, 3),)),
        "the suite guide has 3 cases, the certificate 2",
    ),
    "a suite left out": (certificate(suites=()), "cases of the suite guide, which is not among its suites"),
    "a case twice": (certificate(case_facts(), case_facts()), "guide/one: it is there more than once"),
    "a verdict against nothing": (
        certificate(case_facts(baseline=None)),
        "guide/one: it has a verdict, and was not judged against a baseline",
    ),
    "no verdict": (certificate(case_facts(verdict=None)), "guide/one: it was judged, and has no verdict"),
    "no environment": (certificate(environments={}), "guide/one: its environment is not in the certificate"),
    "no checkpoint": (certificate(checkpoints={}), "guide/one: its checkpoint is not in the certificate"),
    "another environment": (
        certificate(environments={identity(ENVIRONMENT): dataclasses.replace(ENVIRONMENT, canaries={})}),
        f"the entry {identity(ENVIRONMENT)} is not what its key is the hash of",
    ),
    "another checkpoint": (
        certificate(checkpoints={identity(CHECKPOINT): dataclasses.replace(CHECKPOINT, files={})}),
        f"the entry {identity(CHECKPOINT)} is not what its key is the hash of",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_certificate_that_contradicts_itself_is_told(verified, name):
    made, told = CONTRADICTIONS[name]
    assert any(told in problem for problem in verified(made).problems)


class TestFiles:
    @pytest.fixture
    def made(self, tmp_path, monkeypatch):
        """A certificate of one suite and one baseline that are there, and its path."""
        monkeypatch.chdir(tmp_path)
        hashes = {}
        for name in (
            "suites/guide.yaml",
            "baselines/guide/one/cpu.json",
            "baselines/guide/one/cpu.safetensors",
        ):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            hashes[name.partition("/")[2]] = hashlib.sha256(path.read_bytes()).hexdigest()
        suites = (CertifiedSuite("guide", "guide.yaml", hashes.pop("guide.yaml"), 1),)
        path = tmp_path / "certificate.json"
        path.write_bytes(certificate(case_facts(baseline=held_to(files=hashes)), suites=suites).to_bytes())
        return path

    def test_the_same_files_are_compared(self, made):
        found = verify(made)
        assert (found.problems, found.files, found.named, found.missing) == ((), 3, 3, ())

    @pytest.mark.parametrize("name", ["suites/guide.yaml", "baselines/guide/one/cpu.safetensors"])
    def test_a_file_that_was_changed_or_is_gone_is_told(self, made, tmp_path, name):
        (tmp_path / name).write_text("edited")
        (problem,) = verify(made).problems
        assert problem.startswith(f"{name}: was changed since")
        (tmp_path / name).unlink()
        (problem,) = verify(made).problems
        assert problem.startswith(f"{name}: is gone")

    def test_folders_elsewhere_can_be_named(self, made, tmp_path, monkeypatch):
        (tmp_path / "baselines").rename(tmp_path / "moved")
        assert verify(made).missing == ("baselines",)
        assert verify(made, baselines=tmp_path / "moved").files == 3
        with pytest.raises(UsageError, match="no such folder"):
            verify(made, suites=tmp_path / "none")

    def test_a_certificate_that_cannot_be_read_is_told(self, made, tmp_path):
        with pytest.raises(CertificateError, match=r"none\.json: cannot be read"):
            verify(tmp_path / "none.json")
        with pytest.raises(CertificateError, match="cannot be read"):
            verify(tmp_path)
