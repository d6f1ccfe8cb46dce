"""Measuring operators in real workers."""

import os
import signal
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from harness.atlas.comparing import compare, sample_of
from harness.atlas.document import atlas_text, parse_atlas
from harness.atlas.drawing import draw, places
from harness.atlas.entry import Entry
from harness.atlas.measuring import NoSuchOperator, resolved
from harness.atlas.probe import Probe
from harness.atlas.result import Result, State
from harness.atlas.table import selected
from harness.atlas.table.making import rows
from harness.operations.atlas import Wanted, make_atlas
from harness.operations.progress import Progress
from harness.operations.workers import Workers

EXP, ABSENT = "mint.exp mindone-small float32", "mint.nn.functional.silu mindone-small bfloat16"
PATTERNS = (
    EXP, ABSENT, "ops.rms_norm mindone-small float32", "mint.matmul sd15-text float32",
    "mint.nn.Conv2d canary-64x16x16 float32", "mint.log10 mindone-small float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return make_atlas(Wanted(PATTERNS, runs=4), Workers())


def test_an_atlas_of_a_few_operators(made):
    found = made.by_name()
    assert set(found) == set(PATTERNS)
    exp = found[EXP]
    assert (exp.state, exp.kernel, exp.runs, exp.processes) == (State.MEASURED, "mindspore", 4, 2)
    assert (exp.deviating, exp.batches, exp.row_changes) == (0, 4, ())
    assert exp.shape == (1, 64, 16, 16)
    inputs = draw(selected((EXP,))[0], 1)[0].ravel()[places(EXP, exp.shape[1] * 256)]
    np.testing.assert_allclose(sample_of(exp), np.exp(inputs.astype(np.float64)), rtol=1e-5)
    assert exp.exactness.reference == "numpy"
    assert 0 < exp.exactness.ulp_median < exp.exactness.ulp_max
    assert exp.exactness.relative_l2 < 1e-6
    assert made.fingerprint["mint_kernels"].startswith("harness ")


def test_a_kernel_of_harness_is_named_and_a_missing_one_is_told(made):
    found = made.by_name()
    assert found["mint.log10 mindone-small float32"].kernel == "harness: Log10"
    lacking = found["ops.rms_norm mindone-small float32"]
    assert (lacking.state, lacking.reason) == (State.NO_KERNEL, "the device has no kernel for RmsNorm")
    assert (lacking.sha256, lacking.exactness) == ("", None)


def test_a_class_has_drawn_parameters_and_a_reference(made):
    conv = made.by_name()["mint.nn.Conv2d canary-64x16x16 float32"]
    assert conv.exactness.relative_l2 < 1e-6
    assert np.abs(sample_of(conv)).max() > 0.1


def test_bfloat16_is_off_by_half_a_unit(made):
    found = made.by_name()[ABSENT]
    assert found.result_dtype == "bfloat16"
    assert found.exactness.ulp_max == pytest.approx(0.5, abs=0.01)


def test_the_file_of_a_real_atlas_is_read_back_and_equal_to_itself(made):
    found = compare(made, parse_atlas(atlas_text(made).encode()))
    assert found.equal
    assert found.same == len(list(made.measured()))
    assert found.same + found.unmeasured == len(PATTERNS)


class Killing(Progress):
    """Kills the worker of the captured runner when the entry called ``name`` starts."""

    def __init__(self, name, runners):
        self.name, self.runners, self.seen = name, runners, []

    def started(self, name):
        if name == self.name:
            (worker,) = self.runners[0]._workers.values()
            os.kill(worker.pid, signal.SIGSEGV)

    def finished(self, result):
        self.seen.append(result.name)


def test_an_entry_that_ends_its_worker_does_not_lose_the_others(monkeypatch):
    runners, original = [], Workers.runner

    def captured(self):
        runners.append(original(self))
        return runners[-1]

    monkeypatch.setattr(Workers, "runner", captured)
    names = ["mint.cos mindone-small float32", "mint.erf mindone-small float32", EXP]
    display = Killing(names[1], runners)
    found = make_atlas(Wanted(tuple(names), runs=2), Workers(), display).by_name()
    assert found[names[1]].state is State.CRASHED
    assert "signal SIGSEGV" in found[names[1]].reason
    assert [found[name].state for name in (names[0], EXP)] == [State.MEASURED] * 2
    assert found[EXP].processes == 2
    # The second process does not ask for it again.
    assert display.seen.count(names[1]) == 1


def test_a_probe_finds_runs_and_rows_that_differ(mindspore, monkeypatch):
    """In this process, with an operator that gives other bits in every third run, and in every batch."""
    from harness.atlas import measuring

    calls = []

    def odd(x):
        calls.append(x.shape[0])
        values = x.asnumpy().astype(np.float32) * np.float32(2)
        return mindspore.Tensor(values + np.float32(1e-3 * (len(calls) % 3 == 0 or x.shape[0] > 2)))

    class Kernels:
        def reset(self):
            pass

        def used_kernels(self):
            return {"Odd": 1}

        def missing(self, error):
            return None

    entry = Entry("ops.odd", "test", "float32", (rows(8),))
    monkeypatch.setattr(measuring, "resolved", lambda _: odd)
    found = measuring.measure(Probe(entry, 6, 60.0), Kernels(), lambda _: nullcontext())
    assert (found.runs, found.deviating, found.kernel) == (6, 2, "harness: Odd")
    assert found.batches == 4
    assert found.row_changes == (3, 4)


@pytest.mark.parametrize("name", ["os.system", "mint._x", "mint", "nn.Nothing", "ops.exp.__call__"])
def test_only_public_operators_are_called(name):
    with pytest.raises(NoSuchOperator, match=name):
        resolved(name)


def test_a_second_process_with_other_bits_counts_as_deviating():
    one = Result("a", "b", "float32", "", "d", sha256="1", runs=10, processes=1)
    same = one.with_second(replace(one, deviating=1, row_changes=(3,)))
    assert (same.runs, same.processes, same.deviating, same.row_changes) == (20, 2, 1, (3,))
    other = one.with_second(replace(one, sha256="2"))
    assert (other.runs, other.deviating) == (20, 10)
    lost = one.with_second(Result("a", "b", "float32", "", "d", State.CRASHED, "signal SIGSEGV"))
    assert (lost.state, lost.reason) == (State.CRASHED, "in a second process: signal SIGSEGV")
