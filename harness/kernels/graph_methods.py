"""Methods of tensors in what MindSpore compiles: calls of them become calls of functions.

The compiler itself chooses the operator of `x.chunk(2)`, by a table in its binary. So the call is changed
before: in the syntax tree that its parser gives it, `x.chunk(2)` becomes a function called with `x` and `2`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

_PREFIX = "__harness_tensor_"


def parser_class() -> type:
    """Return MindSpore's parser of functions; releases have it in different modules."""
    for name in ("mindspore.graph._parse.parser", "mindspore._extends.parse.parser"):
        try:
            found: type = importlib.import_module(name).Parser
        except (ImportError, AttributeError):
            continue
        return found
    raise ImportError("this MindSpore has no parser of functions in Python")


def parsing(functions: Mapping[str, Callable[..., Any]]) -> Callable[[Any], Any]:
    """Return a `parse` for MindSpore's parser that has ``functions`` called in place of methods of tensors.

    The keys are the names of the methods. The first argument of a function is the tensor. A call with
    keywords that the function does not know stays a call of the method.
    """
    parse = vars(parser_class())["parse"]
    known = {name: frozenset(inspect.signature(each).parameters) for name, each in functions.items()}
    names = {_PREFIX + name: each for name, each in functions.items()}

    def parse_and_replace(parser: Any) -> Any:
        tokens, tree = parse(parser)
        if tree is not None:
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _calls(node, known, parser):
                    _replace(node)
            namespace = parser.global_namespace
            namespace.dicts = (*namespace.dicts, names)
        return tokens, tree

    return parse_and_replace


def _calls(node: ast.Call, known: Mapping[str, frozenset[str]], parser: Any) -> bool:
    called = node.func
    if not isinstance(called, ast.Attribute) or called.attr not in known:
        return False
    if any(each.arg not in known[called.attr] for each in node.keywords):
        return False
    owner: ast.expr = called.value
    if isinstance(owner, ast.Name) and owner.id == "self":
        return False
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return not (isinstance(owner, ast.Name) and _is_module(owner.id, parser))


def _is_module(name: str, parser: Any) -> bool:
    for namespace in (parser.closure_namespace, parser.global_namespace):
        if name in namespace:
            try:
                return isinstance(namespace[name], ModuleType)
            except UnboundLocalError:
                return False
    return False


def _replace(node: ast.Call) -> None:
    method = node.func
    assert isinstance(method, ast.Attribute)
    function = ast.copy_location(ast.Name(_PREFIX + method.attr, ast.Load()), method)
    # By which the compiler tells where it is.
    for token in ("first_token", "last_token"):
        setattr(function, token, getattr(method, token))
    node.func = function
    node.args = [method.value, *node.args]
