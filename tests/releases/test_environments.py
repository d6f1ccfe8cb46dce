"""Environments: made once with the real uv, used only when complete; what goes wrong is told."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from other_interpreters import interpreter
from user_project import Project

from harness.errors import HarnessError, UsageError
from harness.operations.bisect_releases import ReleaseRange
from harness.releases import environments as module
from harness.releases.environments import BYTES_EACH, Environments
from harness.releases.installer import (
    InstallError,
    check_installable,
    install,
    make_environment,
    releases_between,
)
from harness.releases.interpreters import differing_packages, in_order, inspect_interpreter, installed
from harness.releases.requirements import Release, Specification

SPECIFICATION = Specification.of(Release.parse("mindspore==2.8.0"), [])
OTHER = Specification.of(Release.parse("mindspore==2.9.0"), [])


@pytest.fixture
def nothing_installed(monkeypatch):
    """Environments are really made, with no package in them; the list has what was to be installed."""
    asked = []
    monkeypatch.setattr(module, "install", lambda python, wanted, overrides: asked.append((python, wanted)))
    monkeypatch.setattr(module, "check_installable", lambda wanted, overrides: None)
    return asked


@pytest.mark.parametrize(
    "text",
    [
        "2.8.0",
        "mindspore",
        "mindspore>=2.8",
        "mindspore==2.*",
        "mindspore==2.8.0,!=2.9",
        "--pre",
        "",
        "a==b==c",
    ],
)
def test_what_names_no_release(text):
    with pytest.raises(UsageError, match=r"is not a release; write it like mindspore==2\.8\.0"):
        Release.parse(text)


def test_a_release_and_what_it_is_installed_with():
    assert str(Release.parse("MindSpore == 2.8.0")) == "mindspore==2.8.0"
    assert SPECIFICATION.requirements == ("mindspore==2.8.0", "numpy<2", "safetensors", "huggingface_hub")
    own = Specification.of(Release.parse("mindspore==2.8.0"), ["numpy==1.25.0", "mindone==0.5.0"])
    assert own.requirements == (
        "mindspore==2.8.0", "mindone==0.5.0", "numpy==1.25.0", "safetensors", "huggingface_hub",
    )  # fmt: skip
    assert own.name != SPECIFICATION.name
    assert own == Specification.of(Release.parse("mindspore==2.8.0"), ["mindone==0.5.0", "numpy==1.25.0"])
    with pytest.raises(UsageError, match=r"--with '--index-url=x' is not a requirement"):
        Specification.of(own.release, ["--index-url=x"])
    with pytest.raises(UsageError, match="name the same package"):
        Specification.of(own.release, ["mindspore==2.9.0"])
    forced = Specification.of(own.release, ["numpy>=1.25", "mindone==0.5.0"], {"numpy": "1.24.4"})
    assert forced.requirements == (
        "mindspore==2.8.0", "mindone==0.5.0", "numpy==1.24.4", "safetensors", "huggingface_hub",
    )  # fmt: skip
    assert (forced.overrides, str(forced)) == (
        ("numpy==1.24.4",), "mindspore==2.8.0 with mindone==0.5.0 with numpy==1.24.4",
    )  # fmt: skip
    # What is forced may stand beside other packages than what was asked for.
    assert forced.name != Specification.of(own.release, ["numpy==1.24.4", "mindone==0.5.0"]).name


def test_what_is_given_to_one_end_of_a_line(tmp_path, nothing_installed):
    good, between, bad = (Release.parse(f"mindspore=={each}") for each in ("2.7.0", "2.8.0", "2.9.0"))
    asked = ReleaseRange(
        good, bad, (between,), ("mindone",),
        good_extras=("numpy==1.25.0",), bad_extras=("numpy==1.26.4", "scipy"),
    )  # fmt: skip
    line = asked.line(Environments(tmp_path), lambda text: None)
    for release in line.releases:
        line.subject(release)
    line.run_with(bad, {"numpy": "1.25.0"})
    assert [wanted[:-2] for _, wanted in nothing_installed] == [
        ("mindspore==2.7.0", "mindone", "numpy==1.25.0"),
        ("mindspore==2.8.0", "mindone", "numpy==1.26.4", "scipy"),
        ("mindspore==2.9.0", "mindone", "numpy==1.26.4", "scipy"),
        ("mindspore==2.9.0", "mindone", "scipy", "numpy==1.25.0"),
    ]
    # All of them may be what made the change.
    assert line.named == ("mindone", "numpy", "scipy")


def test_only_what_is_not_complete_is_discarded(tmp_path, nothing_installed):
    environments = Environments(tmp_path)
    environments.discard(SPECIFICATION)
    environments.ensure([SPECIFICATION])
    environments.discard(SPECIFICATION)
    assert environments.find(SPECIFICATION) is not None
    (tmp_path / SPECIFICATION.name / "environment.json").unlink()
    environments.discard(SPECIFICATION)
    assert environments.listed() == []


def test_made_once_and_only_what_is_complete_is_used(tmp_path, nothing_installed):
    environments = Environments(tmp_path / "environments")
    assert environments.find(SPECIFICATION) is None
    (made,) = environments.ensure([SPECIFICATION])
    assert subprocess.run([made.python, "-c", "print(1)"], check=True, capture_output=True).stdout == b"1\n"
    assert nothing_installed == [(Path(made.python), SPECIFICATION.requirements)]
    assert environments.ensure([SPECIFICATION]) == [made]
    assert len(nothing_installed) == 1
    marker = environments.root / SPECIFICATION.name / "environment.json"
    assert json.loads(marker.read_text())["packages"] == made.packages
    # As one that was interrupted leaves it.
    marker.unlink()
    (environments.root / SPECIFICATION.name / "venv" / "half").write_text("")
    assert environments.find(SPECIFICATION) is None
    assert [(each.name, each.packages) for each in environments.listed()] == [(SPECIFICATION.name, None)]
    environments.ensure([SPECIFICATION])
    assert len(nothing_installed) == 2
    assert not (environments.root / SPECIFICATION.name / "venv" / "half").exists()
    # The Python that it was made from is gone.
    (environments.root / SPECIFICATION.name / "venv" / "bin" / "python").unlink()
    assert environments.find(SPECIFICATION) is None
    assert (environments.root / ".gitignore").read_text() == "*\n"


def test_an_installation_that_fails_leaves_nothing_that_is_used(tmp_path, nothing_installed, monkeypatch):
    def fail(python, requirements, overrides):
        raise InstallError("uv pip failed; the end of its output:\n    no such file")

    monkeypatch.setattr(module, "install", fail)
    environments = Environments(tmp_path)
    with pytest.raises(
        InstallError, match=r"mindspore==2.8.0: the environment cannot be created.*\n.*no such"
    ):
        environments.ensure([SPECIFICATION])
    assert environments.find(SPECIFICATION) is None


def make_wheel(folder, name, version, *requires):
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_a_version_that_other_packages_forbid_can_be_forced(tmp_path, monkeypatch):
    """As mindone names one version of transformers: else nobody could tell which of the two it was."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    make_wheel(tmp_path, "tiny", "1.0", "part==1.0")
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path, "part", version)
    wanted = ["tiny==1.0", "part==2.0"]
    python = make_environment(tmp_path / "venv")
    with pytest.raises(InstallError, match="uv pip compile failed"):
        check_installable(wanted)
    with pytest.raises(InstallError, match="uv pip install failed"):
        install(python, wanted)
    check_installable(wanted, ["part==2.0"])
    install(python, wanted, ["part==2.0"])
    assert installed(python) == {"tiny": "1.0", "part": "2.0"}


