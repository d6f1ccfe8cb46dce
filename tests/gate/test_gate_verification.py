"""Verification: a certificate that contradicts itself, or the files that it was made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import pytest
from gate_facts import CHECKPOINT, ENVIRONMENT, case_facts, certificate, held_to, waiver, without_verdict
from samples import said

from harness.codec import to_json
from harness.errors import UsageError
from harness.foreign_files import ForeignFileError
from harness.gate.certificate import (
    CertificateError,
    CertifiedSuite,
    identity,
    seal_of,
)
from harness.gate.decision import Decision
from harness.gate.details import NoCase
from harness.gate.facts import Worst
from harness.gate.policy import Policy, Waiver
from harness.gate.rules import Finding
from harness.gate.verification import inspect
from harness.judgement.reasons import (
    LimitsExceeded,
    NoiseChanged,
    SeveralModes,
    SinglesDiffer,
    VacuousByTable,
)
from harness.operations.verify import verify
from harness.reporting.verification import verification_lines, worded

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
        "guide/one: it has a verdict, but was not judged against a baseline",
    ),
    "no verdict": (certificate(case_facts(verdict=None)), "guide/one: it was judged, and has no verdict"),
    "no environment": (certificate(environments={}), "guide/one: its environment is not in the certificate"),
    "no checkpoint": (certificate(checkpoints={}), "guide/one: its checkpoint is not in the certificate"),
    "another environment": (
        certificate(environments={identity(ENVIRONMENT): dataclasses.replace(ENVIRONMENT, canaries={})}),
        f"the entry {identity(ENVIRONMENT)} is not what its key is the hash of",
    ),
    "nothing at all": (
        dataclasses.replace(certificate(), cases=(), suites=()),
        "it has no cases: nothing was gated",
    ),
    "within five times its limit": (
        certificate(case_facts(margin=5.0)),
        "guide/one: its margin is not that of its relative_l2",
    ),
    "within less than nothing": (
        certificate(case_facts(margin=-1.0)),
        "guide/one: its margin is not that of its relative_l2",
    ),
    "within no number": (
        certificate(case_facts(margin=float("nan"))),
        "guide/one: its margin is not that of its relative_l2",
    ),
    "beyond its limit and within": (
        certificate(case_facts(verdict="drift", worst=LOOSE, reasons=said("it moved"))),
        "guide/one: its margin is not that of its relative_l2",
    ),
    "a figure without a margin": (
        certificate(case_facts(margin=None)),
        "guide/one: its margin is not that of its relative_l2",
    ),
    "a margin of nothing": (
        certificate(case_facts(verdict="identical", worst=None, margin=0.5)),
        "guide/one: it has a margin, but nothing was limited",
    ),
    "within nothing": (
        certificate(case_facts(worst=None, margin=None)),
        "guide/one: within, and nothing was limited",
    ),
    "within for a reason": (
        certificate(case_facts(reasons=said("the noise differs"))),
        "guide/one: within, with a reason why it did not pass",
    ),
    "incomparable for none": (
        certificate(case_facts(verdict="incomparable")),
        "guide/one: incomparable, without a reason",
    ),
    "compared in no tier": (
        certificate(case_facts(tier=None)),
        "guide/one: it has a verdict, but was not judged against a baseline",
    ),
    "figures of what did not run": (
        certificate(without_verdict("missing", "no baseline", margin=0.5)),
        "guide/one: it has a verdict, and was not judged",
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
        found = inspect(made)
        assert (found.problems, found.files, found.named, found.missing) == ((), 3, 3, ())

    @pytest.mark.parametrize("name", ["suites/guide.yaml", "baselines/guide/one/cpu.safetensors"])
    def test_a_file_that_was_changed_or_is_gone_is_told(self, made, tmp_path, name):
        (tmp_path / name).write_text("edited")
        (problem,) = inspect(made).problems
        assert problem.startswith(f"{name}: was changed since")
        (tmp_path / name).unlink()
        (problem,) = inspect(made).problems
        assert problem.startswith(f"{name}: is gone")

    def test_folders_elsewhere_can_be_named(self, made, tmp_path, monkeypatch):
        (tmp_path / "baselines").rename(tmp_path / "moved")
        assert inspect(made).missing == ("baselines",)
        assert inspect(made, baselines=tmp_path / "moved").files == 3
        with pytest.raises(UsageError, match="no such folder"):
            inspect(made, suites=tmp_path / "none")

    def test_a_certificate_that_cannot_be_read_is_told(self, made, tmp_path):
        with pytest.raises(ForeignFileError, match=r"none\.json: no such file"):
            inspect(tmp_path / "none.json")
        with pytest.raises(ForeignFileError, match="it is a folder"):
            inspect(tmp_path)


class TestHostileNames:
    """What a certificate names is chosen by who wrote it: it leads nowhere but to files below the folders."""

    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        folder = tmp_path / "here"
        (folder / "suites").mkdir(parents=True)
        (folder / "baselines").mkdir()
        (tmp_path / "secret").write_text("secret")
        monkeypatch.chdir(folder)
        return folder

    def problems(self, folder, *files, sha256="0" * 64, **fields):
        suites = (CertifiedSuite("guide", "guide.yaml", "9" * 64, 2),)
        made = certificate(
            case_facts(baseline=held_to(files=dict.fromkeys(files, sha256))),
            case_facts("two"),
            suites=suites,
            **fields,
        )
        (folder / "certificate.json").write_bytes(made.to_bytes())
        return verify(folder / "certificate.json")

    def test_a_folder_elsewhere_is_not_looked_into(self, folder, tmp_path):
        (folder / "link").symlink_to("/etc")
        for named in (
            "/etc",
            "/",
            "..",
            "../here/..",
            str(tmp_path),
            "suites/../..",
            "a\0b",
            "x" * 5000,
            "link",
        ):
            found = self.problems(folder, "passwd", suites_root=named, baselines_root=named)
            assert found.missing == (named, named)
            assert (found.files, found.problems) == (0, ())

    @pytest.mark.parametrize(
        "name", ["/etc/passwd", "../secret", "x/../../../secret", "/dev/zero", "../../.."]
    )
    def test_a_name_that_leaves_the_folder_is_told_and_not_opened(self, folder, name):
        found = self.problems(folder, name, suites_root="nowhere")
        (problem,) = [each for each in found.problems if each.startswith(name)]
        assert problem == f"{name}: names no file below its folder"

    def test_nor_does_a_link_lead_out(self, folder, tmp_path):
        (folder / "baselines/link").symlink_to(tmp_path / "secret")
        found = self.problems(folder, "link", suites_root="nowhere")
        assert "baselines/link: it is outside the folder baselines" in found.problems

    def test_what_is_no_file_is_told_and_neither_waited_for_nor_read(self, folder):
        os.mkfifo(folder / "baselines/fifo")
        (folder / "baselines/folder").mkdir()
        found = self.problems(folder, "fifo", "folder", suites_root="nowhere")
        assert "baselines/fifo: it is a FIFO, not a file" in found.problems
        assert "baselines/folder: it is a folder, not a file" in found.problems

    def test_no_hash_of_what_is_there_is_told(self, folder):
        (folder / "baselines/other").write_text("of no baseline")
        found = self.problems(folder, "other", suites_root="nowhere")
        digest = hashlib.sha256(b"of no baseline").hexdigest()
        assert any("baselines/other: was changed since" in each for each in found.problems)
        assert not any(digest[:8] in each for each in found.problems)

    @pytest.mark.parametrize("kind", ["fifo", "device", "huge"])
    def test_the_certificate_itself_is_a_file_of_some_size(self, folder, kind):
        path = folder / kind
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        else:
            with path.open("wb") as file:
                file.truncate(1 << 40)
        with pytest.raises(ForeignFileError, match=r"is a (FIFO|device)|larger than 64 MiB"):
            verify(path)


def deep(levels):
    report = {}
    for _ in range(levels):
        report = {"deep": report}
    return {"file": {"file": "power.json", "sha256": "0" * 64}, "report": report}


def waived_by(index, *expired):
    return Decision("passed", (Finding("age", "drift", "guide/one", NoCase(), index, expired),), ())


STRANGE = {
    "a waiver that is not there": certificate(decision=waived_by(7)),
    "nor one that expired": certificate(decision=waived_by(None, 9)),
    "the beginning of time": certificate(
        date="0001-01-01T00:00:00+23:59", policy=Policy(max_age_days=1), decision=PASSED
    ),
    "more problems than anyone reads": certificate(*[case_facts(verdict=None)] * 5000),
}


def test_reasons_in_reasons_are_told_or_refused(verified):
    reason = SinglesDiffer()
    for _ in range(220):
        reason = VacuousByTable(reason)
    with pytest.raises(CertificateError, match="nested more than 64 levels"):
        verified(certificate(case_facts(vacuous=reason)))
    for _ in range(165):
        reason = reason.reason
    made = certificate(case_facts(vacuous=reason))
    assert worded(verified(made)).problems == ()
    assert any("against vacuous" in line for line in verification_lines(Path("c.json"), verified(made)))


@pytest.mark.parametrize("reason", [SeveralModes(()), NoiseChanged(0, None, None, 0, 0)])
def test_a_reason_that_no_words_can_be_made_of_is_a_problem(verified, reason):
    found = worded(verified(certificate(case_facts(vacuous=reason))))
    assert found.problems == ("a reason in it has values that no run produces, so it cannot be shown",)
    assert verification_lines(Path("c.json"), found)[-1] == "c.json: not sound: 1 problem"


def test_a_figure_that_is_no_number_in_a_reason_contradicts_nothing(verified):
    worst = Worst("ssim", float("nan"), 0.9, at_least=True)
    reason = LimitsExceeded("output", 1, 1, "ssim", float("nan"), 0.9, at_least=True)
    made = case_facts(verdict="drift", margin=float("inf"), worst=worst, reasons=(reason,))
    assert verified(certificate(made)).problems == ()


def test_waivers_and_environments_without_number_are_looked_at_once(verified, monkeypatch):
    """As many calls as there are findings, not as many as findings times waivers."""
    covered = []
    covers = Waiver.covers
    monkeypatch.setattr(Waiver, "covers", lambda *words: covered.append(0) or covers(*words))
    cases = [case_facts(f"c{index}", verdict="drift", reasons=said("it moved")) for index in range(100)]
    waivers = tuple(waiver(f"guide/c{index}") for index in range(200))
    made = certificate(*cases, policy=Policy(waivers=waivers))
    assert verified(made).problems == ()
    assert len(covered) <= 4 * len(cases)


@pytest.mark.parametrize("name", STRANGE)
def test_no_content_is_too_strange_to_be_told(verified, name):
    lines = verification_lines(Path("certificate.json"), verified(STRANGE[name]))
    assert lines[-1].startswith("certificate.json: not sound: ")
    assert len(lines) < 700


@pytest.mark.parametrize(
    ("content", "told"),
    [
        # Each part of the reading has a depth of its own.
        *(({"power": deep(levels)}, "nested more than 64 levels") for levels in (64, 400, 900)),
        ({"cases": [{**to_json(case_facts()), "margin": 10**400}]}, "is not a JSON number"),
    ],
)
def test_no_content_is_too_deep_or_too_large_to_be_told(tmp_path, content, told):
    content = {**to_json(certificate()), **content}
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps({**content, "seal": seal_of(content)}, sort_keys=True))
    with pytest.raises(CertificateError, match=told):
        verify(path)
