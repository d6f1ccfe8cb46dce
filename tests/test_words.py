"""Words decide nothing: every message is worded otherwise, and all decisions stay as they are."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import math
import pkgutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import wraps
from pathlib import Path
from string import ascii_letters
from typing import Any

import numpy as np
import pytest
from gate_facts import case_facts, certificate, chaos, held_to, waiver, without_verdict
from samples import make_baseline, make_calibration, make_case, make_measurement, said

import harness
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.load import load_suite
from harness.cases.tolerance import Limits
from harness.cli import main
from harness.codec import kind_of
from harness.commands.exits import GATE_CODES
from harness.errors import HarnessError
from harness.execution.worker_process import CaseFailed
from harness.faults.catalogue import FAULTS, FaultNotApplicable
from harness.gate.certificate import CertificateError
from harness.gate.policy import Policy
from harness.judgement.calibration.findings import findings
from harness.judgement.power.detection import detect, with_output_fault
from harness.judgement.power.vacuity import vacuous_output
from harness.judgement.reasons import CatchesNoFault, Reason
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Measurement
from harness.operations.check import check
from harness.operations.compare_runs import compare_runs
from harness.operations.evidence import Evidence
from harness.operations.matrix import Matrix, MatrixRow
from harness.operations.power import measure_power
from harness.operations.proposal import Proposed, propose
from harness.operations.record import write
from harness.operations.verify import verify
from harness.reporting.commands import Invocation, error_text
from harness.reporting.gate_findings import shown_findings
from harness.reporting.reasons import text_of

BASE = make_measurement()
MOVED = make_measurement(BASE.output + np.float32(1e-3))
NEWER = {**BASE.fingerprint, "mindspore": "2.9.0"}
LIMITS = {"across_releases": {"max_abs": 1e-4}}
BLIND = {"across_releases": {"max_abs": 10.0}}
NOW = "2026-11-23T08:00:00+00:00"


def at_newer(measured: Measurement) -> Measurement:
    return dataclasses.replace(measured, fingerprint=NEWER)


class Runs:
    """Yields what was given, in turn, or raises it: a runner and a pool at once."""

    def __init__(self, *answers: Measurement | HarnessError) -> None:
        self._answers = answers
        self._runs = 0

    def restart(self) -> None:
        pass

    def run(self, job: object) -> Measurement:
        answer = self._answers[self._runs % len(self._answers)]
        self._runs += 1
        if isinstance(answer, HarnessError):
            raise answer
        return answer

    def submit(self, job: object) -> Future[Measurement]:
        future: Future[Measurement] = Future()
        try:
            future.set_result(self.run(job))
        except HarnessError as error:
            future.set_exception(error)
        return future


def kinds(reasons: tuple[Reason, ...]) -> list[str]:
    return [kind_of(type(reason)) for reason in reasons]


def verdicts(store: BaselineStore) -> Iterator[object]:
    """What a measurement comes to when it is held to a baseline, or to another run."""
    nan = make_measurement(np.full_like(BASE.output, math.nan))
    cases = [
        make_case(),
        make_case(strict=True),
        make_case(tolerance=LIMITS),
        make_case(tolerance={"across_releases": {"ssim": 0.9}}),
        make_case(steps=9),
        make_case(seeds=(0, 1), batch_consistency=Limits(relative_l2=1e-6)),
    ]
    measured = [BASE, MOVED, nan, at_newer(BASE), at_newer(MOVED), dataclasses.replace(MOVED, ledger=())]
    measured.append(dataclasses.replace(at_newer(BASE), singles=MOVED.output))
    calibrations = [None, make_calibration(), make_calibration(chaotic_from=1)]
    for case in cases:
        for each in measured:
            for calibration in calibrations:
                stored = dataclasses.replace(make_baseline(make_case()), calibration=calibration)
                found = judge(case, each, stored)
                yield (
                    found.verdict, found.passed, found.elsewhere, found.stale, found.margin,
                    kinds(found.reasons), kinds(found.notes), found.worst and found.worst.name,
                )  # fmt: skip
            compared = compare_runs(case, BASE, each, store)
            yield compared.verdict, compared.passed, compared.share, kinds(compared.reasons)
    failed = [HarnessError("gone"), BASE]
    for reference in failed:
        for each in failed:
            compared = compare_runs(make_case(), reference, each, store)
            pairs = {(0, 1): compared}
            matrix = Matrix((), (MatrixRow("guide", "a", (None, None), (None, None), pairs),), 0.0)
            yield compared.verdict, kinds(compared.reasons), matrix.passed


def calibrations(store: BaselineStore) -> Iterator[object]:
    """What a calibration shows, and what a case notices."""
    shown: list[dict[str, Any]] = [
        {},
        {"chaotic_from": 1},
        {"modes": (6, 5), "saturated": 0.9},
        {"metrics": {"max_abs": 0.0, "relative_l2": 0.0}},
    ]
    for tolerance in ({}, LIMITS, BLIND, {"across_releases": {"max_abs": 0.0}}):
        case = make_case(tolerance=tolerance) if tolerance else make_case()
        for fields in shown:
            calibration = make_calibration(**fields)
            stored = dataclasses.replace(make_baseline(case), calibration=calibration)
            found = findings(case, stored, calibration)
            yield [(kind_of(type(each.reason)), each.failing) for each in found]
            vacuous = vacuous_output(case, stored)
            yield vacuous and kind_of(type(vacuous))
        for fault in (each for each in FAULTS if each.family == "output"):
            faulty = with_output_fault(BASE, fault, fault.reference)
            caught = detect(case, faulty, dataclasses.replace(stored, calibration=make_calibration()))
            yield caught.caught, caught.by, caught.numbers_alone


def power(store: BaselineStore) -> Iterator[object]:
    """What becomes of a case whose power is measured."""
    name = "guide/two-steps"
    inapplicable = FaultNotApplicable("only DDIM has it", about=(name, "eta"))
    crashed = CaseFailed("its worker died", about=(name,))
    for case, pool in (
        (make_case(strict=True), Runs(BASE)),
        (make_case(), Runs(BASE)),
        (make_case(steps=9), Runs(BASE)),
        (make_case(id="absent"), Runs(BASE)),
        (make_case(), Runs(crashed)),
        (make_case(tolerance=LIMITS), Runs(BASE, crashed, inapplicable, MOVED)),
        (make_case(tolerance=BLIND), Runs(BASE)),
        (make_case(tolerance=LIMITS), Runs(MOVED)),
    ):
        stored = BaselineStore(store.root / f"{len(kind_of(type(pool)))}-{case.hash()[:8]}")
        if case.id != "absent":
            stored.write(make_baseline(dataclasses.replace(case, steps=2)), renew=True)
        found = measure_power(case, pool, stored, quick=True)
        yield found.sound, found.vacuous, found.blind, [each.outcome for each in found.faults]
        yield found.refusal and kind_of(type(found.refusal)), found.remedy and found.remedy.action


def recordings(store: BaselineStore) -> Iterator[object]:
    """What becomes of a case that is recorded."""
    edited = make_case(steps=9)
    batch = make_case(seeds=(0, 1), batch_consistency=Limits(relative_l2=1e-6))
    unlike = dataclasses.replace(BASE, singles=MOVED.output)
    for case, answers, reason in (
        (make_case(), (BASE,), None),
        (make_case(), (MOVED,), None),
        (make_case(), (MOVED,), "it moves"),
        (make_case(), (BASE, MOVED), None),
        (edited, (MOVED,), "edited"),
        (batch, (unlike,), None),
        (make_case(id="other"), (CaseFailed("its worker died"),), None),
    ):
        proposal = propose([case], Runs(*answers), store)
        stored = write(proposal, store, reason)
        yield [
            (each.state, [type(change).__name__ for change in each.changes], each.uncalibrates)
            if isinstance(each, Proposed)
            else type(each.error).__name__
            for each in proposal.results
        ]
        yield stored.complete, [type(became).__name__ for _, became in stored.dispositions]


def evidence(store: BaselineStore) -> Iterator[object]:
    """The facts that a gate gathers about cases that ran."""
    gathered = Evidence(store)
    store.write(dataclasses.replace(make_baseline(), calibration=make_calibration(chaotic_from=1)))
    runs: list[tuple[Case, Measurement | HarnessError]] = [
        (make_case(), BASE),
        (make_case(), at_newer(MOVED)),
        (make_case(), HarnessError("its worker died")),
        (make_case(id="absent"), BASE),
        (make_case(steps=9), BASE),
        (make_case(tolerance=BLIND), BASE),
        (make_case(strict=True), at_newer(MOVED)),
    ]
    for case, answer in runs:
        facts = gathered.of(case, check(case, Runs(answer), store))
        yield facts.state, facts.verdict, facts.incomparable_by_chaos, facts.chaos, kinds(facts.reasons)
        yield facts.vacuous and kind_of(type(facts.vacuous)), kind_of(type(facts.power_gap))
    path = store.path("guide", "two-steps", "cpu")
    path.write_text(path.read_text().replace("0.1.0", "0.1.1"))
    yield gathered.of(make_case(), check(make_case(), Runs(BASE), store)).state


CERTIFICATES = [
    certificate(),
    certificate(case_facts(verdict="drift", reasons=said("a"))),
    certificate(without_verdict("missing", "no baseline"), without_verdict("failed", "guide/b: no")),
    certificate(case_facts(chaos=chaos(3), verdict="incomparable", reasons=(chaos(3),))),
    certificate(case_facts(chaos=chaos(3)), policy=Policy(chaotic={"guide/one": 4, "guide/x": 1})),
    certificate(case_facts(verdict="incomparable", reasons=said("strict"))),
    certificate(case_facts(vacuous=CatchesNoFault(3, None)), policy=Policy(power=True)),
    certificate(case_facts(baseline=held_to(date="some day")), policy=Policy(max_age_days=9)),
    certificate(
        case_facts(verdict="drift"),
        orphans=("ddim/a/cpu", "ddim/b/cpu", "guide/gone/cpu"),
        policy=Policy(
            waivers=(waiver(), waiver("ddim/a/cpu", expires="2026-01-01"), waiver("guide/other")),
        ),
    ),
    certificate(case_facts(verdict="drift"), decision=certificate().decision),
]


def gates(store: BaselineStore) -> Iterator[object]:
    """What a gate decides, what its certificate verifies as, and how `harness verify` exits."""
    path = store.root.parent / "certificate.json"
    for made in CERTIFICATES:
        decision = made.decision
        yield decision.outcome, GATE_CODES[decision.outcome], made.counts
        yield [(each.rule, each.about, each.waiver, each.expired) for each in decision.findings]
        yield [(each.about, kind_of(type(each.detail))) for each in shown_findings(made)]
        yield [kind_of(type(note)) for note in decision.notes]
        path.write_bytes(made.to_bytes())
        yield len(verify(path).problems), exit_code("verify", str(path))
    for damaged in (path.read_bytes()[:-9], b"{}", b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(CertificateError):
            verify(path)
        yield exit_code("verify", str(path))


def listings(store: BaselineStore) -> Iterator[object]:
    """How `harness list` exits."""
    suite = store.root.parent / "guide.yaml"
    entry = "{id: two-steps, pipeline: ddim, checkpoint: 'builtin:ddpm-digits', seed: 7, steps: 2}"
    text = f"suite: guide\ncases: [{entry}]\n"
    suite.write_text(text)
    (case,) = load_suite(suite).cases
    yield exit_code("list", str(suite), "--check", "--baseline-dir", str(store.root))
    store.write(make_baseline(case))
    for steps in ("2", "3", "many"):
        suite.write_text(text.replace("steps: 2", f"steps: {steps}"))
        yield exit_code("list", str(suite), "--check", "--baseline-dir", str(store.root))
    store.path(case.suite, case.id, "cpu").write_text("{}")
    yield exit_code("list", str(suite), "--check", "--baseline-dir", str(store.root))
    yield exit_code("list", str(suite.with_name("absent.yaml")))


def exit_code(*arguments: str) -> int | str | None:
    before, sys.argv = sys.argv, ["harness", *arguments]
    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    finally:
        sys.argv = before
    return 0


DECISIONS: list[Callable[[BaselineStore], Iterator[object]]] = [
    verdicts, calibrations, power, recordings, evidence, gates, listings,
]  # fmt: skip


def otherwise(text: str) -> str:
    """Return ``text`` worded so that no comparison, prefix or word of it is found again, twice neither."""
    return text.translate(_NEXT_LETTER)[::-1]


_NEXT_LETTER = str.maketrans(ascii_letters, ascii_letters[1:] + "a")


@pytest.fixture
def reword(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Word every error and everything that reporting says otherwise, wherever it was imported."""
    # Nothing else: to look into a package imports it, and the worker's packages import MindSpore.
    for name in ("harness.reporting", "harness.operations", "harness.commands"):
        for info in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            importlib.import_module(info.name)

    def now() -> None:
        monkeypatch.setattr(
            HarnessError, "__str__", lambda self: otherwise(Exception.__str__(self)), raising=False
        )
        modules = [module for name, module in sys.modules.items() if name.startswith("harness.")]
        said = {}
        for module in modules:
            for function in vars(module).values():
                if (getattr(function, "__module__", None) or "").startswith("harness.reporting") and _says(
                    function
                ):
                    said[function] = _reworded(function)
        assert len(said) > 60
        for module in modules:
            for name, value in list(vars(module).items()):
                if inspect.isfunction(value) and value in said:
                    monkeypatch.setattr(module, name, said[value])

    return now


