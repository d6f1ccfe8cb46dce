"""On the real thing: a mutant that matters is caught, one that does not is not effective, and none stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.mindone_mutants.campaign import SUITES, Result
from benchmarks.mindone_mutants.laboratory import Laboratory
from benchmarks.mindone_mutants.operators import Mutant, mutants_of, mutated
from benchmarks.mindone_mutants.page import SAMPLE
from benchmarks.mindone_mutants.probes import Probe
from benchmarks.mindone_mutants.universe import NIGHTLY, root
from harness.execution.profile import claim_core

pytestmark = [pytest.mark.mindone, pytest.mark.slow]

FILE = "schedulers/scheduling_ddim.py"
PROBE = Probe("scheduler", "DDIMScheduler", 0)
CASE = "mindone-ddim/ten-steps"


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    claim = claim_core()
    try:
        with Laboratory(SUITES, Path("baselines"), claim.core) as made:
            yield made
    finally:
        claim.release()


def last_mutant(told: str) -> Mutant:
    """Return the last mutant of that change: it is in `step`."""
    source = (root() / FILE).read_text(encoding="utf-8")
    return [each for each in mutants_of(source, FILE, "") if mutated(source, each.number)[1] == told][-1]


def test_a_mutant_that_matters_is_caught_and_does_not_stay(laboratory: Laboratory) -> None:
    wrong = last_mutant("1 - alpha_prod_t → 1 + alpha_prod_t")
    assert laboratory.run(PROBE, wrong, 10.0).found == "differs"
    assert laboratory.run(CASE, wrong, 10.0).found == "drift"
    assert laboratory.run(PROBE, None, 10.0).found == "alike"
    assert not laboratory.run(CASE, None, 10.0).noticed


def test_a_mutant_that_changes_no_result_is_not_effective(laboratory: Laboratory) -> None:
    # The default of `eta`, which the probe gives.
    assert laboratory.run(PROBE, last_mutant("0.0 → 1.0"), 10.0).found == "alike"


def test_the_mutants_of_the_night_are_caught_as_the_page_says(laboratory: Laboratory) -> None:
    sample = [Result(**each) for each in json.loads(SAMPLE.read_text())]
    assert len(sample) <= NIGHTLY
    caught = [each for each in sample if each.caught_by is not None]
    assert caught
    # A case that fails as it is would notice everything.
    cases = sorted({str(each.caught_by) for each in caught})
    assert [name for name in cases if laboratory.run(name, None, 60.0).noticed] == []
    passed = [
        f"{each.mutant['file']}:{each.mutant['line']} {each.told}: {each.caught_by}"
        for each in caught
        if not laboratory.run(str(each.caught_by), Mutant(**each.mutant), 60.0).noticed
    ]
    assert passed == []
