"""Writes the reference pages of the documentation from the code: commands, keys of suites, Python.

Usage: python -m benchmarks.reference_pages [--check]

In docs/commands.md, docs/suite-keys.md and docs/python.md it replaces what stands between the two markers.
With --check it writes nothing, and fails where a page is not as it should be.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

import harness
from harness.api import calls
from harness.api.results import Result
from harness.cases.schema import SCHEMA_PATH
from harness.cli import COMMANDS, app
from harness.pytest_plugin.options import OPTIONS, SHORT

DOCS = Path(__file__).resolve().parents[1] / "docs"
START, END = "<!-- generated: benchmarks/reference_pages.py -->", "<!-- end of what is generated -->"
_PLAIN = (str, int, float, tuple)
# What typer says of a value's type beside its placeholder.
_TYPE = re.compile(r" <(list\[)?str\]?>")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for name, text in pages().items():
        if not check:
            (DOCS / name).write_text(text, encoding="utf-8")
        elif (DOCS / name).read_text(encoding="utf-8") != text:
            sys.exit(f"docs/{name} is not what the code says; type: python -m benchmarks.reference_pages")


def pages() -> dict[str, str]:
    """Return the pages as they should be, by file name."""
    return {
        "commands.md": _renewed("commands.md", [*_plugin(), *_commands()]),
        "suite-keys.md": _renewed("suite-keys.md", _keys()),
        "python.md": _renewed("python.md", _python()),
    }


def _renewed(name: str, lines: Iterator[str] | list[str]) -> str:
    text = (DOCS / name).read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return "\n".join([before + START, "", *lines, END]) + after


def _plugin() -> Iterator[str]:
    yield "## Options of pytest\n"
    yield from _table(
        ("option", "what it does"),
        [
            (
                ", ".join(f"`{each}{_value(settings)}`" for each in _names(name)),
                settings["help"],
            )
            for name, settings in OPTIONS.items()
        ],
    )


def _names(name: str) -> list[str]:
    short = name.replace("--harness-", "--")
    return [short, name] if short in SHORT else [name]


def _value(settings: dict[str, Any]) -> str:
    value = settings.get("metavar") or "|".join(settings.get("choices", ()))
    return f" {value}" if value else ""


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    for name in COMMANDS:
        command = group.get_command(group.context_class(group), name)
        context = command.context_class(command, info_name=name)
        records = dict(each.get_help_record(context) for each in command.get_params(context))
        del records["--help"]
        yield f"## harness {name}\n"
        yield re.sub(r"[ \t]*\n[ \t]*(?!\n)", "\n", str(command.help).strip()) + "\n"
        yield from _table(
            ("argument or option", "what it is"),
            [(f"`{_TYPE.sub('', name)}`", told.replace("  [", " [")) for name, told in records.items()],
        )


def _keys() -> Iterator[str]:
    schema = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    parts = [("The file", schema)]
    parts += [(_title(name), part) for name, part in schema["$defs"].items() if "properties" in part]
    for title, part in parts:
        yield f"## {title}\n"
        if told := part.get("description"):
            yield f"{told}\n"
        required = part.get("required", ())
        yield from _table(
            ("key", "value", "what it means"),
            [
                (f"`{key}`" + (" (required)" if key in required else ""), _kind(what), _told(what))
                for key, what in part["properties"].items()
            ],
        )


def _python() -> Iterator[str]:
    yield "## Functions\n"
    shared = re.findall(r"^(``.*)\n((?: {4}.*\n)+)", inspect.getdoc(calls) or "", re.MULTILINE)
    yield from _table(("argument", "what it is"), [(_plain(name), _plain(told)) for name, told in shared])
    public = [getattr(harness, name) for name in sorted(harness.__all__)]
    for function in filter(inspect.isfunction, public):
        yield f"### {function.__name__}\n"
        yield f"```py\n{_signature(function)}\n```\n"
        yield _plain(function.__doc__ or "") + "\n"
    yield "## Results in detail\n"
    for result in (each for each in public if inspect.isclass(each) and issubclass(each, Result)):
        yield f"### {result.__name__}\n"
        yield f"{_plain(result.__doc__ or '')}\n"
        rows = [(f"`{field}`", f"`{kind}`") for field, kind in result.__annotations__.items()]
        rows += [
            (f"`{name}`", _plain(value.__doc__ or ""))
            for name, value in vars(result).items()
            if isinstance(value, property)
        ]
        yield from _table(("attribute", "what it is"), rows)


def _signature(function: Callable[..., Any]) -> str:
    found = inspect.signature(function)
    lines = []
    for name, parameter in found.parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and "    *," not in lines:
            lines.append("    *,")
        default = parameter.default
        # The one that is no plain value is an object of a class without arguments.
        told = (
            repr(default) if default is None or isinstance(default, _PLAIN) else f"{type(default).__name__}()"
        )
        lines.append(
            f"    {name}: {parameter.annotation}{'' if default is parameter.empty else f' = {told}'},"
        )
    return "\n".join([f"{function.__name__}(", *lines, f") -> {found.return_annotation}"])


def _plain(text: str) -> str:
    """Return a docstring, or a line of one, as Markdown."""
    return re.sub(r":\w+:`([^`]+)`|``([^`]+)``", r"`\1\2`", inspect.cleandoc(text))


def _title(name: str) -> str:
    return name.removesuffix("Entry")


def _told(what: dict[str, Any]) -> str:
    return str(what.get("description", ""))


def _kind(what: dict[str, Any]) -> str:
    """Return in words what a value of the schema may be."""
    if "$ref" in what:
        name = _title(what["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "enum" in what or "const" in what:
        return ", ".join(f"`{each}`" for each in what.get("enum", [what.get("const")]))
    if what.get("type") == "array":
        return f"list of {_kind(what['items'])}"
    if "type" in what:
        bounds = [
            f"{words} {what[key]}"
            for key, words in (("minimum", "at least"), ("maximum", "at most"))
            if key in what
        ]
        return ", ".join([{"object": "mapping", "null": "`null`"}.get(what["type"], what["type"]), *bounds])
    return " or ".join(dict.fromkeys(_kind(each) for each in what.get("anyOf", what.get("oneOf", ()))))


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"
    yield ""


if __name__ == "__main__":
    main()
