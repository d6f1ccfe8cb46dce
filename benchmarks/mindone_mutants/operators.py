"""What a mutant changes: one place of one function, in one way.

A mutant keeps every line where it was, so a function that runs and the changed one are found to be the same
by the line that they begin at. What only words an error, a warning or a log entry is left alone, and so are
annotations and what runs outside of functions.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
_COMPARISON: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
# Calls that only say something.
_TELLING = ("deprecate", "warn", "warning", "warning_once", "info", "debug", "error", "print")

# Calls that fail at once, or are always true, when they are changed.
_ASKING = ("isinstance", "issubclass", "hasattr", "getattr", "setattr", "super")

Change = tuple[str, ast.AST]


@dataclass(frozen=True)
class Mutant:
    """The change number ``number`` of ``file`` (below mindone/diffusers), at ``line``, by ``operator``.

    ``default`` is whether it changes the default of a parameter.
    """

    area: str
    file: str
    number: int
    operator: str
    line: int
    default: bool

    @property
    def key(self) -> str:
        """What its results are kept under."""
        return f"{self.file}:{self.line} #{self.number}"


def mutants_of(source: str, file: str, area: str) -> list[Mutant]:
    """Return the mutants of a file's ``source``, in the order in which :func:`mutated` numbers them."""
    return [
        Mutant(area, file, number, operator, getattr(node, "lineno", 0), default)
        for number, (node, operator, _, default) in enumerate(_changes(ast.parse(source)))
    ]


def mutated(source: str, number: int) -> tuple[ast.Module, str]:
    """Return the tree of ``source`` with the change of its mutant ``number``, and the change in words."""
    tree = ast.parse(source)
    for index, (node, _, new, _) in enumerate(_changes(tree)):
        if index == number:
            told = f"{_told(node)} → {_told(new)}"
            for each in ast.walk(new):
                if "lineno" in each._attributes and not hasattr(each, "lineno"):
                    ast.copy_location(each, node)
            return ast.fix_missing_locations(_Replace(node, new).visit(tree)), told
    raise ValueError(f"there is no mutant {number}")


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)


def _told(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]} … {text[-27:]}"


def _changes(tree: ast.Module) -> Iterator[tuple[ast.AST, str, ast.AST, bool]]:
    """Yield each node with an operator's name, what the operator makes of it, and whether it is a default."""
    for node, default in _places(tree, within=False, default=False):
        make = _OPERATORS.get(type(node))
        for operator, new in make(node) if make is not None else ():
            yield node, operator, new, default


def _places(node: ast.AST, *, within: bool, default: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the nodes in the bodies of functions, and in their defaults."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _only_tells(child):
                continue
            inside = within or isinstance(node, ast.FunctionDef)
            is_default = default or (isinstance(node, ast.arguments) and name in ("defaults", "kw_defaults"))
            if inside:
                yield child, is_default
            yield from _places(child, within=inside, default=is_default)


def _only_tells(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Constant):
            return True
        call = node.value
        if isinstance(call, ast.Call):
            called = call.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            return name in _TELLING
    # `if …: raise`: what remains is whether it is refused, which is no result.
    return isinstance(node, ast.If) and not node.orelse and all(map(_only_tells, node.body))


def _binary(node: ast.BinOp) -> Iterator[Change]:
    if (other := _ARITHMETIC.get(type(node.op))) is not None:
        yield "arithmetic", ast.BinOp(node.left, other(), node.right)


def _augmented(node: ast.AugAssign) -> Iterator[Change]:
    if (other := _ARITHMETIC.get(type(node.op))) is not None:
        yield "arithmetic", ast.AugAssign(node.target, other(), node.value)
    yield "statement dropped", _never(node)


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield "boolean", node.operand
    elif isinstance(node.op, ast.USub):
        yield "arithmetic", node.operand


def _compare(node: ast.Compare) -> Iterator[Change]:
    for other in _COMPARISON.get(type(node.ops[0]), ()):
        yield "comparison", ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)


def _both(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "boolean", ast.BoolOp(other, node.values)


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield "boolean", ast.Constant(not value)
    elif isinstance(value, int):
        yield "constant", ast.Constant(value + 1)
        yield "constant", _number(value - 1)
    elif isinstance(value, float):
        yield "constant", ast.Constant(2 * value if value else 1.0)
        if value:
            yield "constant", ast.Constant(value / 2)


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _branch(node: ast.If) -> Iterator[Change]:
    yield "condition", ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _choice(node: ast.IfExp) -> Iterator[Change]:
    yield "condition", ast.IfExp(node.test, node.orelse, node.body)


def _call(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name) and node.func.id in _ASKING:
        return
    plain = [each for each in node.args if not isinstance(each, ast.Starred)]
    if len(plain) >= 2 and plain[:2] == node.args[:2]:
        first, second, *others = node.args
        yield "arguments swapped", ast.Call(node.func, [second, first, *others], node.keywords)
    for keyword in node.keywords:
        if keyword.arg is not None:
            others = [each for each in node.keywords if each is not keyword]
            yield "argument dropped", ast.Call(node.func, node.args, others)
    if plain[:1] == node.args[:1] and plain:
        yield "call dropped", plain[0]
    elif isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
        yield "call dropped", node.func.value


def _expression(node: ast.Expr) -> Iterator[Change]:
    if isinstance(node.value, ast.Call):
        yield "statement dropped", _never(node)


def _assignment(node: ast.Assign) -> Iterator[Change]:
    """Drop what is assigned to an attribute or an element, or to a name that had a value before."""
    target = node.targets[0]
    if isinstance(target, ast.Name):
        used = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
        if target.id not in used:
            return
    elif not isinstance(target, ast.Attribute | ast.Subscript):
        return
    yield "statement dropped", _never(node)


def _leave(node: ast.Break | ast.Continue) -> Iterator[Change]:
    yield "statement dropped", ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _never(node: ast.stmt) -> ast.stmt:
    """Return ``node`` so that it never runs, and the names in it are of the kinds that they were."""
    return ast.If(ast.Constant(False), [copy.copy(node)], [])


_OPERATORS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.BinOp: _binary,
    ast.AugAssign: _augmented,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _both,
    ast.Constant: _constant,
    ast.If: _branch,
    ast.IfExp: _choice,
    ast.Call: _call,
    ast.Expr: _expression,
    ast.Assign: _assignment,
    ast.Break: _leave,
    ast.Continue: _leave,
}
