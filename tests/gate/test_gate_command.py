"""`harness gate` and `harness verify` as processes: a sound project passes, and one thing broken fails it."""

from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from samples import make_calibration
from user_project import Project, heed_interrupts

import harness
from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.gate.certificate import Certificate, identity
from harness.gate.decision import decide
from harness.gate.details import IdleWaiver
from harness.gate.rules import CASE_RULES
from harness.operations.verify import verify

SUITES = {
    "small": """\
suite: small
defaults: {pipeline: "pipelines:sound", seed: 0, steps: 3}
cases:
  - {id: one, tolerance: {across_releases: {relative_l2: 1.0e-6}}}
  - {id: two, seed: 2, tags: [quick], tolerance: {same_environment: {relative_l2: 1.0e-3}}}
""",
    "digits": """\
suite: digits
defaults: {pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0}
cases:
  - {id: two-steps, steps: 2}
""",
}
POLICY = "policy: release\nverdicts: {quick: [identical, within]}\nbaselines: {max_age: 90 days}\n"
WAIVER = "waivers: [{{case: small/one, reason: known, owner: Ada, expires: {}, rules: [verdict]}}]\n"


def day(offset):
    return (datetime.now(timezone.utc) + timedelta(days=offset)).date().isoformat()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("gate") / "project")
    for name, text in SUITES.items():
        made.suite(name, text)
    (made.root / "policy.yaml").write_text(POLICY)
    made.keep_baselines()
    return made


@pytest.fixture
def project(recorded, tmp_path):
    return recorded.copy(tmp_path / "project")


def gate(project, *arguments):
    """Run the gate with a policy and a certificate; return the process, and the certificate if any."""
    before = {path: data for path, (data, _) in project.baselines().items()}
    words = arguments or ("suites/",)
    done = project.harness("gate", *words, "--policy", "policy.yaml", "--certificate", "certificate.json")
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert {path: data for path, (data, _) in project.baselines().items()} == before
    path = project.root / "certificate.json"
    return done, Certificate.from_bytes(path.read_bytes()) if path.exists() else None


def rewritten(project, name, change):
    """Give the stored baseline of a case another content, as if it had been recorded so."""
    store = BaselineStore(project.root / "baselines")
    store.write(change(store.load(*name.split("/"), "cpu")), renew=True)


def recorded_days_ago(days):
    date = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat(timespec="seconds")

    def change(baseline):
        return dataclasses.replace(baseline, provenance=dataclasses.replace(baseline.provenance, date=date))

    return change


def recorded_under(**fields):
    def change(baseline):
        fingerprint = {**baseline.measurement.fingerprint, **fields}
        measurement = dataclasses.replace(baseline.measurement, fingerprint=fingerprint)
        return dataclasses.replace(baseline, measurement=measurement)

    return change


def chaotic_from(index):
    def change(baseline):
        calibration = make_calibration(chaotic_from=index)
        steps = tuple(dataclasses.replace(step, largest=0.5) for step in calibration.steps)
        return dataclasses.replace(baseline, calibration=dataclasses.replace(calibration, steps=steps))

    return change


def drifting(project):
    project.edit("pipelines.py", "latents * 0.9", "latents * 0.90001")


def within_where_only_identical(project):
    project.edit("policy.yaml", "[identical, within]", "[identical]")
    project.edit("policy.yaml", "policy: release\n", "policy: release\n" + WAIVER.format(day(1)))
    drifting(project)


def failing(project):
    project.edit("suites/small.yaml", '"pipelines:sound"', '"pipelines:crashing"')
    for case in ("one", "two"):
        rename_pipeline(project, f"small/{case}", "pipelines:crashing")


def rename_pipeline(project, name, pipeline):
    """Make a baseline one of the case with another pipeline: not stale, when the suite names that one."""
    suite, case = name.split("/")
    (found,) = [c for c in load_suite(project.root / f"suites/{suite}.yaml").cases if c.id == case]

    def change(baseline):
        provenance = dataclasses.replace(
            baseline.provenance, case_definition=found.definition(), case_hash=found.hash()
        )
        return dataclasses.replace(baseline, provenance=provenance)

    rewritten(project, name, change)


def missing(project):
    BaselineStore(project.root / "baselines").remove("small", "one", "cpu")


def damaged(project):
    path = project.root / "baselines/small/one/cpu.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def orphaned(project):
    project.edit("suites/small.yaml", "  - {id: two, seed: 2, tags: [quick], tolerance:", "  # {")
    project.edit("policy.yaml", "quick", "default")


