"""Cells watched in this process: each is judged by its own operations, whatever its model looks like."""

from collections import namedtuple
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from harness.codec import from_json, to_json
from harness.errors import HarnessError
from harness.tracing.divergence import Replay
from harness.tracing.trace import DeepTrace

Pair = namedtuple("Pair", ["left", "right"])


@pytest.fixture(scope="module")
def cells(mindspore):
    """Cells for the models of these tests; classes of MindSpore, which is imported by now."""
    from mindspore import nn

    class Scale(nn.Cell):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def construct(self, x):
            return x * self.factor

    class Model(nn.Cell):
        """Two layers with operations of its own before, between and after them."""

        def __init__(self, first=2.0, second=3.0, before=1.0, between=1.0, after=1.0):
            super().__init__()
            self.layers = nn.CellList([Scale(first), Scale(second)])
            self._own = (before, between, after)

        def construct(self, x, timestep):
            before, between, after = self._own
            x = self.layers[0](x * before) * between
            return self.layers[1](x) * after

    return SimpleNamespace(Scale=Scale, Model=Model, Cell=nn.Cell, nn=nn)


class Loop:
    """A pipeline: draws latents, and takes a share of the model's prediction off them at every step."""

    def __init__(self, unet, *, share=0.1, noise=1.0, timestep=0, ignores_callback=False):
        self.unet = unet
        self.share, self.noise, self.timestep = share, noise, timestep
        self.ignores_callback = ignores_callback

    def run(self, callback, steps=3):
        from mindspore import Tensor

        draws = np.random.Generator(np.random.PCG64(5)).standard_normal((1, 1, 4, 4), dtype=np.float32)
        latents = Tensor(draws * np.float32(self.noise))
        for step in range(steps):
            timestep = 900 - step + self.timestep
            latents = latents - self.share * self.unet(latents, timestep)
            returned = callback(self, step, timestep, {"latents": latents})
            if not self.ignores_callback:
                latents = returned.get("latents", latents)
        return SimpleNamespace(array=latents.asnumpy())


class Guided(Loop):
    """A pipeline with a scheduler, guidance before its step, and a decoder after the last one.

    ``within`` is a cell in which it has the decoder, as a VAE has it.
    """

    def __init__(self, unet, decoder, *, guidance=2.0, share=0.1, given=0, scale=1.0, grey=0.0, within=None):
        super().__init__(unet)
        self.guidance, self.given, self.scale, self.grey = guidance, given, scale, grey
        self._decode = decoder
        self.vae = within or decoder
        self.scheduler = SimpleNamespace(step=self.step, set_timesteps=None, share=share)
        self.scheduler.set_timesteps = lambda steps: None

    def step(self, model_output, timestep, sample):
        return sample - self.scheduler.share * model_output

    def run(self, callback, steps=3):
        from mindspore import Tensor

        draws = np.random.Generator(np.random.PCG64(5)).standard_normal((1, 1, 4, 4), dtype=np.float32)
        latents = Tensor(draws)
        for step in range(steps):
            prediction = self.unet(latents, 900 - step) * self.guidance
            latents = self.scheduler.step(prediction, 900 - step + self.given, latents)
            latents = callback(self, step, 900 - step, {"latents": latents}).get("latents", latents)
        return SimpleNamespace(array=self._decode(latents * self.scale).asnumpy() + np.float32(self.grey))


def record(pipeline, step=0, run=None):
    from harness.tracing.recording import record_step  # imports MindSpore, which waits for the profile

    trace = record_step(pipeline, run or pipeline.run, case="suite/case", step=step, fingerprint={})
    return DeepTrace.from_bytes(trace.to_bytes())


def replay(pipeline, trace, run=None):
    from harness.tracing.replay import replay_step

    return from_json(Replay, to_json(replay_step(pipeline, run or pipeline.run, trace)))


def places(found):
    return [(finding.place, finding.path, finding.tensor, finding.to) for finding in found.findings]


def test_what_a_trace_holds(cells):
    trace = record(Loop(cells.Model()), step=1)
    assert [(call.path, call.index, call.operator) for call in trace.calls] == [
        ("unet.layers.0", 0, "Scale"),
        ("unet.layers.1", 0, "Scale"),
        ("unet", 0, "Model"),
    ]
    assert trace.calls[0].settings == {"factor": 2.0}
    assert (trace.step, trace.timestep) == (1, 899)
    model = trace.calls[-1]
    assert [value.dtype for value in model.inputs] == ["float32", "int64"]
    assert model.inputs[0] == trace.before  # stored once
    assert trace.arrays[model.inputs[1].sha256] == 899


