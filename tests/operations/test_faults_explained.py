"""Every fault of the catalogue is explained: its class of cause, and for faults of the model the cell."""

from dataclasses import replace

import pytest
from faulty_runner import Faulty
from samples import make_calibration, make_case

from benchmarks.causes import CELLS as DIGITS
from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.deep import load_deep, write_deep
from harness.baselines.store import BaselineStore
from harness.cases.job import FaultRequest
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS
from harness.operations.deep import record_deep
from harness.operations.explain import explain_against_baseline, explain_against_run
from harness.reporting.commands import Invocation, error_text
from harness.reporting.explanation import explanation_json, explanation_text

FULL_SIZE = {
    **DIGITS,
    "weight-scaled": "up_blocks.0.resnets.1.conv2",
    "bias-zeroed": "up_blocks.0.resnets.1.conv2",
    "layer-half": "up_blocks.0.resnets.1.conv2",
    "norm-groups": "up_blocks.0.resnets.1.norm2",
    "skip-dropped": "up_blocks.2.resnets.0",
    "attention-scale": "down_blocks.1.attentions.0",
    "softmax-half": "down_blocks.1.attentions.0",
}
CASES = {
    "shared-generator": {"seeds": (0, 1)},
    "variance-type": {"pipeline": "ddpm", "arguments": {}},
}
# Digits have one channel only.
THREE_CHANNELS = {"channel-order", "channel-swap"}
# Conclusion and first cause, where they are not those of the family.
CONCLUSIONS = {
    "noise": ("randomness", "randomness"),
    "scheduler": ("scheduler", "numerics"),
    "model": ("cell", "numerics"),
    "output": ("output", "output"),
    # The ledger, which holds what the generator gave, is sound.
    "noise-scaled": ("initial latents", "model input"),
    "timestep-spacing": ("schedule", "schedule"),
    "timestep-off-by-one": ("schedule", "schedule"),
    # It draws noise in steps that drew none, which shows in the ledger.
    "eta": ("scheduler", "randomness"),
}


class Memory:
    """A runner that remembers the answers to sound jobs: each fault is held to the same ones."""

    def __init__(self, runner):
        self._runner = runner
        self._answers = {}
        self.restart = runner.restart

    def _ask(self, method, job, *rest):
        if job.fault is not None:
            return method(job, *rest)
        key = repr((method.__name__, job, [getattr(each, "step", each) for each in rest]))
        if key not in self._answers:
            self._answers[key] = method(job, *rest)
        return self._answers[key]

    def run(self, job):
        return self._ask(self._runner.run, job)

    def trace(self, job, step):
        return self._ask(self._runner.trace, job, step)

    def replay(self, job, trace):
        return self._ask(self._runner.replay, job, trace)


@pytest.fixture(scope="module")
def runner():
    with Runner(timeout=300) as runner:
        yield Memory(runner)


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path)


def explained(runner, store, name, **fields):
    case = make_case(**{"steps": 3, "seeds": (0,), **fields})
    return explain_against_run(case, Faulty(runner, FaultRequest(name)), runner, store, name="python")


def check(found, known, cell):
    conclusion, first = CONCLUSIONS.get(known.name) or CONCLUSIONS[known.family]
    assert found.conclusion == conclusion, explanation_text(found, Invocation())
    assert found.causes[0].kind == first
    if known.family == "model":
        assert found.finding.beyond
        assert (found.finding.model, found.finding.cell) == ("unet", cell)
        assert f'"cell": "{cell}"' in explanation_json(found, Invocation())
        assert f"{cell}: {found.finding.operator}" in explanation_text(found, Invocation())


@pytest.mark.parametrize(
    "known", [known for known in FAULTS if known.name not in THREE_CHANNELS], ids=lambda known: known.name
)
def test_on_the_digits(runner, store, known):
    check(explained(runner, store, known.name, **CASES.get(known.name, {})), known, DIGITS.get(known.name))


@pytest.mark.slow
@pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.name)
def test_on_the_full_size_model(runner, store, known):
    case = {"checkpoint": "seeded:ddpm-cifar10-32", "steps": 2, **CASES.get(known.name, {})}
    check(explained(runner, store, known.name, **case), known, FULL_SIZE.get(known.name))


