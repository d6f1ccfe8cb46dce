"""Text of others, as it is shown: nothing in it is obeyed, and what is harmless stays as it is."""

from __future__ import annotations

import time

import pytest

from harness.foreign_text import LINES, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("suites/guide.yaml::one is 3 ≤ 4: 100 % größer 模型", None),
        ("::", r"\x3a:"),
        ("::error::x", r"\x3a:error::x"),
        ("  ::error file=a::x", r"  \x3a:error file=a::x"),
        (
            "a ##[error]x ##vso[task.complete] ###[group]",
            r"a #\x23[error]x #\x23vso[task.complete] ##\x23[group]",
        ),
        ("a\n::error::x\r", r"a\n::error::x\r"),
        ("\x1b]0;t\x07\x9b31m\x7f\x00", r"\x1b]0;t\x07\x9b31m\x7f\x00"),
        ("\u202ea\u2066\u200b\u2028\x85\xa0", r"\u202ea\u2066\u200b\u2028\x85\xa0"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_would_be_obeyed_is_an_escape(text, shown):
    assert printable(text) == (text if shown is None else shown)


def test_a_text_of_several_lines_keeps_them_and_no_line_of_it_is_a_command():
    assert printable("log:\n\t::error::x\n::add-mask::y\r\n", LINES) == (
        "log:\n\t\\x3a:error::x\n\\x3a:add-mask::y\\r\n"
    )


def test_whatever_the_character_it_can_be_printed():
    for code in range(0x10000):
        shown = printable(chr(code))
        assert shown.isprintable()
        shown.encode()


@pytest.mark.parametrize("text", [" " * 10**6, "#" * 10**6, ":" * 10**6, "\n " * 10**6, "##a" * 10**6])
def test_it_takes_time_by_the_length_of_the_text_alone(text):
    began = time.process_time()
    printable(text, LINES)
    assert time.process_time() - began < 10
