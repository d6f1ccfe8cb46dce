"""Each finding of docs/findings.md still holds: its code is run by itself, and prints what the page shows."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.execution.profile import Profile

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text()
_PAIR = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```\n", flags=re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<!\w)([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)(?!\w)")
# What importing mindone prints besides, before the code says a word.
_IMPORTING = re.compile("^\N{POLICE CARS REVOLVING LIGHT} .*\n", flags=re.MULTILINE)


class Finding(NamedTuple):
    title: str
    code: str
    shown: str


def sections():
    """Return each finding of the page as its title and its text."""
    return re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)


def findings():
    return [Finding(title, *pair) for title, text in sections() for pair in _PAIR.findall(text)]


def differences(shown, printed):
    """Return what does not agree, as pairs of shown and printed; spaces do not count.

    A number with a point or an exponent agrees within one unit of the last digit shown, or within 1e-6 of
    itself where that is more: processors differ there. Any other is a word.
    """
    shown_parts, printed_parts = (
        [part.strip() for part in _NUMBER.split(" ".join(text.split())) if part.strip()]
        for text in (shown, printed)
    )
    if len(shown_parts) != len(printed_parts):
        return [(shown, printed)]
    return [(a, b) for a, b in zip(shown_parts, printed_parts, strict=True) if not _agree(a, b)]


def _agree(shown, printed):
    if shown == printed:
        return True
    if not all(_NUMBER.fullmatch(text) for text in (shown, printed)) or not re.search(r"[.e]", shown):
        return False
    mantissa, _, exponent = shown.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    # 1 + 1e-9: the unit itself is within, whatever its float is.
    return abs(float(shown) - float(printed)) <= max(unit * (1 + 1e-9), 1e-6 * abs(float(shown)))


def run(code, folder):
    """Run ``code`` as a script in a process of its own, and return what it printed."""
    script = folder / "finding.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env={**os.environ, **Profile().environment()},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"the code of the finding failed:\n{done.stderr}"
    return _IMPORTING.sub("", done.stdout)


@pytest.mark.slow
@pytest.mark.mindone
@pytest.mark.parametrize("finding", findings(), ids=lambda finding: finding.title)
def test_the_finding_still_holds(finding, tmp_path):
    if finding.title.endswith(" on aarch64") and platform.machine() != "aarch64":
        pytest.skip("it is about another architecture; tests/acceptance/test_aarch64.py runs it there")
    printed = run(finding.code, tmp_path)
    off = differences(finding.shown, printed)
    installed = ", ".join(f"{name} {version(name)}" for name in ("mindspore", "mindone"))
    assert not off, (
        f"under {installed} the finding {finding.title!r} no longer holds as docs/findings.md has it. If it "
        "is mended, say since when, and see what rests on it (harness.kernels, docs/mindone.md).\n"
        f"Shown, printed: {off}\n{printed}"
    )


def test_every_finding_has_code_and_what_it_prints():
    counts = {title: (text.count("```python\n"), len(_PAIR.findall(text))) for title, text in sections()}
    assert len(counts) >= 15
    assert set(counts.values()) == {(1, 1)}, counts
    assert PAGE.count("```python") == len(counts)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("[0.5  1.   1.5]", "[0.5 1.  1.5]\n"),
        ("relative error 4.7e-05", "relative error 4.8e-05"),
        ("1.0000064", "1.0000071"),
        ("input1.shape[2] nan", "input1.shape[2] nan"),
    ],
    ids=["spaces", "last digit", "six digits", "words"],
)
def test_what_agrees(shown, printed):
    assert not differences(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("relative error 4.7e-05", "relative error 4.9e-05"),
        ("relative error 4e-04", "relative error 4e-07"),
        ("1.0000064", "0.9999074"),
        ("[998 874]", "[999 874]"),
        ("the same: False", "the same: True"),
        ("0.16 nan nan", "0.16 0.0 0.0"),
        ("RuntimeError: Trunc", "trunc [3 -3]"),
        ("[1. 2.]", "[1. 2.]\n[3. 4.]"),
        ("floor [3 -4]\ntrunc [3 -3]", "floor [3 -4]"),
        ("-0.5", "0.5"),
    ],
    ids=[
        "digits",
        "magnitude",
        "mended",
        "integer",
        "word",
        "nan",
        "error",
        "line more",
        "line less",
        "sign",
    ],
)
def test_what_does_not_agree(shown, printed):
    assert differences(shown, printed)