@pytest.mark.parametrize("fields", [{"mode": "graph"}, {"dtype": "float16", "mode": "graph"}])
def test_a_compiled_case_is_looked_into_in_pynative(runner, store, fields):
    found = explained(runner, store, "weight-scaled", **fields)
    assert (found.conclusion, found.finding.cell) == ("cell", DIGITS["weight-scaled"])
    assert any("PyNative" in note.text for note in found.notes)
    assert any("differ from those of graph mode" in note.text for note in found.notes) == ("dtype" in fields)


def test_the_step_that_parts_is_the_one_looked_into(runner, store):
    """The last step alone is wrong: the steps before have the reference's bits."""
    found = explained(runner, store, "final-alpha")
    assert (found.replay.step, found.finding.place) == (2, "latents")


def test_what_changed_in_the_cell_is_told(runner, store):
    for name, change in {
        "weight-scaled": "its weight is not the reference's",
        "norm-groups": "num_groups is 6, in the reference 8",
        "norm-eps": "eps is 0.0001, in the reference 1e-05",
    }.items():
        text = explanation_text(explained(runner, store, name), Invocation())
        assert f"\n      {change}\n" in text


def test_a_cell_s_own_operations_are_told_between_its_layers(runner, store):
    text = explanation_text(explained(runner, store, "attention-scale"), Invocation())
    assert "in unet (UNet2DModel) > mid_block (MidBlock2D) > attentions.0 (Attention)\n" in text
    assert "in its own operations, after to_v, in what it passes to to_out.0 as x\n" in text


def test_a_sound_run_has_nothing_to_explain(runner, store):
    found = explain_against_run(make_case(steps=3, seeds=(0,)), runner, runner, store, name="python")
    assert (found.conclusion, found.causes, found.replay) == ("nothing", (), None)


@pytest.fixture
def recorded(runner, store):
    """A case whose baseline and deep trace of step 1 are stored."""
    case = make_case(steps=3, seeds=(0,))
    measurement = runner.run(case.job())
    provenance = Provenance.of(case, reason="first recording", git_commit=None)
    store.write(Baseline(case.suite, case.id, device_key(measurement.fingerprint), measurement, provenance))
    record_deep(case, runner, store, 1)
    return case


@pytest.mark.parametrize(
    ("name", "conclusion", "cell"),
    [
        ("weight-scaled", "cell", DIGITS["weight-scaled"]),
        ("beta-end", "scheduler", None),
        ("other-seed", "randomness", None),
        ("quantised", "output", None),
        ("timestep-off-by-one", "schedule", None),
    ],
)
def test_against_a_recorded_trace(runner, store, recorded, name, conclusion, cell):
    found = explain_against_baseline(recorded, Faulty(runner, FaultRequest(name)), store)
    assert found.conclusion == conclusion
    assert (found.finding.cell if cell else cell) == cell
    assert found.reference.endswith("guide/two-steps/cpu.json")
    assert found.replay is None or found.replay.step == 1


def test_a_trace_of_a_step_before_the_fault_says_where_to_look(runner, store, recorded):
    found = explain_against_baseline(recorded, Faulty(runner, FaultRequest("final-alpha")), store)
    assert not found.explained
    text = explanation_text(found, Invocation())
    assert "step 1 every cell and the scheduler's step compute what the reference did" in text
    assert "the latents first differ in step 2: look there, with `--python OTHER --step 2`" in text


SCALED = FaultRequest("weight-scaled")


def refused(runner, store, case, *told, **fields):
    with pytest.raises(HarnessError) as error:
        explain_against_baseline(case, Faulty(runner, SCALED), store, **fields)
    for text in told:
        assert text in error_text(error.value, Invocation())


def test_a_trace_of_another_baseline(runner, store, recorded, tmp_path):
    baseline = store.load("guide", "two-steps", "cpu")
    edited = replace(baseline.provenance, case_hash="0" * 64)
    trace = load_deep(store, make_case(), baseline)
    write_deep(store, replace(baseline, provenance=edited), trace)
    refused(
        runner,
        store,
        recorded,
        "cpu.deep.safetensors: this deep trace belongs to another baseline, not to cpu.json next to it",
        "harness record suites/guide.yaml::two-steps --baseline-dir",
        " --deep",
    )


