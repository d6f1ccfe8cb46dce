"""The fixture `drift`, in pytest processes of a user's own folder: the life of its baselines."""

import json
import os
import re
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from user_project import Project

from harness.baselines.git import Commit
from harness.baselines.store import BaselineStore
from harness.errors import HarnessError, UsageError
from harness.execution.profile import Profile
from harness.operations.drift import UserTest, _tolerance

TESTS = """\
import numpy as np
import pytest


def decode(latents):
    return np.tanh(latents @ latents.T * 0.1)


def parts(values, scale):
    return {"sum": (values * scale).sum(), "pair": (np.exp(values), values / 3)}


@pytest.mark.parametrize("seed", [0, 1])
def test_decode(drift, seed):
    latents = np.random.default_rng(seed).standard_normal((4, 8, 8), dtype=np.float32)[0]
    decoded = drift.check(decode, latents, name="decode")
    assert decoded.shape == (8, 8)


class TestParts:
    def test_parts(self, drift):
        values = np.linspace(0.1, 1, 50)
        drift.check(parts, values, 0.7, name="a/b")
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A project whose checks were recorded, in two processes of xdist; tests copy it."""
    made = Project(tmp_path_factory.mktemp("drift"))
    (made.root / "test_vae.py").write_text(TESTS)
    missing = made.pytest(".")
    assert missing.returncode == 1
    assert missing.stdout.count("there is no baseline of") == 5
    assert "record it: pytest 'test_vae.py::test_decode[1]' --harness-record" in missing.stdout
    assert not (made.root / "__drift__").exists()
    done = made.pytest(".", "-n2", "--harness-record")
    assert done.returncode == 0, done.stdout
    return made


@pytest.fixture
def project(recorded, tmp_path):
    return recorded.copy(tmp_path / "project")


def stored(project):
    files = (path for path in (project.root / "__drift__").rglob("*") if path.is_file())
    return {str(path.relative_to(project.root)): path.read_bytes() for path in files}


def test_each_check_has_a_calibrated_baseline_beside_its_test(recorded):
    cases = {name.rpartition("/")[0] for name in stored(recorded)}
    folder = "__drift__/test_vae"
    assert cases == {
        f"{folder}/test_decode[0]/decode",
        f"{folder}/test_decode[1]/decode",
        *(f"{folder}/TestParts.test_parts/a%2Fb.{part}" for part in ("sum", "pair.0", "pair.1")),
    }
    for name in cases:
        document = json.loads((recorded.root / name / "cpu.json").read_text())
        assert document["calibration"]["metrics"]["relative_l2"] > 0
        assert document["calibration"]["members"] == list(range(1, 11))
        assert document["provenance"]["reason"] == "first recording"


def test_no_two_tests_of_a_file_share_baselines():
    ids = [
        "test_a",
        "TestA.test_a",
        "test_a[b::c]",
        "test_a[b.c]",
        "test_a[b/c]",
        "test_a[b%2Fc]",
        "test_a[.]",
    ]
    ids += [f"test_a[{'x' * 300}{end}]" for end in "yz"]
    tests = [UserTest(Path("test_x.py"), 1, each) for each in ids]
    paths = {test.store.path(test.failed("n", HarnessError()).suite, "n", "cpu") for test in tests}
    assert len(paths) == len(ids)
    assert all(len(path.parent.parent.name) < 255 for path in paths)


def test_from_recorded_to_drift_to_recorded_again(project):
    first = stored(project)
    project.edit("test_vae.py", "* 0.1)", "* 0.1000001)")
    only = "test_vae.py::test_decode[0]"
    drifting = project.pytest(only)
    assert drifting.returncode == 1
    assert "test_decode[0]/decode: drift (same environment" in drifting.stdout
    assert re.search(r"relative_l2 +\d", drifting.stdout)
    assert "Traceback" not in drifting.stdout
    assert "During handling" not in drifting.stdout
    again = f"pytest '{only}' --harness-record --harness-reason '<why it changes>'"
    assert again in drifting.stdout

    refused = project.pytest(only, "--harness-record")
    assert refused.returncode == 1
    assert "the baseline is kept as it is: it changes only with a reason" in refused.stdout
    assert again in refused.stdout
    assert stored(project) == first

    meant = project.pytest(only, "--harness-record", "--harness-reason", "a new constant")
    assert meant.returncode == 0, meant.stdout
    changed = {name for name, data in stored(project).items() if data != first[name]}
    assert changed == {
        f"__drift__/test_vae/test_decode[0]/decode/cpu.{end}" for end in ("json", "safetensors")
    }
    document = json.loads(stored(project)["__drift__/test_vae/test_decode[0]/decode/cpu.json"])
    assert document["provenance"]["reason"] == "a new constant"
    assert document["provenance"]["replaced"] is not None
    assert document["calibration"] is not None
    assert project.pytest(only).returncode == 0