@pytest.mark.parametrize("step", [0, 1, 2])
def test_the_same_pipeline_has_no_findings(cells, step):
    found = replay(Loop(cells.Model()), record(Loop(cells.Model()), step))
    assert found.findings == ()
    assert (found.calls, found.operators, found.latents_judged) == (3, {"Scale": (0, 2)}, True)


@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize(
    ("change", "place", "settings"),
    [
        ({"first": 2.5}, ("cell", "unet.layers.0", "output", None), "factor is 2.5, in the reference 2.0"),
        ({"second": 3.5}, ("cell", "unet.layers.1", "output", None), "factor is 3.5, in the reference 3.0"),
        ({"before": 1.5}, ("cell", "unet", "x", "unet.layers.0"), None),
        ({"between": 1.5}, ("cell", "unet", "x", "unet.layers.1"), None),
        ({"after": 1.5}, ("cell", "unet", "output", None), None),
    ],
)
def test_one_change_is_one_finding_where_it_is(cells, step, change, place, settings):
    found = replay(Loop(cells.Model(**change)), record(Loop(cells.Model()), step))
    assert places(found) == [place]
    assert found.first.changes == (() if settings is None else (settings,))
    assert found.first_beyond_rounding == found.first
    after = {"before": None, "between": "unet.layers.0", "after": "unet.layers.1"}
    if settings is None:
        assert found.first.after == after[next(iter(change))]
        assert found.operators == {"Scale": (0, 2)}
    else:
        assert found.first.ancestors == (("unet", "Model"),)
        assert found.operators == {"Scale": (1, 2)}


def test_two_changes_are_two_findings_in_the_order_of_execution(cells):
    found = replay(Loop(cells.Model(second=3.5, before=1.5)), record(Loop(cells.Model())))
    assert [path for _, path, _, _ in places(found)] == ["unet", "unet.layers.1"]


def test_rounding_before_a_fault_does_not_hide_it(cells):
    found = replay(Loop(cells.Model(first=2.0 * (1 + 2**-23), second=3.5)), record(Loop(cells.Model())))
    assert found.first.path == "unet.layers.0"
    assert not found.first.beyond
    assert found.first_beyond_rounding.path == "unet.layers.1"


def test_the_step_is_judged_on_the_reference_s_latents_and_prediction(cells):
    reference = Loop(cells.Model())
    for step in (0, 2):
        found = replay(Loop(cells.Model(first=2.5), share=0.2), record(reference, step))
        assert [place for place, *_ in places(found)] == ["cell", "latents"]


def test_latents_drawn_otherwise_are_the_model_s_input_and_the_step_is_not_judged(cells):
    found = replay(Loop(cells.Model(), noise=1.001, share=0.2), record(Loop(cells.Model())))
    assert places(found) == [("model input", "", "x", "unet")]
    assert not found.latents_judged
    # Later steps get the reference's latents, whatever was drawn.
    assert replay(Loop(cells.Model(), noise=1.001), record(Loop(cells.Model()), 2)).findings == ()


def test_another_timestep_is_the_model_s_input(cells):
    found = replay(Loop(cells.Model(), timestep=1), record(Loop(cells.Model()), 1))
    assert places(found) == [("model input", "", "timestep", "unet")]
    assert found.first.dtype == "int64"
    assert found.first.beyond


def test_a_step_that_the_pipeline_has_not_got(cells):
    with pytest.raises(HarnessError, match="for 3 steps: there is no step 4 to look into"):
        record(Loop(cells.Model()), 4)


@pytest.mark.parametrize("step", [0, 2])
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"guidance": 2.1}, ("scheduler input", "", "model_output", "scheduler")),
        ({"given": 1}, ("scheduler input", "", "timestep", "scheduler")),
        ({"share": 0.2}, ("latents", "", "latents", None)),
    ],
)
def test_what_is_made_of_the_prediction_is_told_from_the_scheduler_s_step(cells, step, change, place):
    reference = record(Guided(cells.Model(), cells.Scale(1.0)), step)
    assert reference.calls[-1].path == "scheduler"
    found = replay(Guided(cells.Model(), cells.Scale(1.0), **change), reference)
    assert places(found) == [place]
    assert found.first.leading == (place[2] != "timestep")
    assert (found.calls, found.missing, found.added) == (3, (), ())


def test_a_trace_without_the_scheduler_s_step_is_replayed_as_before(cells):
    reference = record(Guided(cells.Model(), cells.Scale(1.0)), 1)
    older = replace(reference, calls=tuple(call for call in reference.calls if call.path != "scheduler"))
    found = replay(Guided(cells.Model(), cells.Scale(1.0), guidance=2.1), older)
    assert (places(found), found.added) == ([("latents", "", "latents", None)], ())