def test_uv_installs_and_says_why_it_cannot(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    wheel = make_wheel(tmp_path, "tiny", "1.0")
    python = make_environment(tmp_path / "venv")
    install(python, [f"tiny @ file://{wheel}"])
    assert installed(python) == {"tiny": "1.0"}
    with pytest.raises(InstallError, match=r"uv pip install failed; the end of its output:\n.*") as told:
        install(python, [f"tiny @ file://{tmp_path}/gone-1.0-py3-none-any.whl"])
    assert "gone" in str(told.value)


def test_one_whose_packages_were_changed_is_not_used(tmp_path, nothing_installed):
    environments = Environments(tmp_path)
    (made,) = environments.ensure([SPECIFICATION])
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = subprocess.run([made.python, "-c", code], capture_output=True, text=True, check=True).stdout
    metadata = tmp_path / packages.strip() / "added-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    with pytest.raises(
        HarnessError, match=r"its packages were changed after it was created \(added\); remove"
    ):
        environments.find(SPECIFICATION)


def test_what_the_shell_adds_is_seen_and_is_no_change_of_the_environment(
    tmp_path, nothing_installed, monkeypatch
):
    """As CANN's `set_env.sh` adds packages of its own to PYTHONPATH."""
    environments = Environments(tmp_path / "environments")
    (made,) = environments.ensure([SPECIFICATION])
    metadata = tmp_path / "added" / "te-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: te\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "added"))
    assert environments.find(SPECIFICATION).packages == {**made.packages, "te": "1.0"}
    environments.ensure([OTHER])
    monkeypatch.delenv("PYTHONPATH")
    assert environments.find(OTHER).packages == {}


