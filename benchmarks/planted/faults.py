"""The collection of faults (faults.yaml): what each changes, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

FAULTS = Path(__file__).with_name("faults.yaml")

# What may be wrong with the numbers that the faulty operation gives.
HYPOTHESES = frozenset(
    {
        "factor", "offset", "bias", "channel-factor", "sign", "permuted", "swapped", "flipped", "activation",
        "half-precision", "eps", "residual", "clipped", "border", "attention-scale", "mask", "other",
    }
)  # fmt: skip
# The component of a fault in the code of a pipeline itself, between its models and its scheduler.
PIPELINE = "pipeline"


@dataclass(frozen=True)
class Fault:
    """One fault: the text ``new`` in place of ``old`` in ``file``, a path in the package mindone.

    ``link`` is the commit or the pull request that mended such a fault, and ``mended`` says what it mended.
    ``case`` is a case whose result the fault changes. ``component`` is the first attribute of the pipeline
    that computes something else, or ``pipeline`` for the pipeline's own code. ``modules`` are patterns
    (:func:`fnmatch.fnmatchcase`) of the first module in it that does, and any of them is right; there is none
    for a scheduler or a pipeline, and ``""`` is the component itself. ``hypotheses`` are the kinds of
    difference that are right to suspect, the nearest first.
    """

    name: str
    link: str
    mended: str
    file: str
    old: str
    new: str
    case: str
    component: str
    modules: tuple[str, ...]
    hypotheses: tuple[str, ...]

    def at(self, module: str) -> bool:
        """Whether the fault is in ``module``, a path inside of its component."""
        return any(fnmatchcase(module, each) for each in self.modules)


def load(file: Path = FAULTS) -> list[Fault]:
    """Return all faults of ``file``; raises ValueError if one of them is malformed."""
    return [_fault(entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8"))]


def chosen(faults: Iterable[Fault], names: Iterable[str]) -> list[Fault]:
    """Return the faults called ``names``, or all if there are none; raises ValueError for unknown ones."""
    known, names = {each.name: each for each in faults}, list(names)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"no fault is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def _fault(entry: dict[str, Any]) -> Fault:
    """Return the fault of an entry, in which one module and one hypothesis may stand without a list."""
    name = entry.get("name", "a fault without a name")
    wanted = {"module", "hypothesis", *(each.name for each in fields(Fault))} - {"modules", "hypotheses"}
    if differing := sorted(wanted ^ set(entry)):
        raise ValueError(f"{name}: has too many or too few of these keys: {', '.join(differing)}")
    known = {key: entry[key] for key in wanted - {"module", "hypothesis"}}
    fault = Fault(**known, modules=_several(entry["module"]), hypotheses=_several(entry["hypothesis"]))
    if not fault.hypotheses or not HYPOTHESES.issuperset(fault.hypotheses):
        raise ValueError(f"{name}: a hypothesis is one of {', '.join(sorted(HYPOTHESES))}")
    return fault


def _several(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
