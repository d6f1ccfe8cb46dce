"""docs/mindone-kernels.md lists exactly the kernels that there are."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "mindone-kernels.md"


def test_the_table_lists_the_kernels_and_no_others(mindspore):
    from harness.kernels import KERNELS, TABLE_ADDRESS

    text = PAGE.read_text()
    assert PAGE.match(TABLE_ADDRESS)
    table = text.split("<!-- kernels -->")[1].split("<!-- end of kernels -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "| `" in line]
    assert {row[0].strip("`"): row[2] for row in rows} == {
        name: kernel.computed for name, kernel in KERNELS.items()
    }
    for row in rows:
        for function in KERNELS[row[0].strip("`")].serves:
            assert f"`{function}`" in row[1]
