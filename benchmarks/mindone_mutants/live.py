"""Putting a mutant into code that is already imported, and taking it out again.

Functions keep their identity: only the code and the defaults of those that the mutant changes are replaced,
so what has been imported, decorated or bound elsewhere runs the mutant, too.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from benchmarks.mindone_mutants.operators import Mutant, mutated

_Key = tuple[str, int]


@contextmanager
def put_in(mutant: Mutant, base: Path) -> Iterator[int]:
    """Run the body with ``mutant`` in the code below ``base``; give the number of functions it changes."""
    path = base / mutant.file
    source = path.read_text(encoding="utf-8")
    tree, _ = mutated(source, mutant.number)
    codes = dict(_codes(compile(tree, str(path), "exec")))
    sound = _sound(path)
    changed = {key for key, code in codes.items() if code != sound.get(key)}
    defaults = _defaults(tree) if mutant.default else {}
    functions = [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType and each.__code__.co_filename == str(path)
    ]
    before = [(each, each.__code__, each.__defaults__, each.__kwdefaults__) for each in functions]
    number = 0
    try:
        for each in functions:
            key = _key(each.__code__)
            if mutant.default and _encloses(defaults.get(key), mutant.line):
                arguments = defaults[key].args
                each.__defaults__ = tuple(_value(one, each) for one in arguments.defaults) or None
                named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                keywords = {name.arg: _value(one, each) for name, one in named if one is not None}
                each.__kwdefaults__ = keywords or None
                number += 1
            elif key in changed and len(codes[key].co_freevars) == len(each.__code__.co_freevars):
                each.__code__ = codes[key]
                number += 1
        yield number
    finally:
        for each, code, values, keywords in before:
            each.__code__, each.__defaults__, each.__kwdefaults__ = code, values, keywords


@lru_cache
def _sound(path: Path) -> dict[_Key, CodeType]:
    return dict(_codes(compile(path.read_text(encoding="utf-8"), str(path), "exec")))


def _key(code: CodeType) -> _Key:
    return code.co_name, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[tuple[_Key, CodeType]]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield _key(each), each
            yield from _codes(each)


def _defaults(tree: ast.Module) -> dict[_Key, ast.FunctionDef]:
    """Return the functions by the key of their code, which begins at the first decorator."""
    return {
        (each.name, min(one.lineno for one in [each, *each.decorator_list])): each
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef)
    }


def _encloses(function: ast.FunctionDef | None, line: int) -> bool:
    if function is None:
        return False
    return function.lineno <= line <= (function.body[0].lineno if function.body else function.lineno)


def _value(expression: ast.expr, function: FunctionType) -> Any:
    return eval(compile(ast.Expression(expression), "<default>", "eval"), function.__globals__)