def test_calibrating_a_baseline_does_not_make_its_trace_another_s(store, recorded):
    baseline = store.load("guide", "two-steps", "cpu")
    store.write(replace(baseline, calibration=make_calibration()))
    assert load_deep(store, make_case(), store.load("guide", "two-steps", "cpu")).step == 1


def test_a_damaged_trace(runner, store, recorded):
    path = store.root / "guide/two-steps/cpu.deep.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused(runner, store, recorded, "cpu.deep.safetensors: the array ", "is not what was recorded", "--deep")
    path.write_bytes(data[:1000])
    refused(runner, store, recorded, "cpu.deep.safetensors: it is truncated, or not a deep trace")
    path.unlink()
    path.mkdir()
    refused(runner, store, recorded, "cpu.deep.safetensors: it is a folder, not a file")


def test_a_link_out_of_the_store(runner, store, recorded, tmp_path_factory):
    path = store.root / "guide/two-steps/cpu.deep.safetensors"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "trace"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    refused(runner, store, recorded, "cpu.deep.safetensors: a symbolic link leads out of")


def test_a_trace_of_another_step_than_asked_for(runner, store, recorded):
    told = (
        "the stored deep trace is of step 1, not 2; leave out --step",
        "harness record --deep --deep-step 2",
    )
    refused(runner, store, recorded, *told, step=2)


@pytest.mark.parametrize("step", [-1, 3])
def test_a_step_that_the_case_has_not_got(runner, store, recorded, step):
    told = f"guide/two-steps: there is no step {step}: give 0 to 2, the case has 3 steps"
    refused(runner, store, recorded, told, step=step)
    with pytest.raises(HarnessError, match=told):
        record_deep(recorded, runner, store, step)


def test_a_case_edited_since(runner, store, recorded):
    refused(runner, store, replace(recorded, steps=4), "the case was edited since its baseline was recorded")
    with pytest.raises(HarnessError, match="the case was edited since"):
        record_deep(replace(recorded, steps=4), runner, store, 0)


def test_a_trace_is_not_recorded_where_runs_are_not_the_baseline_s(runner, store):
    case = make_case(steps=3, seeds=(0,))
    measurement = runner.run(replace(case.job(), fault=SCALED))
    provenance = Provenance.of(case, reason="first recording", git_commit=None)
    store.write(Baseline(case.suite, case.id, device_key(measurement.fingerprint), measurement, provenance))
    with pytest.raises(HarnessError, match="the latents after step 0 differ from the baseline's here"):
        record_deep(case, runner, store, 0)
    assert not list(store.root.rglob("*.deep.safetensors"))


def test_a_trace_that_its_own_environment_does_not_repeat(runner, store, recorded):
    class Unsteady(Memory):
        def replay(self, job, trace):
            return super().replay(replace(job, fault=SCALED), trace)

    unsteady = Unsteady(runner)
    with pytest.raises(
        HarnessError, match=r"unet.up_blocks.0.resnets.0.conv2 \(Conv2d 3x3\) gives different bits"
    ):
        record_deep(recorded, unsteady, store, 0)
    found = explain_against_run(recorded, Faulty(runner, SCALED), unsteady, store, name="python")
    assert not found.explained
    assert any("no cell was examined" in note.text for note in found.notes)


def test_a_replay_that_fails_leaves_the_causes(runner, store):
    class Failing(Faulty):
        def replay(self, job, trace):
            raise HarnessError("it raised an error")

    case = make_case(steps=3, seeds=(0,))
    found = explain_against_run(case, Failing(runner, SCALED), runner, store, name="python")
    assert found.causes[0].kind == "numerics"
    assert [note.text for note in found.notes] == ["no cell was examined: it raised an error"]


def test_removing_a_baseline_removes_its_trace(store, recorded):
    assert store.remove("guide", "two-steps", "cpu")
    assert list(store.root.iterdir()) == []


def test_every_fault_of_the_model_has_its_cell():
    of_the_model = {known.name for known in FAULTS if known.family == "model"}
    assert DIGITS.keys() == FULL_SIZE.keys() == of_the_model
