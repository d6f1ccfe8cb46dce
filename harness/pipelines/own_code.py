"""A user's own code behind a pipeline: the modules that its factory imports, each with the hash of its file.

The modules are found in the source, not among those that are loaded: what is loaded depends on the cases that
ran before in the same process, and on the branches that they took.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from harness.pipelines.factory import is_users_own

# Bounds for a folder of generated code; what lies beyond them is not covered.
_MOST_FILES = 1000
_LARGEST = 8 << 20
# Parsing takes about 8 s and 250 MB for each MB of a table of numbers, which imports nothing.
_LONGEST_SOURCE = 1 << 18
_IMPORTERS = ("import_module", "__import__")


def own_code(module: str, folders: tuple[str, ...]) -> dict[str, str]:
    """Return the sha256 of ``module`` and of the modules below ``folders`` that it imports, itself first.

    Imports count wherever they are in the code, also inside functions, and also those of imported modules. If
    the name of a module is computed (``import_module(f"package.{name}")``), every module of that package
    counts. The names are paths made from the names of the modules: ``package/module.py``. Not covered are
    modules outside ``folders``, those of Python and of installed packages, code that is run without being
    imported, and imports of modules that are compiled only or have
    more than 256 KB of source. At most 1,000 files of at most 8 MB count.
    """
    found: dict[str, str] = {}
    waiting, seen = [module, *_packages(module)], set[str]()
    while waiting and len(found) < _MOST_FILES:
        name = waiting.pop(0)
        if name in seen or name.partition(".")[0] in sys.stdlib_module_names | {"harness"}:
            continue
        seen.add(name)
        spec = _spec(name)
        if spec is None or spec.origin is None or not is_users_own(spec.origin, folders):
            continue
        if (content := _content(spec)) is None:
            continue
        package = spec.submodule_search_locations is not None
        path = name.replace(".", "/") + "/__init__" * package + "".join(Path(spec.origin).suffixes[-1:])
        found[path] = hashlib.sha256(content).hexdigest()
        for each in _imported(content, name if package else name.rpartition(".")[0]):
            waiting += [*_packages(each), each]
    return found


def _packages(name: str) -> list[str]:
    """Return the packages that the module ``name`` is in, which importing it imports as well."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _spec(name: str) -> ModuleSpec | None:
    """Return where the module ``name`` comes from without importing it; None if there is no such module."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__spec__", None)
    parent, _, last = name.rpartition(".")
    # Finders and loaders may be anybody's, and most of the names are of no module.
    with suppress(Exception):
        if not parent:
            return importlib.util.find_spec(name)
        above = _spec(parent)
        if above is not None and above.submodule_search_locations is not None:
            return PathFinder.find_spec(last, above.submodule_search_locations)
    return None


def _content(spec: ModuleSpec) -> bytes | None:
    """Return the bytes of a module's file, which may be in a zip file; None if they cannot be had."""
    file = Path(spec.origin or "")
    with suppress(Exception):
        if file.exists() and not (file.is_file() and file.stat().st_size <= _LARGEST):
            return None
        content: bytes = spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
        return content
    return None


def _imported(source: bytes, package: str) -> Iterator[str]:
    """Yield the names of what a module in ``package`` imports; some may be names in a module instead."""
    if len(source) > _LONGEST_SOURCE:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            waiting: list[ast.AST] = [ast.parse(source)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # compiled code, for example
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            yield from (name for alias in node.names for name in (base, f"{base}.{alias.name}"))
        elif isinstance(node, ast.Call) and _last_name(node.func) in _IMPORTERS:
            given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "name")]
            yield from (name for each in given for name in _named(each, package))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _named(name: ast.expr, package: str) -> Iterator[str]:
    """Yield the modules that ``name``, the argument of an import in ``package``, may stand for."""
    if isinstance(name, ast.Constant):
        if isinstance(name.value, str):
            yield _absolute(name.value, package)
        return
    start = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else None
    if isinstance(start, ast.Constant) and "." in str(start.value):
        package = _absolute(str(start.value).rpartition(".")[0] or ".", package)
    spec = _spec(package) if package else None
    places = None if spec is None else spec.submodule_search_locations
    yield from (f"{package}.{each.name}" for each in pkgutil.iter_modules(places or []))


def _absolute(name: str, package: str) -> str:
    with suppress(ImportError, ValueError):
        return importlib.util.resolve_name(name, package)
    return ""
