"""Where a baseline comes from: real git repositories."""

from __future__ import annotations

import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from samples import make_case

from harness import __version__
from harness.baselines.baseline import Provenance
from harness.baselines.git import Commit, git_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo with [glob]"
    (folder / "suites").mkdir(parents=True)
    (folder / "suites" / "a.yaml").write_text("a")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_clean_tree_gives_the_full_hash(repository: Path) -> None:
    commit = git_commit(repository / "suites")
    assert commit == Commit(git(repository, "rev-parse", "HEAD"), dirty=False)
    assert re.fullmatch("[0-9a-f]{40}", str(commit))


@pytest.mark.parametrize("name", ["suites/a.yaml", "suites/new.yaml", "elsewhere.txt"])
def test_an_edited_or_untracked_file_makes_it_dirty(repository: Path, name: str) -> None:
    (repository / name).write_text("b")
    commit = git_commit(repository / "suites")
    assert commit == Commit(git(repository, "rev-parse", "HEAD"), dirty=True)
    assert str(commit) == f"{commit.hash}-dirty"
    assert Commit.parse(str(commit)) == commit


def test_the_baselines_being_recorded_do_not_make_it_dirty(repository: Path, tmp_path: Path) -> None:
    baselines = repository / "baselines"
    baselines.mkdir()
    (baselines / "cpu.json").write_text("{}")
    ignore = [baselines, tmp_path / "outside"]
    assert git_commit(repository / "suites", ignore=ignore) == Commit(
        git(repository, "rev-parse", "HEAD"), dirty=False
    )
    (repository / "suites" / "a.yaml").write_text("b")
    found = git_commit(repository / "suites", ignore=ignore)
    assert found is not None
    assert found.dirty


def test_byte_code_does_not_make_it_dirty(repository: Path) -> None:
    for folder in (repository, repository / "package" / "deep"):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "code.cpython-311.pyc").touch()
    assert git_commit(repository) == Commit(git(repository, "rev-parse", "HEAD"), dirty=False)
    (repository / "package" / "code.py").touch()
    assert git_commit(repository) == Commit(git(repository, "rev-parse", "HEAD"), dirty=True)


def test_named_files_alone_make_it_dirty(repository: Path, tmp_path: Path) -> None:
    (repository / "new.py").write_text("new")
    suite = repository / "suites" / "a.yaml"
    assert git_commit(repository, only=[suite, tmp_path / "outside"]).dirty is False
    suite.write_text("edited")
    assert git_commit(repository, only=[suite]).dirty is True
    assert git_commit(repository, only=[repository / "new.py"]).dirty is True
    assert git_commit(repository, only=[tmp_path / "outside"]) is None


def test_outside_git_and_before_a_first_commit_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_commit(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_commit(tmp_path) is None
    assert git_commit(tmp_path / "absent") is None


def test_without_git_installed_there_is_none(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert git_commit(repository) is None


def test_a_provenance_says_what_the_case_was_and_when() -> None:
    case = make_case()
    made = Provenance.of(case, reason="why", git_commit=None)
    assert (made.harness_version, made.reason, made.replaced) == (__version__, "why", None)
    assert (made.case_definition, made.case_hash) == (case.definition(), case.hash())
    assert datetime.fromisoformat(made.date).utcoffset() == timedelta(0)
