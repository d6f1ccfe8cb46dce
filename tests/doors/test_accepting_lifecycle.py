"""From a new case to an edited one that is accepted from CI, in real processes; each run is counted."""

import json
import shlex
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COUNTED = """

def counted(checkpoint, dtype, mode):
    from functools import wraps

    pipeline = sound(checkpoint, dtype, mode)

    @wraps(pipeline)
    def call(**arguments):
        with Path(__file__).with_name("runs.txt").open("a") as file:
            file.write("a run\\n")
        return pipeline(**arguments)

    return call
"""
PAGE = (Path(__file__).parents[2] / "docs" / "accepting.md").read_text()
REASON = "--reason 'the new scheduler is meant'"
SUITE = """\
suite: counted
cases:
  - {id: one, pipeline: "pipelines:counted", seed: 0, steps: 2}
"""
CI = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "lab/pipelines",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_RUN_ID": "7",
    "GITHUB_SHA": "ab" * 20,
}


def runs(project):
    """How often the case has run so far."""
    path = project.root / "runs.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def typed(project, line):
    """Type a line of docs/accepting.md."""
    assert line in (line_of_page.partition("  #")[0].strip() for line_of_page in PAGE.splitlines())
    program, *arguments = shlex.split(line)
    return getattr(project, program)(*arguments)


def make_key(root):
    key = Ed25519PrivateKey.generate()
    (root / "ci.pem").touch(mode=0o600)
    (root / "ci.pem").write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    (root / "ci.pub").write_bytes(public)


# Its parts: test_candidates_door.py, test_review_door.py, test_accepting_door.py, operations/test_accept.py.
@pytest.mark.slow
def test_from_a_new_case_to_one_accepted_from_ci(project):
    (project.root / "suites" / "small.yaml").unlink()
    project.suite("counted", SUITE)
    pipelines = project.root / "pipelines.py"
    pipelines.write_text(pipelines.read_text() + COUNTED)
    for name in CI:
        project.environment.pop(name, None)

    new = typed(project, "pytest suites/ --harness-candidates")
    assert new.returncode == 1
    assert "1 candidate in baselines/.candidates" in new.stdout
    assert runs(project) == 1
    reviewed = typed(project, "harness review")
    assert reviewed.returncode == 0, reviewed.stderr
    assert "counted/one" in reviewed.stdout
    assert "1 candidate to review" in reviewed.stdout
    accepted = project.harness("accept", "--all")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert runs(project) == 2
    assert project.pytest().returncode == 0
    assert runs(project) == 3

    before = project.baselines()
    project.edit("suites/counted.yaml", "seed: 0", "seed: 5")
    stale = project.pytest("suites/", "--harness-candidates", "--harness-report", "report")
    assert stale.returncode == 1
    assert "seeds: [0] -> [5]" in stale.stdout
    assert runs(project) == 4
    (told,) = json.loads((project.root / "report" / "report.json").read_text())["cases"]
    (picture,) = told["pictures"]["items"]
    assert picture["measured"]
    assert picture["measured"] != picture["baseline"]
    page = typed(project, "harness review suites/ --html review-page")
    assert page.returncode == 0, page.stderr
    assert "seeds" in (project.root / "review-page" / "index.html").read_text()
    rejected = project.harness("reject", "--all")
    assert "1 rejected" in rejected.stdout
    assert (runs(project), project.baselines()) == (4, before)

    make_key(project.root)
    home = dict(project.environment)
    project.environment |= CI
    in_ci = project.pytest("suites/", "--harness-candidates=candidates", "--harness-sign-key=ci.pem")
    project.environment = home
    assert in_ci.returncode == 1
    assert runs(project) == 6
    unsigned = project.harness("accept", "--all", "--from", "candidates", "--reason", "another seed")
    assert unsigned.returncode == 1
    assert "no trusted key signed it" in unsigned.stdout
    assert project.baselines() == before
    signed = typed(project, f"harness accept suites/ --all --from candidates --signer ci.pub {REASON}")
    assert signed.returncode == 0, signed.stdout + signed.stderr
    assert "from lab/pipelines, commit abababababab" in signed.stdout
    assert project.pytest().returncode == 0
    assert runs(project) == 7
    stored = json.loads((project.root / "baselines" / "counted" / "one" / "cpu.json").read_text())
    assert stored["provenance"]["origin"] == {
        "repository": "lab/pipelines",
        "run": "https://github.com/lab/pipelines/actions/runs/7",
        "commit": "ab" * 20,
    }
    assert stored["provenance"]["reason"] == "the new scheduler is meant"
    assert stored["case"]["definition"]["seeds"] == [5]
