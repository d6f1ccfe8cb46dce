"""libyaml is there for its speed: whichever of the two parsers reads a file, the same comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.cases import document
from harness.cases.document import read_document
from harness.cases.problems import SuiteError

SOUND = """\
suite: s  # a comment
defaults: {checkpoint: "builtin:ddpm-digits", seed: &seed 0}
cases:
  - id: 'a'
    pipeline: ddim
    description: |
      several
      lines
    arguments: {eta: 1e-3, other: *seed}
    tags: [nightly, é😀]
"""
PIECES = [
    *[
        "a",
        "1e-6",
        "null",
        "é",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "b: ",
        ": ",
        ":",
        ", ",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
    ],
    *[" #", "&x ", "*x", "!t ", "|\n", ">-\n  ", "? ", "?", "%", "@", "---\n", "...\n", "%YAML 1.2\n", "\t"],
    *["\r\n", "\r", "\x85", "\u2028", "\ufeff", "\x00", "\\U0001F600", "\U0001f600", "\\", "~", "<<: *x", ""],
]


def read(folder: Path, text: str) -> Any:
    """Return what is read of ``text``, or what is wrong with it."""
    path = folder / "s.yaml"
    path.write_bytes(text.encode())
    try:
        found = read_document(path)
    except SuiteError as error:
        return str(error)
    return found.value, found.keys, found.values, found.unquoted, list(map(str, found.problems))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.tuples(st.integers(0, len(SOUND)), st.integers(0, 6), st.sampled_from(PIECES)).map(
        lambda edit: SOUND[: edit[0]] + edit[2] + SOUND[edit[0] + edit[1] :]
    )
)
@example(SOUND)
@example("[" * 40 + "]" * 40)
@example("a: &x [*x]")
@example("a: '?' # !")
def test_both_parsers_read_the_same(tmp_path, monkeypatch, text):
    with monkeypatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        slowly = read(tmp_path, text)
    assert read(tmp_path, text) == slowly


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_a_sound_suite_is_read_by_libyaml(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "_PythonComposer", None)
    assert read(tmp_path, SOUND)[0]["suite"] == "s"
