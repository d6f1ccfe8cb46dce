"""Turn entries into cases: apply defaults, expand parametrize, and check what needs the whole entry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

from harness.cases.case import Case
from harness.cases.document import Document, KeyPath
from harness.cases.entries import PARTS, CaseEntry, DefaultsEntry, JitEntry, ParametrizeEntry
from harness.cases.job import JitSettings
from harness.cases.labels import label, shortened
from harness.cases.names import (
    DIFFUSERS,
    MINDONE,
    PIPELINES,
    is_class,
    is_diffusers,
    is_mindone,
    is_mindone_class,
    needs_checkpoint,
)
from harness.cases.problems import Problem
from harness.cases.relations import Relation
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
        labelled = {key: [("-" + label(key, each), each) for each in lists[key]] for key in lists}
        if parametrize:
            self._check_parametrize(own, labelled, inside)
        lists_are_sound = len(self.problems) == before
        parts = [key for key in lists if key.partition(".")[0] in PARTS]
        shared = merge(self.defaults, {**own, **{key: lists[key] for key in lists if key not in parts}})
        for key in parts:
            shared.setdefault(key.partition(".")[0], {})
        unknown = wrong | self._wrong_defaults
        if "parametrize" in wrong:
            unknown |= ParametrizeEntry.model_fields.keys()
        self._check_complete(shared, at, unknown)
        self._check_batches(shared, lists, at, unknown)
        self._check_jit(shared, at)
        expanded = [(shortened(entry.id + suffix), chosen) for suffix, chosen in _combinations(labelled)]
        if wrong.isdisjoint(("id", "parametrize")):
            ids = [case_id for case_id, _ in expanded]
            self._check_ids(ids if lists_are_sound else dict.fromkeys(ids), at)
        if not unknown and len(self.problems) == before:
            for case_id, chosen in expanded:
                self._add_case(case_id, _with(shared, chosen), at)

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
                computed_parameters=tuple(values.pop("computed_parameters", ())),
                invariances={
                    Relation(name): promise for name, promise in values.pop("invariances", {}).items()
                },
                jit=JitSettings(**_written(values.pop("jit"))) if "jit" in values else None,
                path=self.document.path,
                line=line,
                column=column,
                **values,
            )
        )

    def _check_ids(self, ids: Iterable[str], at: KeyPath) -> None:
        place = self.document.position((*at, "id"))
        for case_id in ids:
            if self._places.get(case_id) == place:
                message = f"several combinations of `parametrize` give the id {quoted(case_id)}"
                self._complain((*at, "id"), f"{message}; write an entry of its own for each")
            elif case_id in self._places:
                first = "line {}, column {}".format(*self._places[case_id])
                self._complain((*at, "id"), f"the id {quoted(case_id)} is taken ({first}); choose another")
            self._places.setdefault(case_id, place)

    def _check_one_seed_key(self, at: KeyPath) -> None:
        if (*at, "seed") in self.document.keys and (*at, "seeds") in self.document.keys:
            self._complain((*at, "seeds"), "`seed` and `seeds` together; remove one", key=True)

    def _check_parametrize(
        self, own: dict[str, Any], lists: dict[str, list[tuple[str, Any]]], at: KeyPath
    ) -> None:
        if not lists:
            self._complain(at, "`parametrize` is empty; list values, or remove it")
        given = own.keys() | {f"{whole}.{name}" for whole in PARTS for name in own.get(whole, ())}
        for key, values in lists.items():
            group = _SEED_KEYS if key in _SEED_KEYS else (key,)
            for clash in (name for name in group if name in given):
                message = f"the case sets `{clash}` and is parametrized over `{key}`; remove one of the two"
                self._complain((*at, key), message, key=True)
            whole, dot, _ = key.partition(".")
            if dot and whole in lists:
                message = f"`{whole}` and `{key}` together; write all settings into the values of `{whole}`"
                self._complain((*at, key), message, key=True)
            seen: set[str] = set()
            labels: set[str] = set()
            for i, (text, value) in enumerate(values):
                # With its type: 5 and 5.0 are two values of an argument.
                if (one := repr(value)) in seen:
                    self._complain((*at, key, i), "this value is listed twice; remove one")
                elif text in labels:
                    message = f"the ids of two values would end in {quoted(text)}; write an entry for each"
                    self._complain((*at, key, i), message)
                seen.add(one)
                labels.add(text)

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

    def _check_jit(self, values: dict[str, Any], at: KeyPath) -> None:
        if not isinstance(entry := values.get("jit"), JitEntry):
            return
        modes = values.get("mode", "pynative")
        given = _written(entry)
        if "pynative" in (modes if isinstance(modes, list) else [modes]):
            self._complain_of_jit(at, "`jit` says how a graph is compiled; add `mode: graph`, or remove it")
        elif (name := values.get("pipeline", "")) not in PIPELINES and not is_mindone_class(name):
            told = "`jit` is for ddim, ddpm and the classes of mindone; any other pipeline compiles itself"
            self._complain_of_jit(at, told)
        elif not given:
            self._complain_of_jit(at, "`jit` is empty; write `jit: {level: O1}`, or remove it")
        elif given.get("infer_boost") and given.get("level", "O0") != "O0":
            self._complain_of_jit(at, "`infer_boost` needs the level O0; remove one of the two")

    def _complain_of_jit(self, at: KeyPath, message: str) -> None:
        own = (*at, "jit")
        # It may come from the defaults.
        here = own in self.document.keys
        self._complain(own if here else at, message, key=here)

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
            self._check_class(values, pipeline, at)
            self._check_torch(values, pipeline, at)
            self._check_reference(values, pipeline, at)

    def _check_class(self, values: dict[str, Any], pipeline: str, at: KeyPath) -> None:
        for key in ("scheduler", "scheduler_arguments"):
            if key in values and not is_class(pipeline):
                listed = (*at, "parametrize", key)
                place = listed if listed in self.document.keys else (*at, key)
                self._complain(
                    place, f"`{key}` is for the classes of mindone and diffusers; remove it", key=True
                )

    def _check_reference(self, values: dict[str, Any], pipeline: str, at: KeyPath) -> None:
        if "reference" in values and not is_mindone_class(pipeline):
            self._complain_of(at, "reference", "is for the classes of mindone")
        if "reference_factor" in values and "reference" not in values:
            self._complain_of(at, "reference_factor", "needs `reference: diffusers`")

    def _complain_of(self, at: KeyPath, key: str, told: str) -> None:
        # It may come from the defaults.
        here = (*at, key) in self.document.keys
        self._complain((*at, key) if here else at, f"`{key}` {told}; remove it", key=here)

    def _check_torch(self, values: dict[str, Any], pipeline: str, at: KeyPath) -> None:
        """Complain of float64 without torch, and of graph mode with it; keys may be parametrized."""
        for key, value, for_torch in (("dtype", "float64", True), ("mode", "graph", False)):
            given = values.get(key)
            if (
                value not in (given if isinstance(given, list) else [given])
                or is_diffusers(pipeline) is for_torch
            ):
                continue
            listed, own = (*at, "parametrize", key), (*at, key)
            place = next((each for each in (listed, own) if each in self.document.keys), at)
            whose = "diffusers" if for_torch else "MindSpore"
            self._complain(place, f"`{key}: {value}` is for cases of {whose}; remove it", key=place != at)

    def _complain(self, at: KeyPath, message: str, *, key: bool = False) -> None:
        self.problems.append(self.document.problem(at, message, key=key))


def _tags(values: dict[str, Any]) -> tuple[str, ...]:
    """Take the tags out of ``values``. Cases that need mindone or diffusers get a tag of that name."""
    pipeline = values["pipeline"]
    own = [MINDONE] if is_mindone(pipeline) else [DIFFUSERS] if is_diffusers(pipeline) else []
    return tuple(dict.fromkeys([*own, *values.pop("tags", ())]))


def merge(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of ``own`` merged over those of ``defaults``.

    `arguments`, `scheduler_arguments`, `invariances` and `tolerance` merge one level deep: each argument,
    each relation and each tier is replaced as a whole. `tags` add up, with those of the defaults first.
    `seed` and `seeds` replace each other.
    """
    merged = {**defaults, **own}
    if any(key in own for key in _SEED_KEYS):
        for key in _SEED_KEYS:
            if key not in own:
                merged.pop(key, None)
    for key in ("arguments", "scheduler_arguments", "invariances"):
        if key in merged:
            merged[key] = {**defaults.get(key, {}), **own.get(key, {})}
    if "tags" in merged:
        merged["tags"] = list(dict.fromkeys([*defaults.get("tags", ()), *own.get("tags", ())]))
    if "tolerance" in merged:
        tolerance: Tolerance = defaults.get("tolerance", Tolerance())
        merged["tolerance"] = tolerance.overridden_by(own.get("tolerance", Tolerance()))
    return merged


def _with(shared: dict[str, Any], chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the values of one case: those that the cases of its entry share, and those chosen for it."""
    values = {**shared}
    for key, value in chosen.items():
        whole, dot, name = key.partition(".")
        values[whole] = {**values[whole], name: value} if dot else value
        if not dot and whole in PARTS:
            values[whole] = {**shared[whole], **value}
    return values


def _written(entry: DefaultsEntry | JitEntry | ParametrizeEntry | None) -> dict[str, Any]:
    """Return the fields that the file sets, in the order of the model, so that file order never matters."""
    if entry is None:
        return {}
    written = entry.model_fields_set
    fields = {name: value for name, value in vars(entry).items() if name in written}
    return {**fields, **dict(sorted((entry.model_extra or {}).items()))}


def _combinations(
    lists: dict[str, list[tuple[str, Any]]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the id suffix and the values of every combination. The last list changes fastest."""
    for chosen in itertools.product(*lists.values()):
        values = {key: value for key, (_, value) in zip(lists, chosen, strict=True)}
        yield "".join(text for text, _ in chosen), values