def test_damaged_and_stale_baselines_fail_and_say_what_to_type(project):
    path = project.root / "__drift__/test_vae/test_decode[0]/decode/cpu.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    project.edit("test_vae.py", "0.7, name", "0.75, name")
    before = stored(project)
    done = project.pytest("test_vae.py")
    assert "2 failed, 1 passed" in done.stdout
    assert "its bytes do not have the sha256" in done.stdout
    assert 'arguments.input 1: "0.7" -> "0.75"' in done.stdout
    for test in ("test_decode[0]", "TestParts::test_parts"):
        assert re.search(
            rf"record [^\n]*pytest \S*{re.escape(test)}\S* --harness-record --harness-r", done.stdout
        )
    assert stored(project) == before


REFUSED = """\
import sys

import numpy as np
import pytest

X = np.linspace(0.1, 1, 20)
FRESH = "--harness-fresh-run" in sys.argv
EXACT = {"across_releases": "exact"}


class Counter:
    calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * self.calls


def chaos(x):
    for _ in range(500):
        x = 3.99 * x * (1 - x)
    return x


def test_refused(drift):
    def attempt(function, x, name, **options):
        try:
            drift.check(function, x, name=name, **options)
        except pytest.fail.Exception as failed:
            print(f"<{name}>{failed}</{name}>")

    attempt(lambda x: x + np.random.default_rng().random(20), X, "noise")
    attempt(np.exp, np.random.default_rng().random(20), "input")
    attempt(lambda x: (x,) * (1 + FRESH), X, "parts", tolerance=EXACT)
    attempt(lambda x: x * 2, np.arange(5), "integers")
    attempt(lambda x: (x * 2**60).astype(int), X, "whole", tolerance={"across_releases": {"max_abs": 1}})
    attempt(lambda x: x * 2, np.arange(5), "given", tolerance=EXACT)
    attempt(np.round, X, "no effect")
    attempt(Counter(), X, "state")
    attempt(chaos, X[:-1], "chaos")
    attempt(lambda x: x * np.nan, X, "nan")
    attempt(lambda x: {"word": "text"}, X, "text")
    attempt(np.exp, X, "given", tolerance=EXACT)
    attempt(np.exp, X, "misspelt", tolerance={"across_release": "exact"})
    attempt(np.exp, X, "members", members=1)
"""


def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "test_refused.py").write_text(REFUSED)
    done = project.pytest("test_refused.py", "-s", "--harness-record")
    assert done.returncode == 0, done.stdout
    for name, told in {
        "noise": "two runs in fresh workers differ, first in the output",
        "input": "the function has other inputs, or returns other parts, in a fresh process: give every",
        "parts": "the function has other inputs, or returns other parts, in a fresh process: give every",
        "whole": "whole numbers beyond 2**53 have no exact difference",
        "integers": "none of its inputs is an array of floating-point numbers, so no tolerance can be",
        "given": "there are two checks named 'given'",
        "no effect": "its inputs moved by one ulp change no value of its output, so no tolerance can be",
        "state": "a second call in the same process returns something else",
        "chaos": "chaotic in its output",
        "nan": "output holds NaN or Inf in 20 of 20 places",
        "text": "it returns a str as 'word', which is no array",
        "misspelt": "tolerance: across_release: Extra inputs are not permitted",
        "members": "1 member cannot show a spread",
    }.items():
        found = re.findall(rf"<{name}>(.*?)</{name}>", done.stdout, re.DOTALL)
        assert len(found) == 1, name
        assert told in found[0], found
    assert {name.split("/")[3] for name in stored(project)} == {"given"}


@pytest.mark.parametrize(
    ("tolerance", "told"),
    [
        (
            {"across_releases": "all"},
            "across_releases: expected `exact`, `calibrated` or a mapping",
        ),
        ({"across_devices": {}}, "across_devices.(limits): there are no limits; give at least one, or write"),
    ],
)
def test_what_is_wrong_with_a_tolerance_is_said_in_words_of_our_own(tolerance, told):
    with pytest.raises(UsageError) as error:
        _tolerance("test_x", tolerance)
    assert str(error.value).startswith(f"test_x: tolerance: {told}")


SLOW = """\
import os
import sys
import time


def test_slow(drift):
    def function():
        if "--harness-fresh-run" in sys.argv:
            with open("running.tmp", "w") as file:
                file.write(str(os.getpid()))
            os.rename("running.tmp", "running")
            time.sleep(600)
        return 1.0

    drift.check(function, name="slow")
"""


