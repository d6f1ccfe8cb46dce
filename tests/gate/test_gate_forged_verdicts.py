"""Verdicts that the suite and the baseline rule out: `harness verify` knows the limits that they give."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from gate_facts import certificate
from samples import make_baseline, make_calibration, make_measurement

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.gate.certificate import CertifiedCheckpoint, CertifiedSuite, HashedFile, PowerTable, identity
from harness.gate.facts import Worst
from harness.gate.policy import Policy
from harness.gate.policy_file import read_policy
from harness.judgement.check import Check
from harness.judgement.verdicts import judge
from harness.operations.evidence import Evidence, sha256_of
from harness.operations.verify import verify

SUITE = """\
suite: guide
defaults: {{pipeline: ddim, checkpoint: "builtin:ddpm-digits", steps: 2}}
cases:
  - {{id: one, {}}}
"""
NEWER = {**make_measurement().fingerprint, "mindspore": "2.11.0"}
# What the case says, and what its run moves the output by.
CASES = {
    "exact": ("", 0.0),
    "explicit": ("tolerance: {across_releases: {relative_l2: 1.0e-4, statistics: 1.0e-2}}", 3e-7),
    "similar": ("tolerance: {across_releases: {psnr: 60, ssim: 0.9}}", 3e-7),
    "calibrated": ("tolerance: {across_releases: calibrated}", 1e-8),
    "calibrated twice": ("tolerance: {across_releases: {calibrated: {factor: 4}}}", 2e-8),
    "batch": (
        "batch_consistency: {max_abs: 1.0e-3}, tolerance: {across_releases: {max_abs: 1.0e-4}}",
        3e-7,
    ),
    "batch alone": ("batch_consistency: {max_abs: 1.0e-3}", 0.0),
}


@pytest.fixture
def gated(tmp_path, monkeypatch):
    """Judge a run of a case in a suite, and return the certificate of it."""
    monkeypatch.chdir(tmp_path)
    Path("suites").mkdir()

    def gated(name, fingerprint=None, more=""):
        said, moved = CASES[name]
        seeds = "seeds: [7, 8]" if "batch" in name else "seed: 7"
        Path("suites/guide.yaml").write_text(SUITE.format(", ".join(filter(None, [seeds, said, more]))))
        suite = load_suite(Path("suites/guide.yaml"))
        (case,) = suite.cases
        stored = make_measurement(keep=True)
        if case.batch_consistency is not None:
            stored = dataclasses.replace(stored, singles=stored.output + np.float32(1e-4))
        baseline = dataclasses.replace(make_baseline(case, stored), calibration=make_calibration())
        store = BaselineStore(Path("baselines"))
        store.write(baseline)
        kept = store.load("guide", "one", "cpu")
        output = kept.measurement.output + np.float32(moved)
        fresh = make_measurement(output, keep=True, fingerprint=fingerprint)
        ran = dataclasses.replace(fresh, singles=kept.measurement.singles)
        evidence = Evidence(store)
        facts = evidence.of(case, Check(judge(case, ran, kept), ran, kept))
        file = CertifiedSuite("guide", "guide.yaml", sha256_of(Path("suites/guide.yaml")), 1)
        tables = {"environments": evidence.environments, "checkpoints": evidence.checkpoints}
        return certificate(facts, suites=(file,), **tables)

    return gated


def problems_of(made):
    Path("certificate.json").write_bytes(made.to_bytes())
    found = verify(Path("certificate.json"))
    assert (found.missing, found.files) == ((), found.named)
    return found.problems


def forged(made, **fields):
    facts = dataclasses.replace(made.cases[0], **fields)
    tables = {"environments": made.environments, "checkpoints": made.checkpoints}
    return certificate(facts, suites=made.suites, **tables)


@pytest.mark.parametrize("name", CASES)
def test_what_the_judge_says_is_sound(gated, name):
    made = gated(name, None if name == "exact" else NEWER)
    facts = made.cases[0]
    assert facts.verdict == ("identical" if CASES[name][1] == 0 else "within"), facts.reasons
    assert problems_of(made) == ()


WITHIN = [name for name, (_, moved) in CASES.items() if moved]
ODD_WORST = {
    "a raised limit": lambda worst: dataclasses.replace(worst, limit=worst.limit * 1.001),
    "a limit without end": lambda worst: dataclasses.replace(
        worst, limit=0.0 if worst.at_least else float("inf")
    ),
    "an invented name": lambda worst: dataclasses.replace(worst, name="nonsense"),
    "another step": lambda worst: dataclasses.replace(worst, name="latents.relative_l2 after step 7"),
    "turned round": lambda worst: Worst(worst.name, worst.limit, worst.limit, not worst.at_least),
    "another figure": lambda worst: dataclasses.replace(worst, measured=worst.limit),
    "the margin of no limit": lambda worst: dataclasses.replace(worst, limit=worst.measured),
}


@pytest.mark.parametrize("name", WITHIN)
@pytest.mark.parametrize("odd", ODD_WORST)
def test_the_worst_figure_is_one_of_the_case_with_its_limit_and_its_margin(gated, name, odd):
    made = gated(name, NEWER)
    (problem,) = problems_of(forged(made, worst=ODD_WORST[odd](made.cases[0].worst), margin=0.5))
    assert problem.startswith("guide/one: its worst figure has a name, a limit or a margin")


FORGED_WITHIN = {"verdict": "within", "worst": Worst("relative_l2", 5.0, 1e9, False), "margin": 0.5}
RULED_OUT = {
    "exact": ("exact", None, ""),
    "exact across releases": ("exact", NEWER, "tolerance: {across_releases: exact}"),
    "strict elsewhere": ("explicit", NEWER, "strict: true"),
}


@pytest.mark.parametrize("name", RULED_OUT)
def test_within_is_no_verdict_where_nothing_is_limited(gated, name):
    said, where, more = RULED_OUT[name]
    made = gated(said, where, more)
    (problem,) = problems_of(forged(made, **FORGED_WITHIN, reasons=()))
    assert problem.startswith("guide/one: it cannot be within in the tier")


def test_nor_is_identical_for_a_strict_case_elsewhere(gated):
    made = gated("exact", NEWER, "strict: true")
    assert made.cases[0].verdict == "incomparable"
    (problem,) = problems_of(forged(made, verdict="identical", worst=None, margin=0.0, reasons=()))
    assert problem.startswith("guide/one: it cannot be identical in the tier")


def test_a_limited_batch_has_a_margin_where_the_case_is_identical(gated):
    made = gated("batch alone", NEWER)
    (problem,) = problems_of(forged(made, worst=None, margin=0.0))
    assert problem.startswith("guide/one: its worst figure has")


def test_identical_are_the_bits_of_the_baseline(gated):
    made = gated("exact")
    (problem,) = problems_of(forged(made, bits="0" * 64))
    assert problem == "guide/one: identical, although its bits are not those of its baseline"
    (problem,) = problems_of(forged(made, bits=None))
    assert problem == "guide/one: it has a verdict, but no bits"


@pytest.mark.parametrize("name", ["exact", "explicit"])
def test_what_passed_ran_with_the_weights_of_the_baseline(gated, name):
    made = gated(name, None if name == "exact" else NEWER)
    other = CertifiedCheckpoint("builtin:ddpm-digits", None, {"unet/config.json": "0" * 64})
    made = dataclasses.replace(made, checkpoints={identity(other): other})
    (problem,) = problems_of(forged(made, checkpoint=identity(other)))
    assert problem.endswith("although it ran with different weights from its baseline")


POLICY = "policy: release\nverdicts: {default: [identical]}\n"


class TestFilesBesideIt:
    """The policy and the power table are in the certificate and in files: both say the same."""

    @pytest.fixture
    def made(self, gated):
        """Return a certificate by the policy that is in a file."""
        made = gated("exact")
        Path("policy.yaml").write_text(POLICY)
        file = HashedFile("policy.yaml", sha256_of(Path("policy.yaml")))
        policy = read_policy(Path("policy.yaml"), None)
        return dataclasses.replace(made, policy=policy, policy_file=file)

    def test_those_that_are_so_are_sound(self, made):
        assert problems_of(made) == ()

    @pytest.mark.parametrize("elsewhere", ["/policy.yaml", "../policy.yaml", "gone.yaml", "a\0b"])
    def test_a_file_that_is_not_here_is_not_compared(self, made, elsewhere):
        away = dataclasses.replace(made, policy_file=HashedFile(elsewhere, "0" * 64))
        Path("certificate.json").write_bytes(away.to_bytes())
        found = verify(Path("certificate.json"))
        assert (found.problems, found.named - found.files) == ((), 1)

    def test_no_file_is_the_default_policy(self, made):
        (problem,) = problems_of(dataclasses.replace(made, policy_file=None))
        assert problem == "its policy is not the default one, and it names no file of it"

    def test_another_policy_than_in_its_file_is_told(self, made):
        lax = Policy(name="release", verdicts=("identical", "within", "drift"))
        (problem,) = problems_of(dataclasses.replace(made, policy=lax))
        assert problem == "policy.yaml: this policy differs from the one in the certificate"

    def test_a_file_that_was_changed_or_is_no_policy_is_told(self, made):
        Path("policy.yaml").write_text("policy: 7\n")
        (problem,) = problems_of(made)
        assert problem.startswith("policy.yaml: was changed since")
        file = HashedFile("policy.yaml", sha256_of(Path("policy.yaml")))
        (problem,) = problems_of(dataclasses.replace(made, policy_file=file))
        assert problem.startswith("its policy file is not a policy: policy.yaml:1:9: ")

    def test_so_is_a_power_table(self, made):
        Path("power.json").write_text(json.dumps({"cases": []}))
        file = HashedFile("power.json", "0" * 64)
        (problem,) = problems_of(dataclasses.replace(made, power=PowerTable(file, {"cases": []})))
        assert problem.startswith("power.json: was changed since")
        file = HashedFile("power.json", sha256_of(Path("power.json")))
        (problem,) = problems_of(dataclasses.replace(made, power=PowerTable(file, {"cases": [{}]})))
        assert (
            problem.startswith("its power table cannot be read: power.json: ")
            or "this power table differs" in problem
        )
