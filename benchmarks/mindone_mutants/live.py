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
    codes, defaults = _changed(mutant, path)
    functions = _functions(path)
    before = [(each, each.__code__, each.__defaults__, each.__kwdefaults__) for each in functions]
    number = 0
    try:
        for each in functions:
            key = _key(each.__code__)
            if key in defaults:
                arguments = defaults[key].args
                each.__defaults__ = tuple(_value(one, each) for one in arguments.defaults) or None
                named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                keywords = {name.arg: _value(one, each) for name, one in named if one is not None}
                each.__kwdefaults__ = keywords or None
                number += 1
            elif key in codes and len(codes[key].co_freevars) == len(each.__code__.co_freevars):
                each.__code__ = codes[key]
                number += 1
        yield number
    finally:
        for each, code, values, keywords in before:
            each.__code__, each.__defaults__, each.__kwdefaults__ = code, values, keywords


@lru_cache(maxsize=1)
def _changed(mutant: Mutant, path: Path) -> tuple[dict[_Key, CodeType], dict[_Key, ast.FunctionDef]]:
    """Return the code that ``mutant`` changes, and the function whose default it changes."""
    tree, _ = mutated(path.read_text(encoding="utf-8"), mutant.number)
    if mutant.default:
        return {}, {key: each for key, each in _definitions(tree) if _encloses(each, mutant.line)}
    sound = _sound(path)
    codes = dict(_codes(compile(tree, str(path), "exec")))
    return {key: code for key, code in codes.items() if code != sound.get(key)}, {}


@lru_cache
def _sound(path: Path) -> dict[_Key, CodeType]:
    return dict(_codes(compile(path.read_text(encoding="utf-8"), str(path), "exec")))


_found: dict[Path, list[FunctionType]] = {}


def _functions(path: Path) -> list[FunctionType]:
    """Return the functions of a file that were there when it was first asked for, once it is imported."""
    if not _found.get(path):
        _found[path] = [
            each
            for each in gc.get_objects()
            if type(each) is FunctionType and each.__code__.co_filename == str(path)
        ]
    return _found[path]


def _key(code: CodeType) -> _Key:
    return code.co_name, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[tuple[_Key, CodeType]]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield _key(each), each
            yield from _codes(each)


def _definitions(tree: ast.Module) -> Iterator[tuple[_Key, ast.FunctionDef]]:
    """Yield the functions with the key of their code, which begins at the first decorator."""
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef):
            yield (each.name, min(one.lineno for one in [each, *each.decorator_list])), each


def _encloses(function: ast.FunctionDef, line: int) -> bool:
    return function.lineno <= line <= function.body[0].lineno


def _value(expression: ast.expr, function: FunctionType) -> Any:
    return eval(compile(ast.Expression(expression), "<default>", "eval"), function.__globals__)