def strict_elsewhere(project):
    project.edit("suites/small.yaml", "  - {id: one, ", "  - {id: one, strict: true, ")
    rewritten(project, "small/one", recorded_under(numpy="1.25.0"))


def vacuous(project):
    project.edit("suites/small.yaml", "{relative_l2: 1.0e-6}", "{relative_l2: 1.0e+6}")


def chaotic(project):
    rewritten(project, "digits/two-steps", chaotic_from(1))


def too_old(project):
    rewritten(project, "digits/two-steps", recorded_days_ago(91))


def other_release(project):
    project.edit("policy.yaml", "max_age: 90 days", 'mindspore: ["2.6"]')


def without_power(project):
    (project.root / "policy.yaml").write_text("policy: release\npower: required\n")


def waiver_expired(project):
    project.edit("policy.yaml", "policy: release\n", "policy: release\n" + WAIVER.format(day(-1)))
    drifting(project)
    project.edit("suites/digits.yaml", "two-steps, ", "two-steps, tags: [x], ")


def with_case(name, **fields):
    def change(certificate):
        cases = tuple(
            dataclasses.replace(facts, **fields) if facts.name == name else facts
            for facts in certificate.cases
        )
        return dataclasses.replace(certificate, cases=cases)

    return change


def with_baseline(name, **fields):
    def change(certificate):
        (facts,) = [each for each in certificate.cases if each.name == name]
        return with_case(name, baseline=dataclasses.replace(facts.baseline, **fields))(certificate)

    return change


def without_a_case(certificate):
    cases = tuple(each for each in certificate.cases if each.name != "small/one")
    suites = tuple(
        dataclasses.replace(each, cases=each.cases - (each.name == "small")) for each in certificate.suites
    )
    return dataclasses.replace(certificate, cases=cases, suites=suites)


def without_a_suite(certificate):
    cases = tuple(each for each in certificate.cases if each.suite != "small")
    suites = tuple(each for each in certificate.suites if each.name != "small")
    return dataclasses.replace(certificate, cases=cases, suites=suites)


def renamed(certificate):
    suites = tuple(dataclasses.replace(each, name=each.name[::-1]) for each in certificate.suites)
    cases = tuple(dataclasses.replace(each, suite=each.suite[::-1]) for each in certificate.cases)
    return dataclasses.replace(certificate, suites=suites, cases=cases)


_DIFFERS = "does not follow from the suite and the baseline"
# Certificates of a gate that passed, with what their own parts do not contradict: each fails by the files.
FORGERIES = {
    "a case dropped": (without_a_case, "small/one: its suite has this case, but the certificate does not"),
    "a suite dropped": (without_a_suite, "baselines: the baselines without a case differ"),
    "suites renamed": (renamed, "suites/small.yaml: the suite is called small, but llams in the certificate"),
    "other tags": (with_case("small/two", tags=()), "small/two: its tags, hash or line"),
    "another definition": (with_case("small/two", case_hash="0" * 64), "small/two: its tags, hash or"),
    "another tier": (with_case("small/one", tier="across_devices"), f"small/one: its tier {_DIFFERS}"),
    "a younger baseline": (
        with_baseline("small/one", date=f"{day(0)}T00:00:00+00:00"),
        f"small/one: its baseline {_DIFFERS}",
    ),
    "a baseline of another release": (
        with_baseline("small/one", mindspore="2.9.0"),
        f"small/one: its baseline {_DIFFERS}",
    ),
    "no files": (with_baseline("small/one", files={}), f"small/one: its baseline {_DIFFERS}"),
    "power": (with_case("small/one", power_gap=None), f"small/one: its power {_DIFFERS}"),
}


# What is broken: the rule that it breaks, the exit code, and what is said.
BROKEN = {
    drifting: ("verdict", 1, "small/one: drift; verdicts allowed here: identical, within. The output is not"),
    within_where_only_identical: (
        "verdict",
        1,
        "small/two: within; verdicts allowed with the tag quick: identical",
    ),
    failing: ("failed", 2, "small/one: has no verdict: its worker died"),
    missing: ("missing", 2, "small/one: no baseline of small/one is stored in baselines; record it: harness"),
    damaged: (
        "damaged",
        2,
        "small/one: baselines/small/one/cpu.safetensors: its bytes do not have the sha256",
    ),
    orphaned: ("orphan", 2, "small/two/cpu: this baseline belongs to no case in the given suites"),
    strict_elsewhere: (
        "incomparable",
        2,
        "small/one: incomparable, which does not count as passed: the case is strict",
    ),
    vacuous: ("vacuous", 2, "small/one: vacuous: at its tolerance across releases it passes each"),
    chaotic: ("chaotic", 2, "digits/two-steps: chaotic from step 1 on (of 0 to 1)"),
    too_old: ("age", 2, "digits/two-steps: its baseline was recorded on"),
    other_release: ("release", 2, "the policy allows 2.6"),
    without_power: ("power", 2, "small/one: no power table was given"),
    waiver_expired: ("verdict", 1, f"the waiver of Ada for it expired on {day(-1)}"),
}