def _says(function: object) -> bool:
    if not inspect.isfunction(function):
        return False
    return function.__annotations__.get("return") in ("str", "tuple[str, ...]", "list[str]")


def _reworded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def said(*arguments: Any, **options: Any) -> Any:
        told = function(*arguments, **options)
        return otherwise(told) if isinstance(told, str) else type(told)(map(otherwise, told))

    return said


@pytest.mark.parametrize("decisions", DECISIONS, ids=lambda each: each.__name__)
def test_all_decisions_stay_when_every_message_is_worded_otherwise(
    decisions: Callable[[BaselineStore], Iterator[object]], reword: Callable[[], None], tmp_path: Path
) -> None:
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    before = list(decisions(BaselineStore(tmp_path / "before" / "baselines")))
    assert len(before) > 3
    # One that never differs would show nothing.
    assert len(set(map(repr, before))) > 2
    reword()
    assert list(decisions(BaselineStore(tmp_path / "after" / "baselines"))) == before


def test_every_message_is_worded_otherwise(reword: Callable[[], None]) -> None:
    (reason,) = said("the schedule differs")
    error = HarnessError("no such checkpoint")
    assert (text_of(reason), str(error)) == ("the schedule differs", "no such checkpoint")
    reword()
    module = importlib.import_module("harness.reporting.reasons")
    # Once for itself, once for the words that its class has in the table.
    assert module.text_of(reason) == otherwise(otherwise("the schedule differs"))
    assert str(error) == otherwise("no such checkpoint")
    commands = importlib.import_module("harness.reporting.commands")
    assert commands.error_text(error, Invocation()) != error_text(HarnessError("x"), Invocation())