def test_a_recording_that_is_told_to_end_leaves_no_process_and_no_file(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "test_slow.py").write_text(SLOW)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)
    recording = project.started("pytest", "test_slow.py", "--harness-record")
    running = project.root / "running"
    while not running.exists():
        assert recording.poll() is None, recording.communicate()[0]
        time.sleep(0.05)
    recording.terminate()
    recording.communicate(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)
    assert not any(temporary.glob("harness-*"))
    assert not stored(project)


def test_a_recording_that_is_killed_leaves_no_process(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "test_slow.py").write_text(SLOW)
    project.environment["TMPDIR"] = str(tmp_path)
    recording = project.started("pytest", "test_slow.py", "--harness-record")
    running = project.root / "running"
    while not running.exists():
        assert recording.poll() is None, recording.communicate()[0]
        time.sleep(0.05)
    recording.kill()
    recording.communicate(timeout=60)
    assert ends(int(running.read_text()))


def ends(pid, seconds=20.0):
    """Whether a process ends within some seconds; if not, it is ended here."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False


GROUPED = """\
import numpy as np
import pytest


@pytest.mark.xdist_group("some")
class TestGrouped:
    def test_one(self, drift):
        drift.check(np.exp, np.linspace(0.1, 1, 20), name="exp")
"""


@pytest.mark.slow
def test_a_test_in_a_group_of_xdist_has_its_own_name(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "test_grouped.py").write_text(GROUPED)
    grouped = ("test_grouped.py", "-n1", "--dist", "loadgroup")
    missing = project.pytest(*grouped)
    assert "record it: pytest test_grouped.py::TestGrouped::test_one --harness-record" in missing.stdout
    done = project.pytest(*grouped, "--harness-record")
    assert done.returncode == 0, done.stdout
    assert {name.rpartition("/")[0] for name in stored(project)} == {
        "__drift__/test_grouped/TestGrouped.test_one/exp"
    }
    assert project.pytest("test_grouped.py").returncode == 0


OPTIONS = """\
import logging
import sys

import numpy as np

FRESH = "--harness-fresh-run" in sys.argv


def test_one(drift, tmp_path, pytestconfig):
    assert pytestconfig.getoption("no_cov") == FRESH
    (tmp_path / "kept").touch()
    logging.warning("fresh" if FRESH else "before")
    drift.check(np.exp, np.linspace(0.1, 1, 20), name="exp")
    logging.warning("after")
    assert (tmp_path / "kept").exists()


def test_other():
    assert not FRESH
"""
COVERAGE = """\
def pytest_addoption(parser, pluginmanager):
    # Where pytest-cov is not installed.
    if not pluginmanager.hasplugin("pytest_cov"):
        parser.addoption("--no-cov", action="store_true")
        pluginmanager.register(object(), "pytest_cov")