def test_a_gate_of_one_suite_says_that_it_covers_only_this(project):
    # A policy may be about all suites.
    waiver = WAIVER.format(day(1)).replace("small/one", "digits/two-steps")
    (project.root / "policy.yaml").write_text(POLICY + waiver)
    words = ("gate", "suites/small.yaml", "--policy", "policy.yaml", "--certificate", "certificate.json")
    done = project.harness(*words, "--only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gate passed (only small; 2 cases: 2 identical; policy release" in done.stdout
    assert "certificate of a gate of small only that passed: certificate.json" in done.stdout
    for more, code, told in (
        ([], 1, "failed  it covers only small; if that is all you release, give --only"),
        (["--only"], 0, "certificate.json: sound, and of a gate of small only that passed"),
    ):
        done = project.command("verify", "certificate.json", *more)
        assert (done.returncode, told in done.stdout) == (code, True), done.stdout + done.stderr
    # Its own baselines count as before.
    orphaned(project)
    done = project.harness(*words, "--only")
    assert done.returncode == 2
    assert "failed  orphan  small/two/cpu" in done.stdout
    assert "digits" not in done.stdout.partition("note")[0]


# Every rule is broken in test_gate_rules.py, too; by day those run whose facts come from files and from runs.
BY_DAY = (drifting, failing, missing, damaged, orphaned)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(each, id=each.__name__, marks=[] if each in BY_DAY else pytest.mark.slow)
        for each in BROKEN
    ],
)
def test_one_thing_broken_fails_the_gate_with_its_own_message(project, broken, monkeypatch):
    rule, code, message = BROKEN[broken]
    broken(project)
    done, certificate = gate(project)
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert any(
        line.startswith(f"failed  {rule}  ") and message in line for line in done.stdout.splitlines()
    ), text
    counting = certificate.decision.counting
    assert {finding.rule for finding in counting} == {rule}
    monkeypatch.chdir(project.root)
    assert verify(Path("certificate.json")).problems == ()
    # Without that one rule it would have passed.
    orphans = certificate.orphans
    if rule == "orphan":
        orphans = ()
    else:
        without = {name: each for name, each in CASE_RULES.items() if name != rule}
        monkeypatch.setattr("harness.gate.decision.CASE_RULES", without)
    again = decide(certificate.policy, certificate.cases, orphans, certificate.date)
    assert again.outcome == "passed"


def test_cases_left_out_and_stale_ones_fail_the_gate(project):
    project.edit("suites/small.yaml", "seed: 0, steps: 3", "seed: 0, steps: 4")
    done, certificate = gate(project, "suites/small.yaml::one", "suites/digits.yaml")
    assert done.returncode == 2
    assert "failed  not-run  small/two: did not run" in done.stdout
    assert "failed  stale  small/one: the case was edited since its baseline was recorded" in done.stdout
    assert "steps: 3 -> 4" in done.stdout
    assert certificate.counts == {"stale": 1, "not selected": 1, "identical": 1}


def test_drift_and_what_is_incomplete_together_are_drift(project):
    drifting(project)
    BaselineStore(project.root / "baselines").remove("digits", "two-steps", "cpu")
    done, _ = gate(project)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert [line.split()[1] for line in lines] == ["verdict", "missing"]
    assert "harness explain suites/small.yaml::one --baseline-dir baselines" in done.stdout
    verified = project.command("verify", "certificate.json")
    assert verified.returncode == 2, verified.stdout + verified.stderr
    assert "against missing  digits/two-steps: " in verified.stdout
    assert verified.stdout.endswith("certificate.json: sound, and of a gate that did not pass: drift\n")
    assert (
        "gate failed: drift (3 cases: 1 within, 1 drift, 1 missing; policy release; 2 findings)"
        in done.stdout
    )


