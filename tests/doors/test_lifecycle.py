"""The life of a baseline: missing, recorded, passing, drifting, explained, recorded again."""

import json
import re

from user_project import Project


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


def test_recording_again_changes_no_file(kept):
    first = kept.baselines()
    kept.record("--reason", "nothing changed")
    assert kept.baselines() == first


CHANGED = """\
suite: changed
defaults: {pipeline: "pipelines:sound", seed: 0}
cases:
  - {id: sound, steps: 2}
  - {id: stale, steps: 3}
  - {id: reseeded, steps: 4, seed: 2}
  - {id: edited, steps: 5}
  - {id: damaged, steps: 6}
  - {id: gone, steps: 7}
"""


def test_each_change_fails_its_own_case_only_and_is_named(tmp_path):
    project = Project(tmp_path / "project")
    project.suite("changed", CHANGED)
    project.keep_baselines()
    project.edit("suites/changed.yaml", "steps: 3", "steps: 8")
    project.edit("suites/changed.yaml", "seed: 2", "seed: 3")
    project.edit("suites/changed.yaml", "  - {id: gone, steps: 7}\n", "")
    name = "baselines/changed/edited/cpu.json"
    value = repr(json.loads((project.root / name).read_text())["statistics"]["mean"])
    project.edit(name, value, value[:-1] + ("1" if value[-1] != "1" else "2"))
    path = project.root / "baselines" / "changed" / "damaged" / "cpu.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    found = project.compare("suites/", "-n", "1")
    assert found.returncode == 1
    failed = ("stale", "reseeded", "edited", "damaged")
    assert found.verdicts == {"changed/sound": "identical", **{f"changed/{each}": "error" for each in failed}}
    stale, reseeded, edited, damaged = (found.explanation(f"changed/{each}") for each in failed)
    assert "steps: 3 -> 8" in stale
    assert "--reason" in stale
    assert "seeds: [2] -> [3]" in reseeded
    assert name in edited
    assert "edited by hand" in edited
    assert "baselines/changed/damaged/cpu.safetensors" in damaged
    assert "orphan: changed/gone/cpu.json" in found.text
    for options, code in (([], 0), (["--check"], 1)):
        listed = project.command("list", "suites/", *options)
        assert listed.stdout.count("cpu: stale") == 2
        assert listed.stdout.count("cpu: damaged") == 2
        assert "orphan: baselines/changed/gone/cpu.json" in listed.stdout
        assert listed.returncode == code