"""


def test_fresh_runs_leave_what_belongs_to_the_whole_run(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "test_options.py").write_text(OPTIONS)
    (project.root / "conftest.py").write_text(COVERAGE)
    (project.root / "tests.txt").write_text("test_options.py\n")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    project.environment["TMPDIR"] = str(temporary)
    options = ("--basetemp", str(tmp_path / "base"), "--log-file=run.log")
    done = project.pytest("@tests.txt", *options, "--harness-record")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    logged = (project.root / "run.log").read_text()
    assert re.findall("before|fresh|after|\0", logged) == ["before", "after"]
    assert not any(temporary.iterdir())


def test_a_reason_without_a_recording_is_refused(project):
    done = project.pytest("test_vae.py", "--harness-reason", "why")
    assert done.returncode == 4
    assert "give --harness-record as well" in done.stderr


def renew(project, name, commit=None, **fields):
    """Store a baseline as one that was recorded at another commit, or in another environment."""
    store = BaselineStore(project.root / "__drift__" / "test_vae")
    baseline = store.load(*name.split("/"), "cpu")
    fingerprint = {**baseline.measurement.fingerprint, **fields}
    measurement = replace(baseline.measurement, fingerprint=fingerprint)
    provenance = replace(baseline.provenance, git_commit=commit)
    store.write(replace(baseline, measurement=measurement, provenance=provenance), renew=True)


def test_recording_what_has_not_changed_writes_nothing(project):
    renew(project, "test_decode[0]/decode", commit=Commit("0" * 40, dirty=True))
    before = stored(project)
    done = project.pytest("test_vae.py::test_decode[0]", "--harness-record")
    assert done.returncode == 0, done.stdout
    assert stored(project) == before


def test_other_environments_are_judged_by_the_tiers_of_cases(project):
    renew(project, "test_decode[0]/decode", numpy="1.0")
    renew(project, "test_decode[1]/decode", cores="64")
    # Rounds otherwise, and computes the same.
    project.edit("test_vae.py", "latents @ latents.T * 0.1", "(latents * 0.1) @ latents.T")
    done = project.pytest("test_vae.py", "-k", "decode")
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "test_decode[1]/decode: incomparable (across devices" in done.stdout
    assert "add `tolerance: {across_devices: …}`" in done.stdout
    project.edit("test_vae.py", 'name="decode"', 'name="decode", tolerance={"across_devices": "calibrated"}')
    assert project.pytest("test_vae.py", "-k", "decode").returncode == 0
    project.edit("test_vae.py", "* 0.1)", "* 0.1001)")
    moved = project.pytest("test_vae.py", "-k", "decode")
    assert moved.stdout.count("outside their limits") >= 2, moved.stdout
    assert "test_decode[0]/decode: drift (across releases" in moved.stdout
    assert "test_decode[1]/decode: drift (across devices" in moved.stdout


# By day: operations/test_calibration_run.py.
@pytest.mark.slow
def test_another_number_of_members_is_measured_again(project):
    first = stored(project)
    name = "__drift__/test_vae/test_decode[0]/decode/cpu"
    project.edit("test_vae.py", 'name="decode"', 'name="decode", members=4')
    done = project.pytest("test_vae.py::test_decode[0]", "--harness-record")
    assert done.returncode == 0, done.stdout
    assert {each for each, data in stored(project).items() if data != first[each]} == {f"{name}.json"}
    document = json.loads(stored(project)[f"{name}.json"])
    assert document["calibration"]["members"] == [1, 2, 3, 4]
    assert document["provenance"] == json.loads(first[f"{name}.json"])["provenance"]


PAGE = (Path(__file__).parents[2] / "docs" / "drift-fixture.md").read_text()


# MindSpore starts in eight processes; by day test_in_force.py has the settings, and the tests above the rest.
@pytest.mark.slow
def test_the_examples_of_the_page_run_and_mindspore_needs_its_settings(tmp_path):
    project = Project(tmp_path / "project")
    files = dict(re.findall(r'^```python title="(\S+)"\n(.*?)^```', PAGE, flags=re.MULTILINE | re.DOTALL))
    assert files.keys() == {"test_vae.py", "conftest.py", "test_tokens.py"}
    commands = re.findall(r"^\$ pytest (.*)$", PAGE, flags=re.MULTILINE)
    (project.root / "test_tokens.py").write_text(files["test_tokens.py"])
    tokens = project.pytest("test_tokens.py", "--harness-record")
    assert tokens.returncode == 0, tokens.stdout

    # The tests that ran before in this process may have applied the profile.
    for name in Profile().environment():
        project.environment.pop(name, None)
    (project.root / "test_vae.py").write_text(files["test_vae.py"])
    loose = project.pytest("test_vae.py")
    assert loose.returncode == 1
    assert "not established how MindSpore rounds in this process: ONEDNN_MAX_CPU_ISA is not" in loose.stdout
    assert "pin() was not called before mindspore was imported" in loose.stdout
    # The lines that it prints are those of the page.
    printed = re.search(r"^  \|( +import harness.*?pin\(\))$", loose.stdout, re.MULTILINE | re.DOTALL)
    assert printed
    lines = [line.removeprefix("  |").strip() for line in printed[1].splitlines()]
    assert lines == files["conftest.py"].splitlines()

    (project.root / "conftest.py").write_text(files["conftest.py"])
    done = project.pytest(*shlex.split(commands[0]))
    assert done.returncode == 0, done.stdout
    passing = project.pytest(*shlex.split(commands[1]))
    assert passing.returncode == 0, passing.stdout
    document = json.loads((project.root / "__drift__/test_vae/test_decode/decode/cpu.json").read_text())
    fingerprint = document["fingerprint"]
    assert (fingerprint["cores"], fingerprint["mode"]) == ("1", "pynative")
    assert fingerprint["profile"].startswith("cpu: oneDNN ISA at most AVX2, one core")
    assert document["calibration"]["metrics"]["relative_l2"] > 0


FOUND = """\
import os
from pathlib import Path

import harness

found = (sorted(os.sched_getaffinity(0)), os.environ.get("ONEDNN_MAX_CPU_ISA"))
Path(f"found-{os.getpid()}").write_text(repr(found))
harness.pin()
"""


@pytest.mark.slow
def test_each_process_finds_the_cores_and_the_variables_that_pytest_was_given(tmp_path):
    project = Project(tmp_path / "project")
    (project.root / "conftest.py").write_text(FOUND)
    (project.root / "test_grouped.py").write_text(GROUPED)
    project.environment["ONEDNN_MAX_CPU_ISA"] = "SSE41"
    done = project.pytest("test_grouped.py", "-n1", "--harness-record")
    assert done.returncode == 0, done.stdout
    found = [path.read_text() for path in project.root.glob("found-*")]
    # Of the controlling process, its worker, and two fresh runs.
    assert found == [repr((sorted(os.sched_getaffinity(0)), "SSE41"))] * 4
