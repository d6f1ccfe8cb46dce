"""Tables: aligned, whole, and free of markup, on a console as narrow as the log of a CI run."""

import io

from rich.console import Console
from rich.text import Text

from harness.reporting.tables import Cell, Table, show_table


def printed(rows, width=20, header=(), **options):
    file = io.StringIO()
    show_table(Console(file=file, width=width), Table(header, rows), **options)
    return file.getvalue().splitlines()


def test_columns_are_aligned_and_no_cell_is_cut():
    name = "a-case-with-a-long-name-that-is-wider-than-the-console"
    assert printed([(name, "ok"), ("b", Text("missing", "red"))], header=("case", "baseline")) == [
        f"{'case':<{len(name)}}  baseline",
        f"{name}  ok",
        f"{'b':<{len(name)}}  missing",
    ]


def test_without_a_header_and_indented():
    assert printed([("isa", "AVX2"), ("device", "CPU")], indent="  ") == ["  isa     AVX2", "  device  CPU"]


def test_wide_characters_are_aligned_by_their_width():
    assert printed([("模型", "1"), ("ab", "2")]) == ["模型  1", "ab    2"]


def test_no_line_ends_in_spaces():
    assert printed([("a", ""), ("b", "long")]) == ["a", "b  long"]


def test_markup_and_emoji_codes_are_shown_as_they_are():
    assert printed([("[red]x[/red]", ":warning: [/] \\")]) == ["[red]x[/red]  :warning: [/] \\"]


def test_a_table_of_nothing():
    assert printed([]) == []
    assert printed([], header=("case",)) == ["case"]


def test_colours_colour_their_cell_alone():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard")
    show_table(console, Table((), [(Cell("sound", tone="ok"), "plain", Text("gone", "red"))]))
    assert file.getvalue() == "\x1b[32msound\x1b[0m  plain  \x1b[31mgone\x1b[0m\n"
