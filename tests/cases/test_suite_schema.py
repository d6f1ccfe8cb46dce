"""The published JSON Schema: up to date, and of one mind with the loader wherever JSON Schema can be."""

from __future__ import annotations

import json
import operator
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.cases import schema
from harness.cases.load import load_suite
from harness.cases.problems import SuiteError
from harness.cases.tolerance import Tolerance

CASE: dict[str, Any] = {"id": "a", "pipeline": "x:y", "seed": 0, "steps": 1}
PUBLISHED: dict[str, Any] = json.loads(schema.SCHEMA_PATH.read_text())
VALIDATOR = Draft202012Validator(PUBLISHED)


def test_the_published_file_is_up_to_date() -> None:
    # Otherwise: python -m harness.cases.schema --write
    assert schema.suite_schema() == PUBLISHED
    Draft202012Validator.check_schema(schema.suite_schema())


def test_printing_and_writing_give_the_same_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.main([])
    monkeypatch.setattr(schema, "SCHEMA_PATH", tmp_path / "suite.schema.json")
    schema.main(["--write"])
    assert (tmp_path / "suite.schema.json").read_text() == capsys.readouterr().out


def test_the_module_runs_as_a_command() -> None:
    command = [sys.executable, "-m", "harness.cases.schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (json.loads(printed.stdout), printed.stderr) == (PUBLISHED, "")


def properties(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key that the schema knows, with what it says about the key's value."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part):
        if name == "properties":
            yield from value.items()
        if isinstance(value, dict | list):
            yield from properties(value)


def test_every_key_has_a_description() -> None:
    keys = list(properties(PUBLISHED))
    assert {"suite", "id", "psnr", "across_devices", "seeds", "calibrated", "factor"} <= {k for k, _ in keys}
    assert [key for key, value in keys if not value.get("description")] == []


ACCEPTED = [
    {},
    {"pipeline": "ddim", "checkpoint": "builtin:ddpm-digits"},
    {"pipeline": "ddpm", "checkpoint": "seeded:ddpm-cifar10-32-random"},
    {"pipeline": "mindone:DDIMPipeline", "checkpoint": "hub:google/ddpm-cifar10-32@v1.0"},
    {"checkpoint": "../weights/my model"},
    {"checkpoint": "./with:colon"},
    {"arguments": {"eta": 1, "x": [None, {"y": "z"}]}},
    {"dtype": "bfloat16"},
    {"dtype": "float16", "mode": "graph", "keep": "latents", "strict": True, "tags": ["nightly"]},
    {"tolerance": {"same_environment": {"max_abs": 0}, "across_releases": "exact", "across_devices": None}},
    {"tolerance": {"same_environment": "calibrated", "across_releases": None}},
    {"tolerance": {"across_releases": {"calibrated": {}}, "across_devices": {"calibrated": {"factor": 1}}}},
    {"tolerance": {"across_devices": {"statistics": 1e-5, "ssim": 1, "psnr": 50.5}}},
    {"tolerance": {"across_devices": {"statistics": {"mean": 1e-5}}}},
    {
        "pipeline": "ddim",
        "checkpoint": "builtin:ddpm-digits",
        "mode": "graph",
        "jit": {"level": "O1", "exec_order": "dfs"},
    },
    {
        "pipeline": "ddpm",
        "checkpoint": "builtin:ddpm-digits",
        "mode": "graph",
        "jit": {"infer_boost": True},
    },
    {"isolate": True},
    {"repeat": False},
    {"repeat": True},
    {"timeout": 20},
    {"computed_parameters": ["unet/*to_q.weight", "vae/?[ab].*"]},
    {"computed_parameters": []},
    {"steps": None, "parametrize": {"steps": [1, 2], "dtype": ["float32"], "mode": ["graph"]}},
    {"seed": None, "parametrize": {"seeds": [[0, 1], [2]]}},
    {"parametrize": {"checkpoint": ["a/b", "builtin:ddpm-digits"], "arguments.x": [None, {"file": "a.png"}]}},
    {
        "pipeline": "mindone:DDIMPipeline",
        "checkpoint": "a/b",
        "parametrize": {
            "scheduler": ["DDIMScheduler"],
            "scheduler_arguments": [{}, {"beta_end": 0.1}],
        },
    },
    {"seed": None, "seeds": [0, 1], "batch_consistency": {"relative_l2": 1e-6}},
]

REFUSED = [
    {"stpes": 2},
    {"id": "a/b"},
    {"id": 1},
    {"steps": 0},
    {"steps": "2"},
    {"steps": True},
    {"seed": -1},
    {"seed": 2**64},
    {"seeds": [1]},
    {"seed": None, "seeds": []},
    {"pipeline": "ddmi"},
    {"pipeline": "os.system"},
    {"checkpoint": "builtin:nothing"},
    {"checkpoint": "hub:google/ddpm-cifar10-32"},
    {"checkpoint": "hf:google/ddpm"},
    {"checkpoint": ""},
    {"arguments": [1]},
    {"arguments": {"generator": 1}},
    {"arguments": {"a-b": 1}},
    {"dtype": "float8"},
    {"mode": "eager"},
    {"mode": "graph", "jit": {"level": "O3"}},
    {"mode": "graph", "jit": {"level": 1}},
    {"mode": "graph", "jit": {"infer_boost": "on"}},
    {"mode": "graph", "jit": {"fullgraph": True}},
    {"mode": "graph", "jit": "O1"},
    {"keep": True},
    {"strict": "yes"},
    {"isolate": 1},
    {"repeat": "no"},
    {"timeout": 0},
    {"computed_parameters": "unet/*"},
    {"computed_parameters": [1]},
    {"computed_parameters": [""]},
    {"computed_parameters": [" "]},
    {"timeout": "20"},
    {"timeout": True},
    {"timeout": 1000001},
    {"tags": ["a b"]},
    {"tags": ["skip"]},
    {"tags": "nightly"},
    {"tolerance": "exact"},
    {"tolerance": {"same_environment": None}},
    {"tolerance": "calibrated"},
    {"tolerance": {"calibrated": {"factor": 3}}},
    {"tolerance": {"across_releases": "calibrate"}},
    {"tolerance": {"across_releases": {"factor": 3}}},
    {"tolerance": {"across_releases": {"calibrated": 3}}},
    {"tolerance": {"across_releases": {"calibrated": True}}},
    {"tolerance": {"across_releases": {"calibrated": {"factor": 0.5}}}},
    {"tolerance": {"across_releases": {"calibrated": {"factor": 101}}}},
    {"tolerance": {"across_releases": {"calibrated": {"factor": "3"}}}},
    {"tolerance": {"across_releases": {"calibrated": {"members": 8}}}},
    {"tolerance": {"across_releases": {"calibrated": {"factor": 3}, "psnr": 40}}},
    {"tolerance": {"across_releases": {}}},
    {"tolerance": {"across_releases": {"relative_l2": -1}}},
    {"tolerance": {"across_releases": {"relative_l2": None, "psnr": 1}}},
    {"tolerance": {"across_releases": {"ssim": 1.5}}},
    {"tolerance": {"across_releases": {"statistics": {}}}},
    {"seed": None, "seeds": [0, 1], "batch_consistency": "calibrated"},
    {"seed": None, "seeds": [0, 1], "batch_consistency": {"calibrated": {}}},
    {"parametrize": {}},
    {"parametrize": {"dtype": []}},
    {"parametrize": {"eta": [1]}},
    {"parametrize": {"arguments.x": []}},
    {"parametrize": {"arguments.generator": [1]}},
    {"parametrize": {"scheduler_arguments.if": [1]}},
    {"parametrize": {"arguments.a.b": [1]}},
    {"parametrize": {"checkpoint": ["builtin:none"]}},
    {"seed": None, "parametrize": {"seed": [1], "seeds": [[2]]}},
]


def written(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a suite of one case: CASE with ``changes``, where None takes a key away."""
    return {"suite": "s", "cases": [{k: v for k, v in {**CASE, **changes}.items() if v is not None}]}


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_schema_and_loader_accept(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(written(changes)))
    load_suite(path)
    VALIDATOR.validate(written(changes))


@pytest.mark.parametrize("changes", REFUSED, ids=str)
def test_schema_and_loader_refuse(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(written(changes)))
    with pytest.raises(SuiteError):
        load_suite(path)
    assert not VALIDATOR.is_valid(written(changes))


numbers = st.integers(-2, 3) | st.floats(-2, 2)
leaves = numbers | st.sampled_from(["exact", "calibrated", "3"]) | st.booleans() | st.none()
calibrated = st.dictionaries(st.just("calibrated"), st.dictionaries(st.just("factor"), leaves) | leaves)
limits = st.dictionaries(
    st.sampled_from(["max_abs", "psnr", "ssim", "statistics", "factor", "exact", "l2"]),
    leaves | st.dictionaries(st.just("mean"), leaves),
    max_size=2,
)
tiers = leaves | calibrated | limits | st.builds(operator.or_, calibrated, limits) | st.lists(leaves)
tolerances = st.dictionaries(
    st.sampled_from([*Tolerance.model_fields] * 3 + ["calibrated", "psnr"]), tiers, max_size=2
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tolerances)
def test_schema_and_loader_are_of_one_mind_about_any_tolerance(
    tmp_path: Path, tolerance: dict[str, Any]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(written({"tolerance": tolerance})))
    try:
        load_suite(path)
        loaded = True
    except SuiteError:
        loaded = False
    assert VALIDATOR.is_valid(written({"tolerance": tolerance})) == loaded


@pytest.mark.parametrize(
    "content", [{}, {"suite": "s"}, {"suite": "s", "cases": []}, {"suite": "A", "cases": [CASE]}]
)
def test_schema_and_loader_refuse_the_suite(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SuiteError):
        load_suite(path)
    assert not VALIDATOR.is_valid(content)
