"""Soaking cases for real: what is proven adds up beside the baseline, and planted flakes are explained."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
from user_project import Project

TESTS = Path(__file__).parents[1]
DEFAULTS = "defaults: {pipeline: flaky_pipelines:sound, seed: 0, steps: 3}"


def suite(*cases: str) -> str:
    return "\n".join(["suite: flaky", DEFAULTS, "cases:", *(f"  - {each}" for each in cases), ""])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    shutil.copy(TESTS / "flaky_pipelines.py", made.root)
    return made


def soaked(project: Project, *arguments: str, code: int) -> tuple[str, list[dict]]:
    result = project.root / "soak.json"
    done = project.harness("soak", "suites/", "--json", str(result), *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, json.loads(result.read_text())["cases"]


def test_runs_of_a_sound_case_add_up_beside_its_baseline(project: Project) -> None:
    project.suite("flaky", suite("{id: sound}"))
    project.keep_baselines()
    stored = project.root / "baselines" / "flaky" / "sound"
    before = (stored / "cpu.json").read_bytes()
    text, (case,) = soaked(project, "--runs", "30", code=0)
    assert (case["runs"], case["stored"]) == ({"runs": 30, "deviating": 0}, True)
    assert case["bound"] == pytest.approx(1 - 0.05 ** (1 / 30))
    assert "30 runs in" in text
    assert "all with the bits of the baseline" in text
    # 59 runs prove 5 %, and 30 are there.
    _, (case,) = soaked(project, code=0)
    assert (case["runs"]["runs"], case["all_runs"]["runs"]) == (29, 59)
    assert 0.049 < case["bound"] <= 0.05
    record = json.loads((stored / "cpu.soak.json").read_text())
    assert record["streams"] == {"0": 59}
    assert sum(each["runs"] for each in record["tallies"]["load"].values()) == 59
    assert (stored / "cpu.json").read_bytes() == before
    # It is no baseline of a device called cpu.soak.
    assert "cpu.soak" not in project.harness("list", "suites/").stdout
    shown = project.command("show", "suites/").stdout
    assert "59 runs, the last on 20" in shown
    assert "at most 4.95 % of all runs deviate (95 % confidence)" in shown
    text, (case,) = soaked(project, code=0)
    assert case["runs"]["runs"] == 0
    assert "flaky/sound: proven" in text
    _, (case,) = soaked(project, "--anew", "--runs", "3", code=0)
    assert case["all_runs"]["runs"] == 3


def test_a_damaged_record_fails_its_case_alone_and_is_kept(project: Project) -> None:
    project.suite("flaky", suite("{id: damaged}", "{id: sound}"))
    project.keep_baselines()
    path = project.root / "baselines" / "flaky" / "damaged" / "cpu.soak.json"
    path.write_text("{}")
    _, (damaged, sound) = soaked(project, "--runs", "2", code=2)
    assert "cpu.soak.json: its content does not match its seal; remove it" in damaged["failure"]
    assert sound["all_runs"]["runs"] == 2
    assert path.read_text() == "{}"


def test_without_a_baseline_the_first_run_is_the_reference(project: Project) -> None:
    project.suite("flaky", suite("{id: sound}"))
    text, (case,) = soaked(project, "--runs", "5", code=0)
    assert (case["runs"]["runs"], case["stored"]) == (5, False)
    assert "all with the bits of the first one" in text
    assert "there is no baseline of flaky/sound for cpu; record it: harness record" in case["unstored"]
    assert not list(project.root.rglob("*.soak.json"))


FLAKES = {
    "warm": ("process", "warm"),
    "after_sound": ("before", "flaky/sound"),
    "loaded": ("load", "busy"),
}


@pytest.mark.parametrize("flake", FLAKES)
def test_the_setting_and_the_cell_of_a_flake_are_named(flake: str, project: Project) -> None:
    # In this order, so that the baseline of the first is not itself of a run after the other.
    others = ["{id: sound}"] if flake == "after_sound" else []
    project.suite("flaky", suite(f"{{id: flaky, pipeline: flaky_pipelines:{flake}}}", *others))
    project.keep_baselines()
    text, (flaky, *sound) = soaked(project, "--runs", "40", code=1)
    assert [each["deviation"] for each in sound] == [None] * len(others)
    found = flaky["deviation"]["explained"]
    setting, level = FLAKES[flake]
    first = found["associations"][0]
    assert (first["setting"], first["level"]) == (setting, level), text
    assert f"it goes with {setting}: {level}" in text
    assert flaky["deviation"]["difference"] == {"part": "step", "at": 0}
    assert (found["cell"]["path"], found["cell"]["operator"]) == ("model.middle", "Flaky")
    assert "first cell that gives other bits on the same inputs" in text
    assert flaky["all_runs"]["deviating"] == 1


def test_a_deviation_stays_known_until_it_is_forgotten(project: Project) -> None:
    project.suite("flaky", suite("{id: warm, pipeline: flaky_pipelines:warm}"))
    project.keep_baselines()
    soaked(project, "--runs", "5", "--explain-runs", "0", code=1)
    path = project.root / "flaky_pipelines.py"
    path.write_text(path.read_text().replace('lambda now: "warm" in now.earlier', "lambda _: False"))
    text, (case,) = soaked(project, "--runs", "5", code=1)
    assert case["deviation"] is None
    assert (case["runs"]["deviating"], case["all_runs"]["deviating"]) == (0, 1)
    assert "deviated  flaky/warm: an earlier run gave other bits; 5 runs in" in text
    text, (case,) = soaked(project, "--runs", "5", "--anew", code=0)
    assert case["all_runs"] == {"runs": 5, "deviating": 0}


@pytest.mark.slow
def test_a_flake_by_chance_goes_with_no_setting(project: Project) -> None:
    project.environment["TEST_ONE_IN"] = "20"
    project.suite("flaky", suite("{id: rare, pipeline: flaky_pipelines:rare, steps: 2}"))
    # One of 20 cells, two of them in a run: 200 runs miss it once in 10^8.
    text, (case,) = soaked(project, "--runs", "200", "--explain-runs", "40", code=1)
    found = case["deviation"]["explained"]
    assert not [each for each in found["associations"] if each["p_value"] < 1e-4]
    assert "it goes with no setting that was drawn" in text
    assert found["cell"] is not None, text
    assert (found["cell"]["path"], found["cell"]["operator"]) == ("model.middle", "Flaky")
    assert "1 of" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flake", "seeds", "sound_seeds", "runs"),
    [("once_in_a_thousand", "[0]", None, 1100), ("in_three", "[0, 1, 2]", "[0, 1]", 60)],
)
def test_a_rare_flake_is_found_with_its_cell(
    flake: str, seeds: str, sound_seeds: str | None, runs: int, project: Project
) -> None:
    project.environment["TEST_CALLS"] = str(project.root / "calls")
    case = f"pipeline: flaky_pipelines:{flake}, steps: 1"
    others = [f"{{id: pair, {case}, seeds: {sound_seeds}}}"] if sound_seeds else []
    project.suite("flaky", suite(f"{{id: flaky, {case}, seeds: {seeds}}}", *others).replace("seed: 0, ", ""))
    project.keep_baselines()
    text, (flaky, *sound) = soaked(project, "--runs", str(runs), "--explain-runs", "220", code=1)
    assert flaky["runs"]["runs"] <= runs
    assert [each["deviation"] for each in sound] == [None] * len(others)
    found = flaky["deviation"]["explained"]
    # How rare it is does not depend on what is drawn.
    assert "it goes with no setting that was drawn" in text
    assert (found["cell"]["path"], found["cell"]["operator"]) == ("model.middle", "Flaky"), text


def test_a_case_that_cannot_run_is_named_and_the_others_are_soaked(project: Project) -> None:
    project.suite("flaky", suite("{id: absent, pipeline: flaky_pipelines:absent}", "{id: sound}"))
    text, (absent, sound) = soaked(project, "--runs", "3", code=2)
    assert "absent" in absent["failure"]
    assert sound["runs"]["runs"] == 3
    assert "1 without a deviation, 1 failed" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--bound", "0"), "a bound of 0 is no share of the runs"),
        (("--bound", "nan"), "a bound of nan is no share of the runs"),
        (("--confidence", "1"), "a confidence of 1: give one from 0.5 to below 1"),
        (("--runs", "0"), "0 runs prove nothing: give 1 or more"),
        (("--seed", "-1"), "seed -1: give 0 or more"),
        (("--explain-runs", "-1"), "-1 runs to explain a deviation: give 0 or more"),
    ],
)
def test_demands_that_make_no_sense_are_refused(
    arguments: tuple[str, str], told: str, project: Project
) -> None:
    project.suite("flaky", suite("{id: sound}"))
    done = project.command("soak", "suites/", *arguments)
    assert (done.returncode, told in done.stderr) == (4, True), done.stderr


def test_a_soak_of_more_than_a_day_says_so_before_it_starts(project: Project) -> None:
    project.suite("flaky", suite("{id: sound}"))
    done = project.harness("soak", "suites/", "--bound", "1e-8")
    assert done.returncode == 4
    assert "runs would take about" in done.stderr
    assert "most of them for flaky/sound" in done.stderr


def test_an_interrupted_soak_keeps_the_runs_that_are_finished(project: Project) -> None:
    project.suite("flaky", suite("{id: sound}"))
    project.keep_baselines()
    soaking = project.started("harness", "soak", "suites/", "--runs", "5000")
    assert "at most 5000 runs" in soaking.stdout.readline()
    time.sleep(6)
    soaking.send_signal(signal.SIGINT)
    out, _ = soaking.communicate(timeout=60)
    assert soaking.returncode == 130, out
    assert "the runs that are finished are stored with their baselines" in out
    record = json.loads((project.root / "baselines" / "flaky" / "sound" / "cpu.soak.json").read_text())
    assert 0 < record["runs"]["runs"] < 5000
    assert record["streams"] == {"0": record["runs"]["runs"]}
