"""A table that a script makes replaces the one between its marks, and nothing else of the page."""

from pathlib import Path

import pytest

from benchmarks.pages import write_between

PAGE = "before\n<!-- a -->\nold\n<!-- end -->\nbetween\n<!-- b -->\nold, too\n<!-- end -->\nafter\n"


@pytest.mark.parametrize("mark", ["a", "b"])
def test_only_the_table_between_its_marks_is_replaced(tmp_path: Path, mark: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    write_between(page, f"<!-- {mark} -->", "<!-- end -->", "| new |")
    assert page.read_text() == PAGE.replace("old" if mark == "a" else "old, too", "| new |", 1)
    write_between(page, f"<!-- {mark} -->", "<!-- end -->", "| new |")
    assert page.read_text().count("| new |") == 1


@pytest.mark.parametrize("text", ["", "<!-- a -->\nold\n", "<!-- end -->\n<!-- a -->\nold\n"])
def test_a_page_without_the_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(SystemExit, match="lacks the marks <!-- a --> and <!-- end -->"):
        write_between(page, "<!-- a -->", "<!-- end -->", "| new |")
    assert page.read_text() == text
