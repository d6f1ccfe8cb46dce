"""The campaign: which lines each target runs, and what comes of each mutant. Its state is kept as it goes."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from benchmarks.mindone_mutants.laboratory import Laboratory
from benchmarks.mindone_mutants.operators import Mutant, mutated
from benchmarks.mindone_mutants.probes import MODELS, Probe
from benchmarks.mindone_mutants.universe import SEED, drawn, root
from harness.cases.case import Case
from harness.cases.selection import select
from harness.pipelines.mindone import PREFIX

SUITES = ["suites/mindone"]
# A mutant that this many covering probes do not tell from the sound code is not effective.
PROBES_TRIED = 6
# What a case or a probe has to give on the sound code: one that fails there would notice every mutant, and
# one that is incomparable across releases notices none.
SOUND = ("identical", "within", "alike")


@dataclass(frozen=True)
class Result:
    """What came of a mutant: by which probe it is effective, the case that caught it, and all that ran."""

    mutant: dict[str, Any]
    told: str
    effective_by: str | None
    probe_told: str = ""
    caught_by: str | None = None
    verdict: str = ""
    passed: tuple[str, ...] = ()
    covering: int = 0


@dataclass
class Campaign:
    """A campaign of ``seed`` against ``baselines``, whose state is in the folder ``work``."""

    work: Path
    baselines: Path = Path("baselines")
    seed: int = SEED
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self.data_file = self.work / "coverage.sqlite"
        self._targets_file = self.work / "targets.json"
        self._results_file = self.work / "results.jsonl"
        self.targets: dict[str, dict[str, Any]] = {}
        if self._targets_file.exists():
            self.targets = json.loads(self._targets_file.read_text())

    @cached_property
    def cases(self) -> dict[str, Case]:
        """The cases of the suites, those that run always before those of the night."""
        found = [each for each in select(SUITES).cases if each.fails is None]
        return {each.name: each for each in sorted(found, key=lambda case: case.run != "always")}

    def planned(self, schedulers: Iterable[str]) -> Iterator[Probe | str]:
        """Yield every case, and the probes: of each scheduler, of each model, and variations of each case."""
        night = [name for name, case in self.cases.items() if case.run != "always"]
        yield from (name for name in self.cases if name not in night)
        for name in schedulers:
            yield from (Probe("scheduler", name, number) for number in range(6))
        for name in MODELS:
            yield from (Probe("model", name, number) for number in range(12))
        for name, case in self.cases.items():
            for number in range(2 if case.run == "always" else 1):
                if case.run != "always":
                    yield name
                if ":" not in case.pipeline.removeprefix(PREFIX):
                    yield Probe("pipeline", name, number)

    def record_lines(self, laboratory: Laboratory, wanted: Callable[[str], bool] = lambda _: True) -> None:
        """Run each planned target that is ``wanted`` and has not been recorded as it is now."""
        for target in self.planned(laboratory.schedulers()):
            name = target if isinstance(target, str) else target.name
            definition = self._definition(target)
            known = self.targets.get(name)
            if not wanted(name) or (known is not None and known["definition"] == definition):
                continue
            outcome = laboratory.lines(target, self.data_file)
            self.say(f"{name}: {outcome.found} {outcome.told[:120]} ({outcome.seconds:.1f} s)")
            self.targets[name] = {"definition": definition, **asdict(outcome)}
            self._targets_file.write_text(json.dumps(self.targets, indent=1))

    def _definition(self, target: Probe | str) -> str:
        """Return a hash of what is run and of the baseline that decides: a change of either shows in it."""
        digest = hashlib.sha256()
        if isinstance(target, Probe):
            if target.kind != "pipeline":
                return target.name
            target = target.of
        elif (stored := self.baselines / target / "cpu.json").exists():
            digest.update(stored.read_bytes())
        job = self.cases[target].job()
        chosen = job.scheduler and (job.scheduler.name, job.scheduler.settings)
        parts = (job.pipeline, job.checkpoint, job.seeds, job.steps, job.arguments, chosen, job.dtype)
        digest.update(repr(parts).encode())
        return digest.hexdigest()[:16]

    def covering(self) -> Callable[[Mutant], tuple[list[Probe], list[str]]]:
        """Return what gives the sound probes and cases that run a mutant's line, the fastest first."""
        import coverage

        data = coverage.CoverageData(basename=str(self.data_file))
        data.read()
        base = root()
        contexts: dict[str, dict[int, list[str]]] = {}

        def of(mutant: Mutant) -> tuple[list[Probe], list[str]]:
            path = str(base / mutant.file)
            if path not in contexts:
                contexts[path] = data.contexts_by_lineno(path)
            lines = _lines(mutant, base)
            names = {name for line in lines for name in contexts[path].get(line, ()) if name in self.targets}
            ordered = sorted(names, key=lambda name: (float(self.targets[name]["seconds"]), name))
            sound = [name for name in ordered if self.targets[name]["found"] in SOUND]
            probes = [self._probe(name) for name in sound if name not in self.cases]
            return probes, [name for name in sound if name in self.cases]

        return of

    def _probe(self, name: str) -> Probe:
        kind, rest = name.split(" ", 1)
        of, number = rest.rsplit(" ", 1)
        return Probe(kind, of, int(number))

    def results(self) -> list[Result]:
        """Return the latest result of each mutant that was drawn from lines that a probe runs."""
        if not self._results_file.exists():
            return []
        read = [Result(**json.loads(line)) for line in self._results_file.read_text().splitlines()]
        return list({_key(each): each for each in read}.values())

    def _keep(self, result: Result) -> None:
        with self._results_file.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")
        self.say(
            f"{_key(result)} {result.mutant['operator']}: {result.told}: effective by {result.effective_by}, "
            f"caught by {result.caught_by} ({result.verdict[:80]}), {result.covering} cases run it"
        )

    def measure(self, laboratory: Laboratory, effective: int, until: Callable[[], bool]) -> None:
        """Draw mutants until ``effective`` of them are effective, or ``until`` says that it is enough.

        What was not caught earlier is held to the cases that have come since.
        """
        covering = self.covering()
        done = {_key(each): each for each in self.results()}
        number = sum(each.effective_by is not None for each in done.values())
        for result in done.values():
            if result.effective_by is not None and result.caught_by is None and not until():
                _, cases = covering(mutant := Mutant(**result.mutant))
                if {self._now(name) for name in cases} - set(result.passed):
                    self._keep(self._held(laboratory, mutant, result, cases))
        for mutant in drawn(self.seed):
            if number >= effective or until():
                return
            if mutant.key in done:
                continue
            probes, cases = covering(mutant)
            if not probes:
                continue
            result = self._probed(laboratory, mutant, probes)
            if result.effective_by is not None:
                result = self._held(laboratory, mutant, result, cases)
                number += 1
            self._keep(result)

    def _now(self, name: str) -> str:
        return f"{name} {self.targets[name]['definition']}"

    def _probed(self, laboratory: Laboratory, mutant: Mutant, probes: list[Probe]) -> Result:
        _, told = mutated((root() / mutant.file).read_text(encoding="utf-8"), mutant.number)
        for probe in probes[:PROBES_TRIED]:
            seconds = float(self.targets[probe.name]["seconds"])
            outcome = laboratory.run(probe, mutant, seconds)
            if outcome.noticed and not (sound := laboratory.run(probe, None, seconds)).noticed:
                return Result(asdict(mutant), told, probe.name, sound.told)
        return Result(asdict(mutant), told, None)

    def _held(self, laboratory: Laboratory, mutant: Mutant, result: Result, cases: list[str]) -> Result:
        """Run those of ``cases`` that it has not passed as they are now, until one notices it."""
        passed = list(result.passed)
        for name in cases:
            if self._now(name) in passed:
                continue
            outcome = laboratory.run(name, mutant, float(self.targets[name]["seconds"]))
            if outcome.noticed:
                verdict = f"{outcome.found}: {outcome.told}"
                return replace(
                    result, caught_by=name, verdict=verdict, passed=tuple(passed), covering=len(cases)
                )
            passed.append(self._now(name))
        return replace(result, passed=tuple(passed), covering=len(cases))


def _key(result: Result) -> str:
    return Mutant(**result.mutant).key


def _lines(mutant: Mutant, base: Path) -> set[int]:
    """Return lines of which one runs if the mutant's place does; for a default, those of its function."""
    around = [each for each in _statements(base / mutant.file) if each.lineno <= mutant.line <= _end(each)]
    if mutant.default:
        around = [each for each in around if isinstance(each, ast.FunctionDef)]
    nearest = max(around, key=lambda each: each.lineno)
    if isinstance(nearest, ast.FunctionDef):
        return {each.lineno for each in nearest.body}
    return {mutant.line, nearest.lineno}


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


@cache
def _statements(path: Path) -> list[ast.stmt]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [each for each in ast.walk(tree) if isinstance(each, ast.stmt)]