@pytest.fixture(scope="module")
def passed(recorded, tmp_path_factory):
    """The project after a gate with two runners, in GitHub Actions: the process, the certificate."""
    project = recorded.copy(tmp_path_factory.mktemp("passed") / "project")
    project.environment["GITHUB_STEP_SUMMARY"] = str(project.root / "summary.md")
    done, certificate = gate(project, "suites/", "-n", "2")
    return project, done, certificate


class TestAGateThatPasses:
    def test_it_says_so_and_certifies_it(self, passed):
        project, done, certificate = passed
        assert done.returncode == 0, done.stdout + done.stderr
        assert "gate passed (3 cases: 3 identical; policy release)" in done.stdout
        assert "certificate of a gate that passed: certificate.json" in done.stdout
        assert certificate.decision.outcome == "passed"
        assert certificate.decision.findings == ()
        assert certificate.harness_version == harness.__version__
        assert [suite.file for suite in certificate.suites] == ["digits.yaml", "small.yaml"]
        digits, one, two = certificate.cases
        assert (digits.name, one.name, two.name) == ("digits/two-steps", "small/one", "small/two")
        assert digits.baseline.files.keys() == {
            "digits/two-steps/cpu.json",
            "digits/two-steps/cpu.safetensors",
        }
        assert "unet/diffusion_pytorch_model.safetensors" in certificate.checkpoints[digits.checkpoint].files
        assert certificate.environments[one.environment].fingerprint["mindspore"] == one.baseline.mindspore
        assert certificate.environments[one.environment].canaries
        assert certificate.policy.max_age_days == 90
        assert not list(project.root.glob("*.tmp"))

    def test_the_page_of_the_job_shows_it(self, passed):
        project, _, _ = passed
        summary = (project.root / "summary.md").read_text()
        assert summary.startswith("### harness: the gate passed\n")
        assert "| <code>small/one</code> | identical | same environment |" in summary

    def test_the_certificate_is_verified(self, passed):
        project, _, _ = passed
        done = project.harness("verify", "certificate.json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "9 of 9 files compared" in done.stdout
        assert done.stdout.endswith("certificate.json: sound, and of a gate that passed\n")

    def test_where_its_files_are_not_it_is_verified_by_itself(self, passed, tmp_path):
        project, _, _ = passed
        elsewhere = Project(tmp_path / "elsewhere")
        (elsewhere.root / "suites").rmdir()
        path = str(project.root / "certificate.json")
        done = elsewhere.command("verify", path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 of 9 files compared" in done.stdout
        folders = (
            "--suites",
            str(project.root / "suites"),
            "--baseline-dir",
            str(project.root / "baselines"),
        )
        assert "8 of 9 files compared" in elsewhere.command("verify", path, *folders).stdout
        assert elsewhere.command("verify", path, "--suites", "nowhere").returncode == 4

    @pytest.mark.parametrize("name", ["suites/small.yaml", "baselines/small/one/cpu.json"])
    def test_a_file_changed_since_is_named(self, passed, tmp_path, name):
        project = passed[0].copy(tmp_path / "project")
        (project.root / name).write_bytes((project.root / name).read_bytes() + b"\n")
        done = project.command("verify", "certificate.json")
        assert done.returncode == 1
        assert f"failed  {name}: was changed since" in done.stdout

    @pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 1.0])
    def test_a_changed_byte_is_an_error_without_a_traceback(self, passed, tmp_path, part):
        data = bytearray((passed[0].root / "certificate.json").read_bytes())
        data[round(part * (len(data) - 1))] ^= 1
        (tmp_path / "changed.json").write_bytes(data)
        done = Project(tmp_path / "elsewhere").command("verify", str(tmp_path / "changed.json"))
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {tmp_path}/changed.json: ")
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("name", FORGERIES)
    def test_a_certificate_that_says_otherwise_than_its_files_is_not_sound(self, passed, tmp_path, name):
        project, _, certificate = passed
        forge, told = FORGERIES[name]
        forged = forge(certificate)
        decision = decide(forged.policy, forged.cases, forged.orphans, forged.date)
        forged = dataclasses.replace(forged, decision=decision)
        assert decision.outcome == "passed"
        (tmp_path / "forged.json").write_bytes(forged.to_bytes())
        done = project.command("verify", str(tmp_path / "forged.json"))
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"failed  {told}" in done.stdout, done.stdout

    def test_verifying_alone_imports_neither_numpy_nor_what_reads_suites(self, passed, tmp_path):
        project = Project(tmp_path / "elsewhere")
        (project.root / "suites").rmdir()
        (project.root / "certificate.json").write_bytes((passed[0].root / "certificate.json").read_bytes())
        code = (
            "import sys; sys.argv = ['harness', 'verify', 'certificate.json']\n"
            "from harness.cli import main\n"
            "try:\n    main()\nfinally:\n"
            "    heavy = {'numpy', 'mindspore', 'yaml', 'execnet', 'rich', 'pytest', 'packaging'}\n"
            "    heavy |= {'harness.cases', 'harness.execution.runner', 'harness.judgement.verdicts'}\n"
            "    print(sorted(heavy & sys.modules.keys()))\n"
        )
        (project.root / "imports.py").write_text(code)
        done = project._run("imports")
        assert done.stdout.endswith("\n[]\n"), done.stdout + done.stderr