# Where judgement names a thing with a space: identifiers that stand in files, and the words of enumerations.
NAMES = {
    "hard failure": "what caught a fault, in a power table",
    "not applicable": "what became of a fault, in a power table",
    " after step ": "a row's name, which stands in histories and certificates",
    "batch vs single: ": "a row's name, which stands in histories and certificates",
    " alone: ": "a row's name, which stands in histories and certificates",
    "model input": "a kind of cause, which stands in reports and histories",
    "1 - alpha": "a derived constant, by its formula",
    " (": "what follows a library's release in a fingerprint",
    " ": "a tier's value as words",
    ": ": "the own text of an error, for logs",
}


@pytest.mark.parametrize("folder", ["judgement", "explanation"])
def test_judgement_and_explanation_hold_no_sentences(folder: str) -> None:
    """A text with a space in it is a docstring, an identifier that is listed here, or of an error."""
    found = []
    for path in sorted((Path(harness.__file__).parent / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [f"{path.name}:{line}: {text}" for line, text in _sentences(tree) if text not in NAMES]
    assert found == []


def test_a_sentence_would_be_noticed() -> None:
    tree = ast.parse(
        '"""A docstring."""\ndef f(x):\n    raise ValueError("an error")\n\nA = f"{1} of many"\n'
    )
    assert list(_sentences(tree)) == [(5, " of many")]


def _sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(tree, ast.Raise):
        return
    for node in ast.iter_child_nodes(tree):
        # A text that stands by itself is a docstring.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
        yield from _sentences(node)
