"""No content of a file, however odd, ends in anything but a suite or a SuiteError with a place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.cases.entries import CaseEntry, SuiteEntry
from harness.cases.load import load_suite
from harness.cases.problems import SuiteError
from harness.cases.tolerance import CALIBRATED, Calibrated, Limits, Tolerance

SOUND = b"""\
suite: s
defaults: {checkpoint: "builtin:ddpm-digits", seed: &seed 0}
cases:
  - id: a
    pipeline: ddim
    steps: 2
    arguments: {eta: 1e-3, other: *seed}
    tags: [nightly]
"""
SHAPES = (CaseEntry, SuiteEntry, Tolerance, Limits, Calibrated)
KEYS = sorted({CALIBRATED, *(name for shape in SHAPES for name in shape.model_fields)})
VALUES = [
    "ddim",
    "s",
    "exact",
    "calibrated",
    "builtin:ddpm-digits",
    "hub:a/b@c",
    "float16",
    "graph",
    "a",
    0,
    1,
    2,
    1e-6,
    [0, 1],
]

scalars = (
    st.sampled_from(VALUES) | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
)
keys = st.sampled_from(KEYS) | st.text(max_size=5) | st.integers() | st.none()
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=30,
)

# The nightly reads thousands: campaigns/test_suites.py.
relaxed = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# What YAML 1.1, and so PyYAML's line numbers, counts as the end of a line.
LINE_ENDS = ("\n", "\r", "\x85", "\u2028", "\u2029")


def load(tmp_path: Path, content: bytes) -> None:
    """Load ``content``; whatever is wrong with it must be a SuiteError whose message can be printed."""
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(content)
    try:
        suite = load_suite(path)
    except SuiteError as error:
        check_error(error, content)
        return
    for case in suite.cases:
        json.dumps(case.job().to_wire())
        assert len(case.hash()) == 64


def check_error(error: SuiteError, content: bytes) -> None:
    lines = 1 + sum(content.count(end.encode()) for end in LINE_ENDS)
    assert error.problems
    for problem in error.problems:
        assert problem.line is not None
        assert problem.column is not None
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message.isprintable()
    str(error).encode()


@relaxed
@given(st.binary(max_size=200))
@example(b"%YAML " + b"9" * 5000 + b".1\n---\na")
@example(b'"\\UFFFFFFFF"')
@example(b'"\\ud800": "\\udfff"')
@example(b"!<!> a")
@example(b"!%FF a")
@example(b"a: &a\n b: *a")
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    load(tmp_path, content)


@relaxed
@given(st.text(alphabet="suite:cas- \n\t{}[]&*!|>'\"%@`#?,~0.1e\\xU\u2028é\x85", max_size=60))
def test_any_text_of_yaml_characters(tmp_path: Path, text: str) -> None:
    load(tmp_path, text.encode())


@relaxed
@given(st.data())
def test_a_sound_suite_with_damage(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 6, len(content))))
        content[start:stop] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"\t", b"- ", b": ", b"&a ", b"*a", b"!!x "])
        )
    load(tmp_path, bytes(content))


@relaxed
@given(trees)
def test_any_tree(tmp_path: Path, tree: Any) -> None:
    load(tmp_path, yaml.safe_dump(tree, allow_unicode=True).encode())


@relaxed
@given(st.dictionaries(st.sampled_from(sorted(CaseEntry.model_fields)), trees, max_size=8), trees)
def test_any_case(tmp_path: Path, case: dict[str, Any], defaults: Any) -> None:
    complete = {"id": "a", "pipeline": "x:y", "seed": 0, "steps": 1}
    for cases in ([case], [{**complete, **case}]):
        load(tmp_path, yaml.safe_dump({"suite": "s", "defaults": defaults, "cases": cases}).encode())
        load(tmp_path, yaml.safe_dump({"suite": "s", "cases": cases}).encode())


def test_the_sound_suite_is_sound(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes(SOUND)
    assert len(load_suite(tmp_path / "s.yaml").cases) == 1


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    for tag in ("!!python/object/apply:pathlib.Path.touch", "!!python/object/new:pathlib.Path.touch"):
        path = tmp_path / "evil.yaml"
        path.write_text(f"suite: {tag} [{trap}]\n")
        with pytest.raises(SuiteError, match="is not read; remove it"):
            load_suite(path)
    assert not trap.exists()