def elsewhere(certificate):
    """Return the certificate as a gate under another numpy could have written it."""
    environments, keys = {}, {}
    for key, environment in certificate.environments.items():
        other = dataclasses.replace(environment, fingerprint={**environment.fingerprint, "numpy": "1.25.0"})
        keys[key] = identity(other)
        environments[keys[key]] = other
    cases = tuple(
        dataclasses.replace(facts, environment=keys[facts.environment], tier="across_releases")
        for facts in certificate.cases
    )
    return dataclasses.replace(certificate, environments=environments, cases=cases)


class TestRunningAgain:
    """`harness verify --rerun`: what a forger who leaves no contradiction cannot get round."""

    def verify(self, project, *words, certificate=None):
        if certificate is not None:
            (project.root / "c.json").write_bytes(certificate.to_bytes())
        return project.harness("verify", "certificate.json" if certificate is None else "c.json", *words)

    def test_all_cases_come_out_as_certified(self, passed):
        done = self.verify(passed[0], "--rerun", "9", "--seed", "5")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 cases of 3 ran again, drawn with --seed 5: 3 gave the certified result" in done.stdout
        assert "would have escaped such a draw: 1 with 0.0%, 2 with 0.0%\n" in done.stdout

    # The odds: operations/test_rerun.py.
    @pytest.mark.slow
    def test_of_some_it_is_said_what_is_not_proven(self, passed):
        done = self.verify(passed[0], "--rerun", "1")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(
            r"1 case of 3 ran again, drawn with --seed \d+: 1 gave the certified result", done.stdout
        )
        assert "would have escaped such a draw: 1 with 66.7%, 2 with 33.3%\n" in done.stdout
        assert (
            "3 or more would have been found with a probability of at least 95 %; nothing is proven about "
            "fewer, " in done.stdout
        )

    def test_results_that_were_made_up_are_found(self, passed, tmp_path):
        project = passed[0].copy(tmp_path / "project")
        project.edit("pipelines.py", "latents * 0.9", "latents * 0.90001")
        assert self.verify(project).returncode == 0
        done = self.verify(project, "--rerun", "3")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "failed  small/one: ran again: drift, certified identical\n" in done.stdout
        assert done.stdout.endswith("certificate.json: not sound: 2 cases gave a different result\n")

    def test_so_are_other_bits(self, passed):
        forged = with_case("small/two", bits="0" * 64)(passed[2])
        done = self.verify(passed[0], "--rerun", "3", certificate=forged)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "failed  small/two: ran again: identical as certified, but its bits are not\n" in done.stdout

    @pytest.mark.slow
    def test_another_environment_proves_nothing_and_does_not_pass(self, passed):
        done = self.verify(passed[0], "--rerun", "2", certificate=elsewhere(passed[2]))
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stdout.count("this environment differs from the certified one (numpy)\n") == 2
        assert "0 gave the certified result" in done.stdout
        assert "escaped" not in done.stdout

    @pytest.mark.slow
    def test_nor_does_what_cannot_run(self, passed, tmp_path):
        project = passed[0].copy(tmp_path / "project")
        (project.root / "pipelines.py").unlink()
        done = self.verify(project, "--rerun", "3")
        assert done.returncode == 2, done.stdout + done.stderr
        assert "unknown small/one: the run gave no measurement here\n" in done.stdout

    def test_without_the_files_it_is_told_what_is_needed(self, passed, tmp_path):
        elsewhere = Project(tmp_path / "elsewhere")
        (elsewhere.root / "suites").rmdir()
        done = elsewhere.command("verify", str(passed[0].root / "certificate.json"), "--rerun", "1")
        assert done.returncode == 4
        assert "--rerun needs the suites and the baselines" in done.stderr


