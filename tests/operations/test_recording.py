"""Recording into a real store: what is fit, what would change, and that one failure loses no other case.

An object with prepared measurements stands in for the runner.
"""

import hashlib
import io
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from samples import make_calibration, make_case, make_measurement

from harness.baselines.errors import BaselineError
from harness.baselines.store import BaselineStore
from harness.cases.tolerance import Limits
from harness.errors import HarnessError
from harness.execution.worker_process import CaseFailed
from harness.judgement.fact_reasons import OtherParameters
from harness.judgement.judgement import Verdict
from harness.judgement.reasons import FieldEdit, NotRepeatable, OtherPart, OtherProvenance, StoredDamaged
from harness.judgement.verdicts import judge
from harness.measurement.facts import Facts
from harness.measurement.figures import CodeIdentity
from harness.operations.proposal import Proposal, Proposed, Refusal, propose
from harness.operations.record import FIRST_REASON, write
from harness.reporting.commands import Invocation, error_text
from harness.reporting.recording import RecordingDisplay

BASE = make_measurement()
CASE = make_case()
OTHER = make_case(id="other")
DRIFTED = make_measurement(BASE.output * np.float32(1.5))


class Prepared:
    """Gives the same measurement at every run, or different ones in turn, or raises an error."""

    def __init__(self, *answers):
        self.answers = answers
        self.runs = 0

    def restart(self):
        pass

    def run(self, job):
        answer = self.answers[self.runs % len(self.answers)]
        self.runs += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines")


def record(store, *pairs, reason=None):
    """Measure each (case, answer), then write; return the proposal, what was stored, and each outcome."""
    proposal = proposed(store, *((case, Prepared(answer)) for case, answer in pairs))
    stored = write(proposal, store, reason)
    return proposal, stored, [outcome for _, outcome in stored.dispositions]


def proposed(store, *pairs):
    """Measure each (case, runner) by itself."""
    return Proposal(tuple(propose([case], runner, store).results[0] for case, runner in pairs))


def files(store):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in store.root.glob("[!.]*/*/*")}


def loaded(store, case=CASE):
    return store.load(case.suite, case.id, "cpu")


def test_what_is_new_is_written_with_its_reason(store):
    proposal, stored, (written,) = record(store, (CASE, BASE))
    assert [candidate.state for candidate in proposal.proposed] == ["new"]
    assert (written.state, written.path) == ("created", store.path("guide", "two-steps", "cpu"))
    assert stored.complete
    assert not proposal.changed
    assert loaded(store).provenance.reason == FIRST_REASON
    record(store, (OTHER, BASE), reason="a second case")
    assert loaded(store, OTHER).provenance.reason == "a second case"


@pytest.mark.parametrize("while_it_runs", [True, False])
@pytest.mark.parametrize("theirs", [BASE, DRIFTED], ids=["the same bits", "others"])
@pytest.mark.parametrize("stored", [False, True])
def test_of_two_recordings_at_once_the_later_one_is_told(store, theirs, while_it_runs, stored):
    if stored:
        record(store, (CASE, make_measurement(BASE.output + 1)))

    class Meanwhile(Prepared):
        def run(self, job):
            if while_it_runs and self.runs == 1:
                record(store, (CASE, theirs), reason="theirs")
            return super().run(job)

    proposal = propose([CASE], Meanwhile(BASE), store)
    if not while_it_runs:
        record(store, (CASE, theirs), reason="theirs")
    ours = write(proposal, store, "ours")
    (refusal,) = ours.refusals
    assert str(refusal.error).endswith(
        "two-steps/cpu.json: another process has written this baseline since; nothing was changed here"
    )
    assert refusal.error.answers  # so the command exits with 1
    assert loaded(store).provenance.reason == "theirs"


def test_nothing_is_written_by_proposing(store):
    (result,) = propose([CASE], Prepared(BASE), store).results
    assert isinstance(result, Proposed)
    assert not store.root.exists()