def test_a_cell_inside_one_of_the_pipeline_s_has_its_path_there(cells):
    def guided(factor):
        vae = cells.Model(first=factor)
        return Guided(cells.Model(), vae.layers[0], within=vae)

    reference = record(guided(2.0), 3)
    assert [call.path for call in reference.calls] == ["vae.layers.0"]
    found = replay(guided(2.5), reference)
    assert (found.first.model, found.first.cell) == ("vae", "layers.0")


@pytest.mark.parametrize(
    ("factor", "change", "place"),
    [
        (1.0, {"scale": 1.1}, ("model input", "", "x", "vae")),
        (1.1, {}, ("cell", "vae", "output", None)),
        (1.0, {"grey": 0.1}, ("output", "", "output", None)),
        # The decoder gets the reference's latents, whatever the steps made.
        (1.0, {"share": 0.2, "guidance": 3.0}, None),
    ],
)
def test_what_follows_the_last_step_is_judged_on_the_reference_s_latents(cells, factor, change, place):
    reference = record(Guided(cells.Model(), cells.Scale(1.0)), 3)
    assert [call.path for call in reference.calls] == ["vae"]
    found = replay(Guided(cells.Model(), cells.Scale(factor), **change), reference)
    assert places(found) == ([] if place is None else [place])
    assert found.after_last


def test_a_pipeline_that_never_calls_back(cells):
    with pytest.raises(HarnessError, match="for 0 steps"):
        record(Loop(cells.Model()), run=lambda callback: None)


def test_nothing_is_left_behind(cells):
    before = cells.Cell.__call__
    record(Loop(cells.Model()))
    with pytest.raises(HarnessError):
        record(Loop(cells.Model()), 9)
    assert cells.Cell.__call__ is before


def test_a_pipeline_s_own_error_comes_through(cells):
    def run(callback):
        raise ValueError("the pipeline's own")

    with pytest.raises(ValueError, match="the pipeline's own"):
        record(Loop(cells.Model()), run=run)


def test_a_model_hidden_in_a_function_has_its_class_s_name(cells):
    pipeline = Loop(cells.Model())
    trace = record(None, run=pipeline.run)
    assert trace.calls[-1].path == "Model"
    other = Loop(cells.Model(first=2.5))
    assert replay(None, trace, other.run).first.path == "Model.layers.0"


def test_a_pipeline_without_cells_still_has_its_steps(mindspore):
    trace = record(Loop(lambda x, timestep: x * 2.0))
    assert trace.calls == ()
    assert replay(Loop(lambda x, timestep: x * 2.0), trace).findings == ()
    assert places(replay(Loop(lambda x, timestep: x * 3.0), trace)) == [("latents", "", "latents", None)]


def test_a_cell_in_place_of_another_is_judged_as_a_whole(cells):
    class Wrapped(cells.Cell):
        def __init__(self, layer, factor):
            super().__init__()
            self.layer, self.by = layer, factor

        def construct(self, x):
            return self.layer(x) * self.by

    model = cells.Model()
    model.layers[0] = Wrapped(model.layers[0], 1.5)
    found = replay(Loop(model), record(Loop(cells.Model())))
    assert places(found) == [("cell", "unet.layers.0", "output", None)]
    assert (found.first.operator, found.first.reference_operator) == ("Wrapped", "Scale")
    assert found.added == ("unet.layers.0.layer",)
    model = cells.Model()
    model.layers[0] = Wrapped(model.layers[0], 1.5)
    found = replay(Loop(cells.Model()), record(Loop(model)))
    assert places(found) == [("cell", "unet.layers.0", "output", None)]
    assert found.missing == ("unet.layers.0.layer",)


def test_a_cell_called_twice_is_two_calls(cells):
    class Twice(cells.Cell):
        def __init__(self, between):
            super().__init__()
            self.act, self._between = cells.Scale(2.0), between

        def construct(self, x, timestep):
            return self.act(self.act(x) * self._between)

    trace = record(Loop(Twice(1.0)))
    assert [call.key for call in trace.calls] == [("unet.act", 0), ("unet.act", 1), ("unet", 0)]
    found = replay(Loop(Twice(1.5)), trace)
    assert places(found) == [("cell", "unet", "x", "unet.act")]
    assert found.first.after == "unet.act"


