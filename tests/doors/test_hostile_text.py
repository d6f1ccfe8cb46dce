"""Text of others through every door, as processes: nothing that a terminal or GitHub obeys comes out raw."""

from __future__ import annotations

import pytest
from gate_facts import case_facts, certificate, held_to, waiver
from samples import said
from user_project import Project

from harness.baselines.git import Commit
from harness.gate.certificate import CertifiedSuite
from harness.gate.policy import Policy

# A command of each kind, escape sequences, line breaks of several kinds, a change of direction, a surrogate.
TEXT = "\n::error title=x::forged\r##[error]forged\x1b[2J\x1b]0;t\x07\u2028::warning::\u202e\x9b31m"
# What a file's name can have of it: no slash, and not what is no UTF-8 but by way of a surrogate.
NAME = "::error::a" + TEXT.replace("/", "")


def raw(text: str, annotations: int = 0) -> list[str]:
    """Return the lines of ``text`` that have what would be obeyed, but for our own annotations."""
    lines = text.split("\n")
    own = [line for line in lines if line.startswith("::error file=suites/")]
    assert len(own) == annotations, own
    found = [line for line in lines if line not in own and (line.lstrip().startswith("::") or "##[" in line)]
    return found + [line for line in lines if not line.replace("\t", "").isprintable()]


# What one raises comes back from its worker; the other has no baseline, and a message with the file's name.
SUITE = """\
suite: hostile
defaults: {pipeline: "pipelines:hostile", seed: 0, steps: 1}
cases:
  - {id: one, fails: crash}
  - {id: two}
"""


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    (made.root / "pipelines.py").write_text(
        f"def hostile(checkpoint, dtype, mode):\n    raise RuntimeError({TEXT!r} + chr(0xD800))\n"
    )
    made.suite(NAME, SUITE)
    (made.root / "baselines").mkdir()
    # pytest has colours in GitHub Actions, which are no text of others.
    made.environment |= {
        "NO_COLOR": "1",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(made.root / "step.md"),
    }
    return made


def summary(project):
    file = project.root / "step.md"
    return file.read_bytes().decode() if file.exists() else ""


@pytest.mark.parametrize("broken", [pytest.param(False, marks=pytest.mark.slow), True])
def test_pytest_shows_names_and_messages_of_others_escaped(project, broken):
    annotated = 2
    if broken:
        project.suite(
            f"{NAME}2", f"suite: 'x'\ncases: [{{id: {ascii(TEXT)[1:-1]!r}, {ascii(TEXT)[1:-1]!r}: 1}}]\n"
        )
        annotated = 6
    done = project.pytest("suites/", "-v", "-rA", "--tb=long", "--continue-on-collection-errors")
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    assert "hostile/one: error" in text
    assert "\n  | RuntimeError:\n" in text
    assert raw(text, annotations=annotated) == []
    assert summary(project)
    assert raw(summary(project)) == []


def test_so_does_pytest_with_several_processes(project):
    done = project.pytest("suites/", "-v", "-rA", "-n", "2")
    assert "hostile/one: error" in done.stdout
    assert raw(done.stdout + done.stderr, annotations=2) == []


def test_so_do_the_commands(project):
    texts = {}
    for words in (
        ("list", "suites/"),
        ("gate", "suites/"),
        ("record", "suites/"),
        ("list", f"suites/{NAME}.yaml::{TEXT}"),
        ("list", f"--{TEXT}"),
        (TEXT,),
        ("verify", TEXT),
        ("verify", "step.md", TEXT),
        ("gate", "suites/", "--baseline-dir", TEXT),
    ):
        done = project.harness(*words)
        assert done.returncode in (0, 1, 2, 3, 4)
        assert "bug in harness" not in done.stderr
        assert raw(done.stdout + done.stderr) == [], words
        texts[words[0]] = done.stdout + done.stderr
    assert "failed  missing  hostile/one" in summary(project) or "hostile/one" in summary(project)
    assert raw(summary(project)) == []


FORGED = {
    "files": {
        "suites": (CertifiedSuite(TEXT, TEXT, TEXT, 3),),
        "suites_root": TEXT,
        "baselines_root": "baselines\n::error::x",
        "harness_version": TEXT,
        "commit": Commit(TEXT, dirty=True),
    },
    "cases": {
        "cases": [
            case_facts(TEXT, suite=TEXT, verdict="drift", tier=TEXT, environment=TEXT, checkpoint=TEXT),
            case_facts(reasons=said(TEXT), verdict="incomparable"),
            case_facts("two", baseline=held_to(files={TEXT: TEXT, f"/etc/{TEXT}": TEXT})),
        ],
        "orphans": (TEXT, "guide/" + TEXT),
    },
    "policy": {
        "policy": Policy(name=TEXT, waivers=(waiver(TEXT, owner=TEXT, reason=TEXT),), chaotic={TEXT: 1})
    },
    "date": {"date": TEXT},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_certificate_that_is_forged_commands_nothing(tmp_path, name):
    project = Project(tmp_path)
    (tmp_path / "baselines\n::error::x").mkdir()
    fields = dict(FORGED[name])
    cases = fields.pop("cases", ())
    decided = {"decision": certificate().decision} if name == "date" else {}
    (tmp_path / "c.json").write_bytes(certificate(*cases, **fields, **decided).to_bytes())
    done = project.harness("verify", "c.json")
    text = done.stdout + done.stderr
    assert done.returncode in (1, 2), text
    assert r"\x1b[2J" in text
    assert "Traceback" not in text
    assert raw(text) == []
    # Nor do its texts take lines of their own, on which anything could be written.
    assert not any(line.startswith(("forged", "::error", "failed  forged")) for line in text.splitlines())


def test_no_encoding_of_the_terminal_fails_a_command(tmp_path):
    project = Project(tmp_path)
    project.environment |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    (tmp_path / "c.json").write_bytes(
        certificate(policy=Policy(name="größer ≤"), suites_root="nowhere").to_bytes()
    )
    done = project.harness("verify", "c.json")
    assert done.returncode == 0, done.stderr
    assert r"policy gr\xf6\xdfer \u2264" in done.stdout