class Journal(Prepared):
    """Notes what is asked of it."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.calls = []

    def restart(self):
        self.calls.append("restart")

    def run(self, job):
        self.calls.append(job.name.removeprefix("guide/"))
        return super().run(job)


def test_two_fresh_workers_run_the_cases_there_and_back():
    runner = Journal(BASE)
    results = propose([CASE, OTHER], runner, BaselineStore(Path("absent"))).results
    assert runner.calls == ["restart", "two-steps", "other", "restart", "other", "two-steps"]
    assert [result.case.id for result in results] == ["two-steps", "other"]


def test_what_failed_once_does_not_run_again():
    runner = Journal(CaseFailed("no such checkpoint", about=("guide/two-steps",)), BASE, BASE)
    results = propose([CASE, OTHER], runner, BaselineStore(Path("absent"))).results
    assert runner.calls == ["restart", "two-steps", "other", "restart", "other"]
    assert [type(result) for result in results] == [Refusal, Proposed]


@pytest.mark.parametrize("reason", [None, "a reason for others"])
def test_what_is_unchanged_is_not_touched(store, reason):
    record(store, (CASE, BASE))
    before = files(store)
    moved = replace(BASE.ledger[0], site="moved.py:1")
    again = make_measurement(ledger=(moved,), timings={"run": 9.0})
    proposal, stored, (outcome,) = record(store, (CASE, again), reason=reason)
    assert proposal.proposed[0].state == outcome.state == "unchanged"
    assert files(store) == before
    assert stored.complete
    assert not proposal.changed


def test_what_a_killed_writer_left_is_not_told_as_a_first_recording(store):
    record(store, (CASE, BASE))
    path = store.path("guide", "two-steps", "cpu")
    arrays = path.with_suffix(".safetensors")
    arrays.rename(f"{arrays}.{hashlib.sha256(arrays.read_bytes()).hexdigest()}")
    before = files(store)
    *_, (outcome,) = record(store, (CASE, BASE))
    assert outcome.state == "unchanged"
    assert files(store) == before


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_what_changed_is_kept_without_a_reason(store, reason):
    record(store, (CASE, BASE))
    before = files(store)
    proposal, stored, outcomes = record(store, (CASE, DRIFTED), (OTHER, BASE), reason=reason)
    assert proposal.changed
    assert not stored.complete
    assert outcomes[0] is None
    assert outcomes[1].state == "created"
    assert {path: content for path, content in files(store).items() if path in before} == before


def test_what_changed_is_replaced_with_a_reason(store):
    record(store, (CASE, BASE))
    proposal, stored, (written,) = record(store, (CASE, DRIFTED), reason=" a better kernel ")
    (candidate,) = proposal.proposed
    assert (candidate.state, candidate.changes) == ("changed", (OtherPart("output"),))
    assert candidate.relative_l2 == pytest.approx(0.5, rel=1e-6)
    assert written.state == "replaced"
    assert stored.complete
    assert loaded(store).provenance.reason == "a better kernel"
    assert loaded(store).provenance.replaced == written.replaced
    assert np.array_equal(loaded(store).measurement.output, DRIFTED.output)


def test_an_edited_case_is_told_by_its_fields(store):
    record(store, (CASE, BASE))
    proposal, *_ = record(store, (make_case(steps=3), BASE))
    (candidate,) = proposal.proposed
    assert (candidate.state, candidate.changes) == ("changed", (FieldEdit("steps", "2", "3"),))
    assert candidate.relative_l2 == 0


@pytest.mark.parametrize(
    "output", [BASE.output.astype(np.float64), BASE.output[:, :4], np.concatenate([BASE.output] * 2)]
)
def test_another_form_of_the_output_has_no_size_of_change(store, output):
    record(store, (CASE, BASE))
    proposal, _, (written,) = record(store, (CASE, make_measurement(output)), reason="another form")
    assert proposal.proposed[0].state == "changed"
    assert proposal.proposed[0].relative_l2 is None
    assert written.state == "replaced"


def test_a_damaged_baseline_is_replaced_only_with_a_reason(store):
    record(store, (CASE, BASE))
    path = store.path("guide", "two-steps", "cpu")
    path.write_text("{")
    proposal, _, (outcome,) = record(store, (CASE, BASE))
    assert outcome is None
    assert proposal.proposed[0].changes == (StoredDamaged(),)
    assert path.read_text() == "{"
    assert record(store, (CASE, BASE), reason="the file was damaged")[2][0].state == "replaced"
    assert loaded(store).provenance.reason == "the file was damaged"


def not_finite(value):
    output = BASE.output.copy()
    output[0, 1, 2, 0] = value
    return output


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (make_measurement(not_finite(np.nan)), "output holds NaN or Inf in 1 of 192 places"),
        (make_measurement(not_finite(-np.inf)), "output holds NaN or Inf in 1 of 192 places"),
        (make_measurement(BASE.output[:0]), "output is empty"),
        (make_measurement(singles=not_finite(np.nan)), "singles holds NaN"),
        (
            make_measurement(trace=(replace(BASE.trace[0], statistics={"max": np.inf}),)),
            "latents of step 0: max is inf",
        ),
    ],
    ids=["NaN", "Inf", "empty", "singles", "trace"],
)
def test_what_nothing_can_be_held_to_is_refused_and_the_others_are_stored(store, bad, told, existing):
    if existing:
        record(store, (CASE, BASE))
    proposal = proposed(store, (CASE, Prepared(bad)), (OTHER, Prepared(BASE)))
    (refusal,) = proposal.refusals
    assert isinstance(refusal, Refusal)
    assert refusal.case is CASE
    assert told in str(refusal.error)
    stored = write(proposal, store, "a reason")
    assert [(candidate.case.id, outcome.state) for candidate, outcome in stored.dispositions] == [
        ("other", "created")
    ]
    assert stored.refusals == (refusal,)
    assert not stored.complete


def test_what_does_not_repeat_is_refused(store):
    proposal = propose([CASE], Prepared(BASE, DRIFTED), store)
    (refusal,) = proposal.results
    assert isinstance(refusal, Refusal)
    assert refusal.error.reason == NotRepeatable(OtherPart("output"))
    told = error_text(refusal.error, Invocation())
    assert "two runs in fresh workers differ, first in the output" in told
    assert proposal.proposed == ()


def test_a_case_that_fails_is_refused(store):
    error = CaseFailed("no such checkpoint", about=("guide/two-steps",))
    assert propose([CASE], Prepared(error), store).results == (Refusal(CASE, error),)


def test_a_fingerprint_without_a_device_is_refused(store):
    (refusal,) = propose([CASE], Prepared(make_measurement(fingerprint={})), store).results
    assert isinstance(refusal, Refusal)
    assert "names no device" in str(refusal.error)


def test_a_fault_of_the_harness_itself_is_not_hidden(store):
    with pytest.raises(ZeroDivisionError):
        propose([CASE], Prepared(ZeroDivisionError()), store)


def test_a_baseline_that_cannot_be_written_is_refused_and_the_others_are_stored(store):
    third = make_case(id="third")
    proposal = proposed(store, *((case, Prepared(BASE)) for case in (CASE, OTHER, third)))
    assert proposal.refusals == ()
    # In the way of the second one's folder only.
    (store.root / "guide").mkdir(parents=True)
    (store.root / "guide" / "other").write_text("")
    stored = write(proposal, store, None)
    first, second, last = (outcome for _, outcome in stored.dispositions)
    assert (first.state, last.state) == ("created", "created")
    assert isinstance(second, Refusal)
    assert "the baseline cannot be written" in str(second.error)
    assert stored.refusals == (second,)
    assert not stored.complete
    assert loaded(store, third)


def test_an_output_that_has_no_form_on_disk_is_refused(store):
    """Known only when it is written: a dtype wider than safetensors has."""
    wide = replace(BASE, output=BASE.output.astype(np.longdouble))
    *_, outcomes = record(store, (CASE, wide), (OTHER, BASE))
    assert isinstance(outcomes[0], Refusal)
    assert "cannot be stored" in str(outcomes[0].error)
    assert outcomes[1].state == "created"


def test_a_store_that_cannot_be_a_folder_is_told_before_any_case_runs(store):
    store.root.write_text("a file in the way")
    runner = Prepared(BASE)
    with pytest.raises(BaselineError, match="Not a directory") as raised:
        propose([CASE], runner, store)
    assert isinstance(raised.value, HarnessError)
    assert runner.runs == 0


def test_a_batch_that_is_not_its_single_images_is_refused(store):
    case = make_case(seeds=(0, 1), batch_consistency=Limits(relative_l2=1e-6))
    singles = BASE.output * np.float32(1.001)
    proposal, _, outcomes = record(store, (case, replace(BASE, singles=singles)))
    assert outcomes == []
    assert "differ from the images made singly" in error_text(proposal.refusals[0].error, Invocation())
    assert not store.root.exists()
    _, sound, (written,) = record(store, (case, replace(BASE, singles=BASE.output.copy())))
    assert sound.complete
    assert written.state == "created"


@pytest.fixture
def repository(tmp_path):
    """A git repository with one commit and a suite; the baselines lie below it."""
    for command in (["init", "-q"], ["add", "suites"], ["commit", "-qm", "a suite"]):
        (tmp_path / "suites").mkdir(exist_ok=True)
        (tmp_path / "suites" / "guide.yaml").write_text("suite: guide\n")
        settings = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        subprocess.run(["git", *settings, *command], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_recording_takes_the_place_of_one_from_an_edited_tree(repository, store):
    case = make_case(path=repository / "suites" / "guide.yaml")
    note = repository / "note"
    note.write_text("an edit")
    record(store, (case, BASE))
    dirty = store.load(case.suite, case.id, "cpu")
    assert dirty.provenance.git_commit.dirty
    store.write(replace(dirty, calibration=make_calibration()))
    # As long as the tree is edited there is nothing to gain.
    proposal, *_ = record(store, (case, BASE), reason="again")
    assert [candidate.state for candidate in proposal.proposed] == ["unchanged"]
    note.unlink()
    proposal, _, outcomes = record(store, (case, BASE))
    assert outcomes == [None]
    assert proposal.proposed[0].changes == (OtherProvenance(),)
    *_, (written,) = record(store, (case, BASE), reason="from a clean tree")
    assert written.state == "replaced"
    clean = store.load(case.suite, case.id, "cpu")
    assert clean.provenance.git_commit == replace(dirty.provenance.git_commit, dirty=False)
    assert clean.provenance.reason == "from a clean tree"
    assert clean.calibration == make_calibration()
    before = files(store)
    *_, (written,) = record(store, (case, BASE), reason="once more")
    assert (written.state, files(store)) == ("unchanged", before)


def test_code_that_gives_the_same_bits_is_stored_with_a_reason_only(store):
    old, new = (CodeIdentity({"mine.py": digit * 64}, {}, commit=None) for digit in "12")
    for before, code, becomes in (
        (None, old, "replaced"),  # as in a baseline of an earlier version
        (old, replace(old, commit="0" * 40), "unchanged"),
        (old, new, "replaced"),
        (new, None, "unchanged"),
    ):
        record(store, (CASE, replace(BASE, code=before)), reason="first")
        stored = replace(store.load("guide", CASE.id, "cpu"), calibration=make_calibration())
        store.write(replace(stored, measurement=replace(BASE, code=before)), renew=True)
        seen = files(store)
        proposal, *_, (left,) = record(store, (CASE, replace(BASE, code=code)))
        assert (proposal.proposed[0].state, left.state, files(store)) == ("unchanged", "unchanged", seen)
        *_, (written,) = record(store, (CASE, replace(BASE, code=code)), reason="refactored")
        assert written.state == becomes
        after = store.load("guide", CASE.id, "cpu")
        assert after.measurement.code == (code if becomes == "replaced" else before)
        assert after.calibration == make_calibration()
        assert after.provenance.reason == (
            "refactored" if becomes == "replaced" else stored.provenance.reason
        )


FACTS = Facts({"unet/weight": "01234567"}, dtypes={"scheduler.betas": "float32"})
WITH_FACTS = replace(BASE, facts=FACTS, constants={"scheduler.betas": np.array([np.inf, 0.1], np.float32)})


def test_facts_are_stored_and_read_back(store):
    record(store, (CASE, WITH_FACTS))
    stored = loaded(store).measurement
    assert stored.facts == FACTS
    assert stored.constants["scheduler.betas"].tolist() == WITH_FACTS.constants["scheduler.betas"].tolist()
    text = store.path("guide", "two-steps", "cpu").read_text()
    assert '"unet/weight": "01234567"' in text
    assert judge(CASE, WITH_FACTS, loaded(store)).verdict is Verdict.IDENTICAL


def test_facts_are_added_to_a_baseline_with_the_same_bits_which_keeps_its_calibration(store):
    record(store, (CASE, BASE))
    assert '"facts"' not in store.path("guide", "two-steps", "cpu").read_text()
    store.write(replace(loaded(store), calibration=make_calibration()))
    before = files(store)
    proposal, stored, (kept,) = record(store, (CASE, WITH_FACTS))
    assert (proposal.changed, stored.complete, kept.state) == (False, True, "unchanged")
    assert files(store) == before
    assert "1 baseline without facts, or without some; they are added with --reason '<why>'" in shown(stored)
    _, stored, (written,) = record(store, (CASE, WITH_FACTS), reason="facts")
    assert (written.state, stored.uncalibrated) == ("replaced", ())
    found = loaded(store)
    assert (found.measurement.facts, found.calibration) == (FACTS, make_calibration())
    assert "1 baseline with the same bits got facts; calibrations stay as they are" in shown(stored)
    more = replace(
        WITH_FACTS,
        facts=replace(
            FACTS, dtypes=FACTS.dtypes | {"unet/*.eps": "float64"}, places={"unet/*.eps": ("norm",)}
        ),
        constants=WITH_FACTS.constants | {"unet/*.eps": np.array([1e-5])},
    )
    record(store, (CASE, more), reason="facts that were not stored before")
    found = loaded(store)
    assert found.measurement.constants["unet/*.eps"].tolist() == [1e-5]
    # Which cells they are is known by whoever measures again.
    assert (found.measurement.facts.places, found.calibration) == ({}, make_calibration())
    assert "places" not in store.path("guide", "two-steps", "cpu").read_text()
    _, stored, (again,) = record(store, (CASE, WITH_FACTS), reason="facts")
    assert again.state == "unchanged"
    assert "facts" not in shown(stored)


def test_another_parameter_changes_a_baseline_though_no_bit_of_the_output_moves(store):
    record(store, (CASE, WITH_FACTS))
    other = replace(WITH_FACTS, facts=replace(FACTS, parameters={"unet/weight": "89abcdef"}))
    proposal, _, (kept,) = record(store, (CASE, other))
    assert kept is None
    assert proposal.proposed[0].changes == (OtherParameters(("unet/weight",)),)


def shown(stored):
    console = Console(width=200, file=io.StringIO())
    RecordingDisplay(console, Invocation()).finished(stored)
    return console.file.getvalue()