class TestWaivers:
    """By day: test_gate_rules.py, with facts that are prepared."""

    @pytest.mark.slow
    def test_one_that_holds_is_told_and_the_gate_passes(self, project):
        project.edit("policy.yaml", "policy: release\n", "policy: release\n" + WAIVER.format(day(0)))
        drifting(project)
        done, certificate = gate(project)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "waived  verdict  small/one: drift" in done.stdout
        assert f"Ada, until {day(0)}: known" in done.stdout
        assert certificate.decision.findings[0].waiver == 0
        assert "1 waived" in done.stdout

    @pytest.mark.slow
    def test_one_that_waives_nothing_is_told(self, project):
        project.edit("policy.yaml", "policy: release\n", "policy: release\n" + WAIVER.format(day(9)))
        done, certificate = gate(project)
        assert done.returncode == 0
        assert "note  the waiver of Ada for small/one" in done.stdout
        assert isinstance(certificate.decision.notes[0], IdleWaiver)


# By day: test_gate_rules.py.
@pytest.mark.slow
def test_chaos_that_the_policy_knows_of_is_gated_up_to_its_step(project):
    chaotic(project)
    rewritten(project, "digits/two-steps", recorded_under(numpy="1.25.0"))
    project.edit("pipelines.py", "latents * 0.9", "latents * 0.9")
    with (project.root / "policy.yaml").open("a") as file:
        file.write("chaotic: {digits/two-steps: 1}\n")
    done, certificate = gate(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert certificate.cases[0].chaos.gated == 1


class TestUsage:
    def test_a_policy_that_is_wrong_is_told_whole_and_nothing_runs(self, project):
        (project.root / "policy.yaml").write_text(
            "policy: a\nverdicts: {quik: [identical]}\nmax_age: 1 day\n"
        )
        done, certificate = gate(project)
        assert (done.returncode, certificate) == (4, None)
        assert done.stderr.splitlines() == [
            "policy.yaml:2:12: no case has the tag 'quik'; did you mean 'quick'?",
            "policy.yaml:3:1: unknown key 'max_age'; known are policy, description, verdicts, baselines, "
            "power, facts, chaotic, soak, waivers, signer",
        ]

    def test_a_certificate_that_cannot_be_written_is_told_before_anything_runs(self, project):
        done = project.command("gate", "suites/", "--certificate", "nowhere/certificate.json")
        assert done.returncode == 4
        assert "nowhere/certificate.json: cannot be written" in done.stderr

    def test_a_power_table_that_is_none_is_told(self, project):
        (project.root / "power.json").write_text("{}")
        done = project.command("gate", "suites/", "--power", "power.json")
        assert done.returncode == 4
        assert "power.json: not a power table" in done.stderr

    def test_without_an_interpreter_nothing_is_decided(self, project):
        done = project.command(
            "gate", "suites/", "--python", "no-python", "--certificate", "certificate.json"
        )
        assert done.returncode == 4
        assert "no-python: no such interpreter" in done.stderr
        assert not (project.root / "certificate.json").exists()

    def test_a_word_that_the_parser_does_not_know(self, project):
        assert project.command("gate").returncode == 4
        assert project.command("verify", "none.json").returncode == 3


def test_an_interrupted_gate_leaves_no_certificate(project):
    project.edit("suites/small.yaml", '"pipelines:sound"', '"pipelines:hanging"')
    for case in ("one", "two"):
        rename_pipeline(project, f"small/{case}", "pipelines:hanging")
    began = project.root / "began"
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "gate", "suites/", "--certificate", "certificate.json"],
        cwd=project.root,
        env={**project.environment, "TEST_BEGAN": str(began)},
        preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not began.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: nothing was decided, no certificate was written" in errors
    assert "Traceback" not in errors
    assert not list(project.root.glob("certificate*"))


def test_the_commit_is_certified(project):
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "c"),
    ):
        git(project.root, *words)
    commit = git(project.root, "rev-parse", "HEAD")
    _, clean = gate(project, "suites/small.yaml", "--only")
    assert (clean.commit.hash, clean.commit.dirty) == (commit, False)
    # The certificate of the run before is no change of the tree; an edited suite is.
    project.edit("suites/small.yaml", "suite: small", "suite: small  # edited")
    _, dirty = gate(project, "suites/small.yaml", "--only")
    assert (dirty.commit.hash, dirty.commit.dirty) == (commit, True)


def git(folder, *words):
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
