"""The life of a baseline: missing, recorded, passing, drifting, explained, recorded again."""

import json
import re


def test_from_missing_to_recorded_to_drift_to_recorded_again(project):
    missing = project.pytest()
    assert missing.returncode == 1
    assert "harness record suites/small.yaml::one --baseline-dir baselines" in missing.stdout
    assert not (project.root / "baselines").exists()

    project.record()
    first = project.baselines()
    assert len(first) == 4
    passing = project.pytest("suites/", "--baseline-dir", "baselines", "-v")
    assert passing.returncode == 0, passing.stdout
    assert passing.stdout.count("IDENTICAL") == 2
    assert "2 identical" in passing.stdout
    assert project.baselines() == first

    project.edit("pipelines.py", "latents * 0.9", "latents * 0.9000001")
    drifting = project.pytest()
    assert drifting.returncode == 1
    assert "small/one: drift (same environment" in drifting.stdout
    assert "the latents differ from step 0 on" in drifting.stdout
    assert re.search(r"relative_l2 +\d", drifting.stdout)
    assert "Traceback" not in drifting.stdout
    assert project.baselines() == first

    refused = project.harness("record", "suites/")
    assert refused.returncode == 1
    assert "2 left unchanged" in refused.stdout
    assert "--reason" in refused.stdout
    assert "the latents after step 0" in refused.stdout
    assert project.baselines() == first

    project.record("--reason", "a new constant")
    assert project.pytest().returncode == 0
    (baseline,) = (project.root / "baselines" / "small" / "one").glob("*.json")
    provenance = json.loads(baseline.read_text())["provenance"]
    assert provenance["reason"] == "a new constant"
    assert provenance["replaced"] is not None


def test_recording_twice_changes_no_file(project):
    project.record()
    first = project.baselines()
    project.record("--reason", "nothing changed")
    assert project.baselines() == first


def test_a_stale_case_says_which_field_changed(project):
    project.record()
    project.edit("suites/small.yaml", "steps: 3", "steps: 4")
    done = project.pytest()
    assert done.returncode == 1
    assert "steps: 3 -> 4" in done.stdout
    assert "--reason" in done.stdout
    for options, code in (([], 0), (["--check"], 1)):
        listed = project.harness("list", "suites/", *options)
        assert listed.stdout.count("cpu: stale") == 2
        assert listed.returncode == code


def test_editing_the_seed_fails_that_case_only(project):
    project.record()
    project.edit("suites/small.yaml", "seed: 2", "seed: 3")
    done = project.pytest()
    assert "seeds: [2] -> [3]" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_editing_one_number_of_a_baseline_fails_that_case_only(project):
    project.record()
    path = project.root / "baselines" / "small" / "two" / "cpu.json"
    statistics = json.loads(path.read_text())["statistics"]
    value = repr(statistics["mean"])
    project.edit("baselines/small/two/cpu.json", value, value[:-1] + ("1" if value[-1] != "1" else "2"))
    done = project.pytest()
    assert "1 failed, 1 passed" in done.stdout
    assert "baselines/small/two/cpu.json" in done.stdout
    assert "edited" in done.stdout
    assert "cpu: damaged" in project.harness("list", "suites/").stdout


def test_a_damaged_array_names_its_file(project):
    project.record()
    path = project.root / "baselines" / "small" / "one" / "cpu.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = project.pytest()
    assert "1 failed, 1 passed" in done.stdout
    assert "baselines/small/one/cpu.safetensors" in done.stdout


def test_a_case_that_is_gone_leaves_an_orphan(project):
    project.record()
    project.edit("suites/small.yaml", "  - id: two\n    seed: 2\n    tags: [quick]\n", "")
    for arguments in (("suites/",), ("suites/", "-n", "2")):
        done = project.pytest(*arguments)
        assert done.returncode == 0, done.stdout
        assert "orphan: small/two/cpu.json" in done.stdout
    assert "orphan: baselines/small/two/cpu.json" in project.harness("list", "suites/").stdout
