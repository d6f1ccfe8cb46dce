"""The table of platforms in docs/aarch64.md is the one that its data gives."""

from pathlib import Path

import pytest

from benchmarks.platforms import read_rows, table_lines

ROOT = Path(__file__).parents[2]
ROWS = read_rows(ROOT / "benchmarks" / "platforms.jsonl")


def lines(rows):
    """The table's lines, without the sentence about the cases that it lacks: these become more."""
    return [line for line in table_lines(rows, []) if line and not line.startswith("The table holds")]


def test_the_page_shows_what_was_measured():
    page = (ROOT / "docs" / "aarch64.md").read_text()
    assert len(ROWS) > 50
    for line in lines(ROWS):
        assert line in page, "python -m benchmarks.platforms table benchmarks/platforms.jsonl --write …"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"verdict": "drift", "scaled": 1.5}, "a/b on x86-64, SSE4.1 would need 7.5 (max_abs)."),
        ({"scaled": 0.5}, "For 1 of 1 comparisons a factor of 2.5 would have been enough"),
        ({"isa": "SVE_512", "arch": "aarch64"}, "aarch64, SVE, 512 bits"),
    ],
)
def test_what_a_row_says_is_in_the_table(change, told):
    row = {
        "arch": "x86_64", "isa": "SSE41", "cpu_model": "a", "cores": "1", "release": "2.10.0", "case": "a/b",
        "baseline": "cpu", "verdict": "within", "tier": "across_devices", "share": 0.2, "scaled": 0.1,
        "figure": "max_abs",
    }  # fmt: skip
    assert told in "\n".join(table_lines([{**row, **change}], []))
