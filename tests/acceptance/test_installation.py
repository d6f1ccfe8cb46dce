"""What is installed works: the doctor finds this machine fit, and the wheel has all that a run needs."""

import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from acceptance_digits import DIGITS, REPOSITORY

import harness
from harness.baselines.store import BaselineStore

SUITE = """
suite: s
cases: [{id: two-steps, pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0, steps: 2}]
"""
DATA = [
    "py.typed",
    "cases/suite.schema.json",
    "operations/doctor.yaml",
    *(
        f"pipelines/data/ddpm-digits/{path.relative_to(DIGITS)}"
        for path in DIGITS.rglob("*")
        if path.is_file()
    ),
]


def test_the_doctor_finds_this_machine_fit_and_its_archive_has_what_was_measured(project):
    # What the fingerprint has is told, also where a variable has the same value, and the seals hold.
    project.environment |= {"USER": "mindspore", "SITE_LIBC": " ".join(platform.libc_ver())}
    done = project.harness("doctor", "--bundle", "found.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    with zipfile.ZipFile(project.root / "found.zip") as archive:
        archive.extractall(project.root / "found")
    report = json.loads((project.root / "found" / "report.json").read_text())
    for told in ("mindspore", "AVX2", "conv2d_3x3"):
        assert told in done.stdout
        assert told in (project.root / "found" / "doctor.txt").read_text()
    assert report["fingerprint"]["isa"] == "AVX2"
    assert len(report["canaries"]) == 16
    assert report["cases"] == [{"case": f"doctor/{name}", "error": None} for name in ("ddpm", "ddim-graph")]
    # Whoever is sent it can compare: every byte of each is checked as it is loaded.
    store = BaselineStore(project.root / "found" / "baselines")
    for name in ("ddpm", "ddim-graph"):
        assert len(store.load("doctor", name, "cpu").measurement.trace) == 10


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the repository's files, built in a copy: building leaves folders behind."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        "git",
        "-C",
        str(REPOSITORY),
        "ls-files",
        "-z",
        "harness",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, target)
    build = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--wheel-dir", "../wheels"]
    built = subprocess.run(build, cwd=folder / "source", capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = (folder / "wheels").iterdir()
    return path


# Building fetches setuptools from the package index, which the tests that run by default never need.
@pytest.mark.slow
def test_the_wheel_has_the_files_that_are_no_code(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in DATA:
            assert archive.read(f"harness/{name}") == (Path(harness.__file__).parent / name).read_bytes()
    assert [name for name in names if name.startswith("tests/")] == []


def installed(wheel, project):
    """Let ``project`` use the harness of ``wheel``, not the repository's."""
    site = project.root / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    project.environment["PYTHONPATH"] = str(site)
    probe = [sys.executable, "-c", "import harness; print(harness.__file__)"]
    where = subprocess.run(probe, env=project.environment, cwd=project.root, capture_output=True, text=True)
    assert where.stdout.strip() == str(site / "harness" / "__init__.py")


CALLS = """
import harness
assert harness.record("suites/").passed
(case,) = harness.check("suites/").cases
assert case.verdict == "identical"
assert harness.compare(case.output, case.baseline).passed
assert not harness.compare(case.output + 1, case.baseline).passed
"""
TEST = """
import numpy as np

def test_square(drift):
    drift.check(lambda x: x * x, np.linspace(0, 1, 9), name="square")
"""


@pytest.mark.slow
def test_the_wheel_serves_python_and_tests(wheel, project):
    installed(wheel, project)
    project.suite("s", SUITE)
    called = subprocess.run(
        [sys.executable, "-c", CALLS],
        env=project.environment,
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    assert called.returncode == 0, called.stderr
    (project.root / "test_square.py").write_text(TEST)
    assert project.pytest("test_square.py").returncode == pytest.ExitCode.TESTS_FAILED
    assert project.pytest("test_square.py", "--harness-record").returncode == pytest.ExitCode.OK
    assert project.pytest("test_square.py").returncode == pytest.ExitCode.OK
    (project.root / "test_square.py").write_text(TEST.replace("x * x", "x * x * 1.001"))
    changed = project.pytest("test_square.py")
    assert changed.returncode == pytest.ExitCode.TESTS_FAILED
    assert "is not bitwise equal" in changed.stdout


@pytest.mark.slow
def test_the_wheel_runs_a_shipped_case(wheel, shipped):
    installed(wheel, shipped)
    found = shipped.compare("suites/ddim.yaml::two-steps")
    assert found.returncode == 0, found.text
