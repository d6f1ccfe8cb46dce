"""Cases with `fails`: they run, fail the run where they do not fail so, and no gate counts them as passed."""

import pytest
from user_project import Project

SUITE = """\
suite: small
defaults: {pipeline: pipelines:sound, seed: 0, steps: 3}
cases:
  - id: sound
  - id: unseeded
    pipeline: pipelines:unseeded
    fails: unseeded-draw
  - id: unrepeatable
    pipeline: pipelines:unrepeatable
    fails: not-repeatable
  - id: lacking
    pipeline: pipelines:lacking_a_package
    fails: missing-package
"""
LACKING = """

def lacking_a_package(checkpoint, dtype, mode):
    import no_such_package
"""
EXPECTED = ("unseeded (unseeded-draw)", "unrepeatable (not-repeatable)", "lacking (missing-package)")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("expected"))
    (made.root / "pipelines.py").write_text((made.root / "pipelines.py").read_text() + LACKING)
    made.suite("small", SUITE)
    recorded = made.harness("record", "suites/")
    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    left_out = "expected to fail, and left out: small/unseeded, small/unrepeatable, small/lacking"
    assert left_out in recorded.stdout
    return made


@pytest.mark.parametrize("processes", [pytest.param([], marks=pytest.mark.slow), ["-n", "1"]])
def test_each_fails_as_expected_and_the_run_passes_and_says_so(shared, processes):
    done = shared.pytest("suites/", "--harness-markdown", "summary.md", *processes)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 3 xfailed" in done.stdout
    assert "1 identical, 3 failed as expected" in done.stdout
    summary = (shared.root / "summary.md").read_text()
    assert "1 case passed" in summary
    for each in EXPECTED:
        name, _, cause = each.partition(" ")
        assert f"small/{name}: failed as expected {cause}, which does not count as passed: " in done.stdout
        assert f"small/{name}" in summary.replace("&#47;", "/")


@pytest.mark.slow
def test_a_gate_is_incomplete_by_a_rule_of_its_own_until_it_is_waived(shared, tmp_path):
    done = shared.harness("gate", "suites/", "--certificate", "certificate.json")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.count("expected-failure") == 3
    assert "1 identical, 3 failed as expected" in done.stdout
    waivers = "".join(
        f"  - {{case: small/{name}, rules: [expected-failure], reason: known, owner: me, "
        "expires: 2099-01-01}\n"
        for name in ("unseeded", "unrepeatable", "lacking")
    )
    (shared.root / "policy.txt").write_text(f"policy: known\nwaivers:\n{waivers}")
    waived = shared.harness("gate", "suites/", "--policy", "policy.txt", "--certificate", "certificate.json")
    assert waived.returncode == 0, waived.stdout + waived.stderr
    assert "3 waived" in waived.stdout
    assert shared.harness("verify", "certificate.json").returncode == 0


def test_it_fails_where_it_passes_and_where_it_fails_for_another_cause(shared, tmp_path):
    other = shared.copy(tmp_path / "other")
    (other.root / "pipelines.py").write_text((shared.root / "pipelines.py").read_text())
    other.edit("suites/small.yaml", "  - id: sound\n", "  - id: sound\n    fails: crash\n")
    other.edit("suites/small.yaml", "fails: unseeded-draw", "fails: missing-kernel")
    other.edit("suites/small.yaml", "pipeline: pipelines:unrepeatable", "pipeline: pipelines:sound")
    done = other.compare("suites/")
    assert done.returncode == 1, done.text
    assert "3 failed, 1 xfailed" in done.text
    for name, cause in (("sound", "crash"), ("unrepeatable", "not-repeatable")):
        assert f"it was expected to fail ({cause}) but did not: remove `fails`" in done.explanation(
            f"small/{name}"
        )
    told = "it was expected to fail with missing-kernel but failed with unseeded-draw: "
    assert told in done.explanation("small/unseeded")


def test_it_has_no_baseline_to_be_missing_and_one_that_is_there_is_an_orphan(shared, tmp_path):
    listed = shared.command("list", "suites/", "--check")
    assert listed.returncode == 0, listed.stdout
    assert "4 cases: 1 ok, 3 expected to fail" in listed.stdout
    other = shared.copy(tmp_path / "other")
    other.edit("suites/small.yaml", "  - id: sound\n", "  - id: sound\n    fails: crash\n")
    assert "small/sound/cpu.json belongs to no case" in other.command("list", "suites/").stdout


def test_there_is_nothing_to_measure_of_such_cases_alone(shared):
    for command in ("record", "calibrate", "power"):
        done = shared.command(command, "suites/small.yaml::unseeded")
        assert done.returncode == 4, done.stdout + done.stderr
        assert "small/unseeded: expected to fail" in done.stderr
        assert "Traceback" not in done.stderr