def test_a_flag_is_told_and_kept_because_the_caller_goes_by_it(cells):
    class Wide(cells.Cell):
        def construct(self, x, timestep, wide=False):
            return (x * 2.0, x) if wide else x * 2.0

    class Asking(Loop):
        def run(self, callback):
            from mindspore import Tensor

            latents = Tensor(np.ones((1, 1, 4, 4), np.float32))
            found = self.unet(latents, 900, wide=self.share == 1)
            callback(self, 0, 900, {"latents": found[0] if self.share == 1 else found})

    found = replay(Asking(Wide(), share=1), record(Asking(Wide())))
    assert places(found) == [("model input", "", "wide", "unet"), ("cell", "unet", "output", None)]
    assert found.findings[1].difference.form == (
        "2 tensors and numbers here (output[0], output[1]), 1 in the reference"
    )


def test_a_cell_made_on_the_fly_has_a_place(cells):
    class Making(cells.Cell):
        def __init__(self, factor):
            super().__init__()
            self._factor = factor

        def construct(self, x, timestep):
            return cells.Scale(self._factor)(x)

    found = replay(Loop(Making(2.5)), record(Loop(Making(2.0))))
    assert found.first.path == "unet.Scale"


def test_every_way_to_hand_tensors_over(cells):
    class Taking(cells.Cell):
        def construct(self, *pairs, flag=None, named=None):
            left, right = pairs[0]
            return {"sum": left + right + named["z"][0], "pair": Pair(left, [right]), "flag": flag}

    class Model(cells.Cell):
        def __init__(self, change):
            super().__init__()
            self.taking, self._change = Taking(), change

        def construct(self, x, timestep):
            given = {name: x * (1.5 if name == self._change else 1.0) for name in ("left", "right", "z")}
            out = self.taking(
                Pair(given["left"], given["right"]),
                flag=2 if self._change == "flag" else 1,
                named={"z": [given["z"], np.float32(3), None, "text"]},
            )
            assert isinstance(out["pair"], Pair)
            assert out["flag"] == 1  # the reference's, whatever was handed over
            return out["sum"] + out["pair"].left + out["pair"].right[0]

    trace = record(Loop(Model(None)))
    assert replay(Loop(Model(None)), trace).findings == ()
    labels = {
        "left": "argument 0[0]",
        "right": "argument 0[1]",
        "z": "named[z][0]",
        "flag": "flag",
    }
    for change, label in labels.items():
        found = replay(Loop(Model(change)), trace)
        assert places(found) == [("cell", "unet", label, "unet.taking")], change


def test_another_form_is_told_and_left_as_it_is(cells):
    class Model(cells.Cell):
        def __init__(self, parts):
            super().__init__()
            self.split, self._parts = Split(parts), parts

        def construct(self, x, timestep):
            return sum(self.split(x)) / self._parts

    class Split(cells.Cell):
        def __init__(self, parts):
            super().__init__()
            self.parts = parts

        def construct(self, x):
            return tuple(x * 1.0 for _ in range(self.parts))

    found = replay(Loop(Model(3)), record(Loop(Model(2))))
    assert found.first.path == "unet.split"
    assert found.first.difference.form == (
        "3 tensors and numbers here (output[0], output[1], output[2]), 2 in the reference"
    )
    assert found.first.changes == ("parts is 3, in the reference 2",)


def test_other_parameters_are_told(cells):
    def model(value):
        dense = cells.nn.Dense(4, 4, weight_init="ones", bias_init="zeros")
        if value is not None:
            dense.weight.set_data(dense.weight * value)

        class Model(cells.Cell):
            def __init__(self):
                super().__init__()
                self.dense = dense

            def construct(self, x, timestep):
                return self.dense(x)

        return Model()

    found = replay(Loop(model(1.5)), record(Loop(model(None))))
    assert found.first.path == "unet.dense"
    assert found.first.operator == "Dense"
    assert found.first.changes == ("its weight is not the reference's",)


def test_bfloat16_is_carried_exactly(cells):
    import mindspore as ms

    class Half(cells.Scale):
        def construct(self, x):
            assert x.dtype == ms.bfloat16  # also where it was replaced by the reference's
            return x * self.factor

    class Model(cells.Cell):
        def __init__(self, factor, before=1.0):
            super().__init__()
            self.scale, self._before = Half(factor), before

        def construct(self, x, timestep):
            return self.scale(x.astype(ms.bfloat16) * self._before).astype(ms.float32)

    trace = record(Loop(Model(2.0)))
    assert trace.calls[0].outputs[0].dtype == "bfloat16"
    assert replay(Loop(Model(2.0)), trace).findings == ()
    found = replay(Loop(Model(2.5)), trace)
    assert (found.first.path, found.first.dtype) == ("unet.scale", "bfloat16")
    found = replay(Loop(Model(2.0, before=1.5)), trace)
    assert places(found) == [("cell", "unet", "x", "unet.scale")]