def test_the_disk_is_looked_at_before_anything_is_made(tmp_path, nothing_installed, monkeypatch):
    # What the system says of a disk that has room for one.
    usage = SimpleNamespace(free=BYTES_EACH + 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    environments = Environments(tmp_path / "not" / "there")
    with pytest.raises(
        HarnessError, match=r"2 environments .* need 5\.6 GB \(2\.8 GB each\), but only 2\.8 GB are"
    ):
        environments.ensure([SPECIFICATION, OTHER])
    assert nothing_installed == []
    assert not environments.root.exists()
    environments.ensure([SPECIFICATION])
    # What is there takes no more room.
    usage.free = BYTES_EACH
    environments.ensure([SPECIFICATION, OTHER])
    assert len(nothing_installed) == 2


def test_listed_and_removed(tmp_path, nothing_installed):
    root = tmp_path / "environments"
    environments = Environments(root)
    environments.ensure([SPECIFICATION, OTHER])
    first, second = SPECIFICATION, OTHER
    (root / "unfinished" / "venv").mkdir(parents=True)
    week = 7 * 86400
    marker = root / first.name / "environment.json"
    os.utime(marker, (marker.stat().st_atime, marker.stat().st_mtime - week))
    assert [each.name for each in environments.listed(unused_for=5)] == [first.name, "unfinished"]
    # To be used is to be used.
    environments.ensure([SPECIFICATION])
    assert [each.name for each in environments.listed(unused_for=5)] == ["unfinished"]
    project = Project(tmp_path / "project")
    folder = ("--environments", str(root))
    listed = project.harness("environments", "list", *folder)
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:4]] == [
        [first.name, "complete"], [second.name, "complete"], ["unfinished", "unfinished"],
    ]  # fmt: skip
    wrong = project.harness("environments", "remove", first.name, "typo", *folder)
    assert (wrong.returncode, "is called 'typo'" in wrong.stderr) == (4, True)
    assert project.harness("environments", "remove", *folder).returncode == 4
    assert (root / first.name).exists()
    removed = project.harness("environments", "remove", "--unused", *folder)
    assert (removed.returncode, removed.stdout) == (0, "removed unfinished\n")
    assert project.harness("environments", "remove", first.name, second.name, *folder).returncode == 0
    assert environments.listed() == []
    with pytest.raises(UsageError, match="there is nothing"):
        environments.remove(["../project"])
    assert project.root.exists()


def test_what_is_installed_is_what_is_imported(tmp_path):
    packages = installed(sys.executable)
    assert packages["determinism-harness"]
    other = inspect_interpreter(interpreter(tmp_path, "other", mindspore="2.7.0"))
    assert (other.name, other.mindspore) == ("2.7.0", "2.7.0")
    here = inspect_interpreter(sys.executable)
    assert differing_packages([other, here]) == {"mindspore": ("2.7.0", here.mindspore)}
    later = inspect_interpreter(interpreter(tmp_path, "later", mindspore="2.11.0rc1"))
    assert [each.name for each in in_order([later, here, other, other])] == [
        "2.7.0 #1", "2.7.0 #2", here.mindspore, "2.11.0rc1",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_release_that_does_not_exist(tmp_path):
    """Asks the package index."""
    environments = Environments(tmp_path / "environments")
    missing = Specification.of(Release.parse("mindspore==2.99.0"), [])
    with pytest.raises(
        InstallError, match=r"mindspore==2\.99\.0: the environment cannot be created.*\n.*\n?.*no version of"
    ) as told:
        environments.ensure([SPECIFICATION, missing])
    assert "uv pip compile failed" in str(told.value)
    assert not environments.root.exists()


@pytest.mark.slow
def test_the_releases_between_two(tmp_path):
    """Asks the package index."""
    good, bad = (Release.parse(f"mindspore=={version}") for version in ("2.7.0", "2.10.0"))
    found = [each.version for each in releases_between(good, bad)]
    assert found[0] == "2.7.0"
    assert found[-1] == "2.10.0"
    assert {"2.7.2", "2.8.0", "2.9.0"} < set(found)
    assert [each.version for each in releases_between(bad, good)] == found[::-1]
    with pytest.raises(InstallError, match=r"mindspore==2\.7\.99: the package index has no such release"):
        releases_between(good, Release.parse("mindspore==2.7.99"))
