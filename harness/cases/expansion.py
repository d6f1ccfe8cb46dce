"""Turn entries into cases: apply defaults, expand parametrize, and check what needs the whole entry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

from harness.cases.case import Case
from harness.cases.document import Document, KeyPath
from harness.cases.entries import CaseEntry, DefaultsEntry, ParametrizeEntry
from harness.cases.names import (
    MINDONE,
    PIPELINES,
    check_case_id,
    is_mindone,
    is_mindone_class,
    needs_checkpoint,
)
from harness.cases.problems import Problem
from harness.cases.tolerance import Tolerance
from harness.cases.wording import quoted
from harness.errors import FailureCause

MAX_CASES = 10_000

_SEED_KEYS = ("seed", "seeds")


class Expander:
    """Turns the entries of one suite into cases, and collects ``problems`` on the way.

    ``wrong``, of the defaults and of each entry, has the keys that were given with values of the wrong shape.
    They are left out of the entry. Nothing more is reported about them, but everything that does not depend
    on them is still checked.
    """

    def __init__(
        self, document: Document, suite: str, defaults: DefaultsEntry | None, wrong: frozenset[str]
    ) -> None:
        self.document = document
        self.suite = suite
        self.defaults = _written(defaults)
        self.cases: list[Case] = []
        self.problems: list[Problem] = []
        self._wrong_defaults = wrong
        self._places: dict[str, tuple[int, int]] = {}
        self._combinations = 0
        self._check_one_seed_key(("defaults",))

    def add(self, entry: CaseEntry, at: KeyPath, wrong: frozenset[str]) -> None:
        """Expand ``entry``, written at ``at``, and add its cases unless something is wrong with it."""
        own = _written(entry)
        own.pop("id")
        parametrize: ParametrizeEntry | None = own.pop("parametrize", None)
        lists = _written(parametrize)
        before = len(self.problems)
        inside = (*at, "parametrize")
        self._check_one_seed_key(at)
        self._check_one_seed_key(inside)
        # First of all, so that lists that are too long are not looked through.
        self._combinations += math.prod(map(len, lists.values()))
        if self._combinations > MAX_CASES:
            message = f"the suite expands to more than {MAX_CASES:,} cases; split it or shorten the lists"
            self._complain(inside, message)
            return
        if parametrize:
            self._check_parametrize(own, lists, inside)
        shared = merge(self.defaults, {**own, **lists})
        unknown = wrong | self._wrong_defaults
        if "parametrize" in wrong:
            unknown |= ParametrizeEntry.model_fields.keys()
        self._check_complete(shared, at, unknown)
        self._check_batches(shared, lists, at, unknown)
        expanded = {entry.id + suffix: chosen for suffix, chosen in _combinations(lists)}
        if wrong.isdisjoint(("id", "parametrize")):
            self._check_ids(expanded, at)
        if not unknown and len(self.problems) == before:
            for case_id, chosen in expanded.items():
                self._add_case(case_id, {**shared, **chosen}, at)

    def _add_case(self, case_id: str, values: dict[str, Any], at: KeyPath) -> None:
        seeds = tuple(values.pop("seeds")) if "seeds" in values else (values.pop("seed"),)
        line, column = self.document.position(at)
        self.cases.append(
            Case(
                suite=self.suite,
                id=case_id,
                seeds=seeds,
                tags=_tags(values),
                fails=FailureCause(values.pop("fails")) if "fails" in values else None,
                steps=values.pop("steps", None),
                path=self.document.path,
                line=line,
                column=column,
                **values,
            )
        )

    def _check_ids(self, ids: Iterable[str], at: KeyPath) -> None:
        place = self.document.position((*at, "id"))
        for case_id in ids:
            try:
                check_case_id(case_id)
            except ValueError as error:
                self._complain((*at, "id"), f"after expansion: {error}")
            if case_id in self._places:
                first = "line {}, column {}".format(*self._places[case_id])
                self._complain((*at, "id"), f"the id {quoted(case_id)} is taken ({first}); choose another")
            self._places.setdefault(case_id, place)

    def _check_one_seed_key(self, at: KeyPath) -> None:
        if (*at, "seed") in self.document.keys and (*at, "seeds") in self.document.keys:
            self._complain((*at, "seeds"), "`seed` and `seeds` together; remove one", key=True)

    def _check_parametrize(self, own: dict[str, Any], lists: dict[str, list[Any]], at: KeyPath) -> None:
        if not lists:
            self._complain(at, "`parametrize` is empty; list values, or remove it")
        for key, values in lists.items():
            group = _SEED_KEYS if key in _SEED_KEYS else (key,)
            for clash in (name for name in group if name in own):
                message = f"the case sets `{clash}` and is parametrized over `{key}`; remove one of the two"
                self._complain((*at, key), message, key=True)
            seen: set[Any] = set()
            for i, value in enumerate(values):
                one = tuple(value) if isinstance(value, list) else value
                if one in seen:
                    self._complain((*at, key, i), "this value is listed twice; remove one")
                seen.add(one)

    def _check_batches(
        self, values: dict[str, Any], lists: dict[str, list[Any]], at: KeyPath, unknown: frozenset[str]
    ) -> None:
        if "batch_consistency" not in values or "seeds" in unknown:
            return
        seeded = not (values.keys() | unknown).isdisjoint(_SEED_KEYS)
        batches = lists["seeds"] if "seeds" in lists else [values.get("seeds", ())]
        if seeded and any(len(seeds) < 2 for seeds in batches):
            message = "`batch_consistency` compares a batch with its single images; give two or more `seeds`"
            self._complain((*at, "batch_consistency"), message, key=True)

    def _check_complete(self, values: dict[str, Any], at: KeyPath, unknown: frozenset[str]) -> None:
        given = values.keys() | unknown
        pipeline = values.get("pipeline", "")
        for key in ("pipeline", "steps") if pipeline in PIPELINES else ("pipeline",):
            if key not in given:
                self._complain(at, f"the key '{key}' is missing; add it to the case or to `defaults`")
        if given.isdisjoint(_SEED_KEYS):
            self._complain(
                at, "a case needs `seed`, or `seeds` for a batch; add it to the case or to `defaults`"
            )
        if "checkpoint" not in given and needs_checkpoint(pipeline):
            self._complain(
                at, f"the pipeline {quoted(pipeline)} needs a checkpoint; add the key 'checkpoint'"
            )
        if "pipeline" not in unknown:
            self._check_mindone(values, pipeline, at)

    def _check_mindone(self, values: dict[str, Any], pipeline: str, at: KeyPath) -> None:
        for key in ("scheduler", "scheduler_arguments"):
            if key in values and not is_mindone_class(pipeline):
                self._complain((*at, key), f"`{key}` is for the classes of mindone; remove it", key=True)
        modes = values.get("mode", "pynative")
        if is_mindone_class(pipeline) and "graph" in (modes if isinstance(modes, list) else [modes]):
            message = "mindone's pipelines run in PyNative; remove the mode 'graph'"
            self._complain((*at, "mode"), message, key=True)

    def _complain(self, at: KeyPath, message: str, *, key: bool = False) -> None:
        self.problems.append(self.document.problem(at, message, key=key))


def _tags(values: dict[str, Any]) -> tuple[str, ...]:
    """Take the tags out of ``values``. Cases that need mindone get a tag of that name."""
    own = [MINDONE] if is_mindone(values["pipeline"]) else []
    return tuple(dict.fromkeys([*own, *values.pop("tags", ())]))


def merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of ``own`` merged over those of ``defaults``.

    `arguments`, `scheduler_arguments` and `tolerance` merge one level deep: each argument and each tier is
    replaced as a whole. `tags` add up, with those of the defaults first. `seed` and `seeds` replace each
    other.
    """
    merged = {**defaults, **own}
    if any(key in own for key in _SEED_KEYS):
        for key in _SEED_KEYS:
            if key not in own:
                merged.pop(key, None)
    for key in ("arguments", "scheduler_arguments"):
        if key in merged:
            merged[key] = {**defaults.get(key, {}), **own.get(key, {})}
    if "tags" in merged:
        merged["tags"] = list(dict.fromkeys([*defaults.get("tags", ()), *own.get("tags", ())]))
    if "tolerance" in merged:
        tolerance: Tolerance = defaults.get("tolerance", Tolerance())
        merged["tolerance"] = tolerance.overridden_by(own.get("tolerance", Tolerance()))
    return merged


def _written(entry: DefaultsEntry | ParametrizeEntry | None) -> dict[str, Any]:
    """Return the fields that the file sets, in the order of the model, so that file order never matters."""
    if entry is None:
        return {}
    written = entry.model_fields_set
    return {name: value for name, value in vars(entry).items() if name in written}


def _combinations(lists: dict[str, list[Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the id suffix and the values of every combination. The last list changes fastest."""
    for values in itertools.product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        yield "".join("-" + _label(key, value) for key, value in chosen.items()), chosen


def _label(key: str, value: Any) -> str:
    if key == "seeds":
        return key + "_".join(map(str, value))
    return f"{key}{value}" if isinstance(value, int) else str(value)
