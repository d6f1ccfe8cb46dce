"""A YAML file as plain values, with the position of every value."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from harness.cases.problems import Problem, SuiteError
from harness.cases.scalars import read_scalar
from harness.cases.wording import quoted
from harness.foreign_files import (
    ForeignFileError,
    ForeignFileMissing,
    ForeignFileTooLarge,
    read_foreign,
)

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
KeyPath: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1 << 20
# Limits on what anchors can multiply ("billion laughs") and on what nesting does to the stack.
MAX_NODES = 200_000
MAX_DEPTH = 32
# Tabs, byte order marks, complex keys and tags: libyaml's parser accepts more of them than PyYAML's own, or
# reports other positions for them. Every other text that it accepts gives the same tree.
_READ_OTHERWISE = re.compile("[\t\ufeff?!]")


@dataclass
class Document:
    """The content of a YAML file.

    ``keys`` and ``values`` map the path of a node (its keys and list indices, such as
    ``("cases", 0, "steps")``) to the (line, column), from 1, of its key and of its value. ``unquoted`` has
    the text of values written without quotes: 2.10, where the value is 2.1. ``problems`` are those that do
    not stop the reading: tags, duplicate keys, numbers out of range.
    """

    path: Path
    value: Json = None
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    unquoted: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def position(self, at: KeyPath, *, key: bool = False) -> tuple[int, int]:
        """Return the (line, column) of the value at ``at``, of its key, or else of what encloses it."""
        if key and at in self.keys:
            return self.keys[at]
        while at not in self.values:
            at = at[:-1]
        return self.values[at]

    def problem(self, at: KeyPath, message: str, *, key: bool = False) -> Problem:
        """Return a problem with the value (or the key) at ``at``."""
        return Problem(self.path, *self.position(at, key=key), message)


def read_document(path: Path, *, needed: str = "`suite:` and `cases:`") -> Document:
    """Read one YAML document from ``path``, without executing anything in it.

    ``needed`` is what the message for an empty file asks for.

    Raises:
        SuiteError: the file cannot be read, is not UTF-8 or not YAML, is empty, or exceeds the limits
            for size (1 MiB), nesting (32 levels) and number of values (200,000, aliases followed).
    """
    document = Document(path)
    root = _compose(path, _read_text(path), document.problems)
    if root is None:
        raise SuiteError([Problem(path, 1, 1, f"the file is empty; write {needed}")])
    document.value = _build(document, root, (), 1)
    return document


def _compose(path: Path, text: str, problems: list[Problem]) -> Node | None:
    """Return the tree of nodes. Tags are reported in ``problems``."""
    if yaml.__with_libyaml__ and not (_READ_OTHERWISE.search(text) or Reader.NON_PRINTABLE.search(text)):
        # Errors are left to PyYAML's own parser, whose messages say what is wrong.
        with suppress(YAMLError, ValueError):
            return _LibyamlComposer(text).get_single_node()
    composer = _PythonComposer(path, problems)
    try:
        composer.open(text)
        return composer.get_single_node()
    except ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        character = f"the character U+{error.character:04X}"
        message = f"{character} is not allowed in YAML; remove it or escape it in double quotes"
        raise SuiteError([Problem(path, before.count("\n") + 1, column, message)]) from None
    except MarkedYAMLError as error:
        raise SuiteError([_syntax_problem(path, error)]) from None
    except (ValueError, OverflowError):
        # PyYAML raises these for an escape beyond Unicode ("\UFFFFFFFF") or a %YAML version with many digits.
        message = "an escape or a number is out of range here; correct it"
        raise SuiteError([Problem(path, composer.line + 1, composer.column + 1, message)]) from None


def _read_text(path: Path) -> str:
    try:
        content = read_foreign(path, limit=MAX_BYTES)
    except ForeignFileMissing:
        raise SuiteError([Problem(path, None, None, "no such file; check the path")]) from None
    except ForeignFileTooLarge:
        raise SuiteError(
            [Problem(path, None, None, "larger than 1 MiB; split it into several suites")]
        ) from None
    except ForeignFileError as error:
        raise SuiteError([Problem(path, None, None, error.reason)]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # ``error.object`` excludes a byte order mark, and ``error.start`` is an offset into it.
        before: bytes = error.object[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode()) + 1
        message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise SuiteError([Problem(path, before.count(b"\n") + 1, column, message)]) from None


def _syntax_problem(path: Path, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = str(error.problem)
    if message == "but found another document":
        message = "a second document starts here; put one suite in one file"
    elif "'\\t'" in message:
        message = "a tab here; indent with spaces"
    else:
        message += f" ({error.context}); correct the YAML" if error.context else "; correct the YAML"
    line, column = _at(mark) if mark else (None, None)
    return Problem(path, line, column, message)


def _at(mark: Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


class _PythonComposer(Composer, BaseResolver, Reader, Scanner, Parser):
    """Reads with PyYAML's own parser, which knows the position of an error. Tags are refused."""

    line = column = 0

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._path = path
        self._problems = problems
        self._depth = 0

    def open(self, text: str) -> None:
        """Start reading ``text``; raises ReaderError for a character that YAML does not allow."""
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def resolve(self, *_: Any) -> str:
        return ""  # no node has a tag: read_scalar decides the type of a scalar

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {quoted(tag)} is not read; remove it (quotes make a value text)"
            self._problems.append(Problem(self._path, *_at(event.start_mark), message))
        if self._depth == MAX_DEPTH:
            raise _too_deep(self._path, event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


if yaml.__with_libyaml__:
    from yaml.cyaml import CBaseLoader

    class _LibyamlComposer(CBaseLoader):
        """Reads with libyaml, many times faster. PyYAML's own parser then explains what libyaml refuses."""

        depth = 0

        def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
            if kind is ScalarNode and not value and implicit[0]:
                raise YAMLError("libyaml places a value that is not there at what follows")
            return ""

        def descend_resolver(self, *_: Any) -> None:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise YAMLError("nested too deep")

        def ascend_resolver(self) -> None:
            self.depth -= 1


def _build(document: Document, node: Node, at: KeyPath, depth: int) -> Json:
    """Return the value of a node, with aliases followed, and add the positions inside it to ``document``."""
    if len(document.values) == MAX_NODES:
        message = f"more than {MAX_NODES:,} values, each alias (*) counted as what it stands for; use fewer"
        raise SuiteError([Problem(document.path, *_at(node.start_mark), message)])
    if depth > MAX_DEPTH:
        raise _too_deep(document.path, node.start_mark)
    document.values[at] = _at(node.start_mark)
    if isinstance(node, MappingNode):
        return _mapping(document, node, at, depth)
    if isinstance(node, SequenceNode):
        return [_build(document, child, (*at, i), depth + 1) for i, child in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    if not node.style:
        document.unquoted[at] = node.value
    return _scalar(document, node)


def _mapping(document: Document, node: MappingNode, at: KeyPath, depth: int) -> Json:
    result: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = _scalar(document, key_node) if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str):
            _complain(document, key_node, "a key must be text; put it in quotes")
            continue
        child = (*at, key)
        if key == "<<" and not key_node.style:
            _complain(document, key_node, "merge keys (<<) are not read; use `defaults`")
        elif child in document.keys:
            first = "first at line {}, column {}".format(*document.keys[child])
            _complain(document, key_node, f"the key {quoted(key)} is given twice ({first}); remove one")
        else:
            document.keys[child] = _at(key_node.start_mark)
            result[key] = _build(document, value_node, child, depth + 1)
    return result


def _scalar(document: Document, node: ScalarNode) -> Json:
    text: str = node.value
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        _complain(document, node, f"half of a surrogate pair in {quoted(text)}; write the whole character")
    if node.style:
        return text
    try:
        return read_scalar(text)
    except ValueError as error:
        _complain(document, node, str(error))
        return 0


def _complain(document: Document, node: Node, message: str) -> None:
    document.problems.append(Problem(document.path, *_at(node.start_mark), message))


def _too_deep(path: Path, mark: Mark) -> SuiteError:
    message = f"nested deeper than {MAX_DEPTH} levels (an alias inside its own anchor never ends); flatten it"
    return SuiteError([Problem(path, *_at(mark), message)])
