"""`pytest --harness-candidates`: what has no usable baseline runs all the same; its verdict stays."""

import re

from harness.baselines.baseline import Key
from harness.baselines.candidates import Candidate, CandidateStore, Kept
from harness.baselines.store import BaselineStore


def test_missing_cases_run_under_xdist_and_their_verdicts_stay(project):
    without = project.pytest("suites/", "-n0")
    done = project.pytest("suites/", "-n", "1", "--harness-candidates", "--harness-report", "report")
    assert (without.returncode, done.returncode) == (1, 1)
    for text in (without.stdout, done.stdout):
        assert len(set(re.findall(r"small/\w+: error", text))) == 2
        assert "2 failed" in text
    folder = project.root / "baselines" / ".candidates"
    assert "2 candidates in baselines/.candidates; harness accept makes baselines of them" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "small"]
    found = [CandidateStore(folder).load(Key("small", name, "cpu")) for name in ("one", "two")]
    assert [(each.kept.why, each.kept.runs, each.kept.replaces) for each in found] == [
        ("missing", 1, None)
    ] * 2


def test_a_case_without_a_name_for_it_is_not_taken_for_the_folder(project):
    done = project.pytest("--harness-candidates", "suites")
    assert done.returncode == 4
    assert "--harness-candidates suites: this names suites, not a folder for candidates" in done.stderr
    assert sorted(path.name for path in (project.root / "suites").iterdir()) == ["small.yaml"]


def test_a_case_that_cannot_run_says_so_and_keeps_its_verdict(project):
    project.edit("suites/small.yaml", "  - id: two", '  - id: two\n    pipeline: "pipelines:raising"')
    done = project.pytest("suites/", "--harness-candidates=kept")
    assert done.returncode == 1
    assert "no baseline of small/two is stored" in done.stdout
    assert "no candidate: small/two: " in done.stdout
    assert "the pipeline's own error" in done.stdout
    assert "1 candidate in kept; " in done.stdout
    assert CandidateStore(project.root / "kept").stored() == (Key("small", "one", "cpu"),)


def test_what_waited_for_a_case_that_passes_waits_no_more(kept):
    project = kept
    store = BaselineStore(project.root / "baselines")
    candidates = CandidateStore.beside(store)
    keys = [Key("small", name, "cpu") for name in ("one", "two")]
    for key in keys:
        found = store.load(*key)
        candidates.keep(Candidate(found, Kept(found.provenance, 2, "drift", store.sha256(key))))
    assert project.pytest("suites/small.yaml::one").returncode == 0
    assert candidates.stored() == tuple(keys)
    done = project.pytest("suites/small.yaml::one", "--harness-candidates", "-n", "1")
    assert done.returncode == 0, done.stdout
    assert candidates.stored() == (keys[1],)
