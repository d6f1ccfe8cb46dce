"""The constants of a pipeline: tables of schedulers and cells, and the timesteps that a model is given."""

import copy
import functools

import numpy as np
import pytest

from harness.pipelines.constants import MOST_VALUES, Constants


class Scheduler:
    """What diffusers' schedulers keep: tables, settings, and the state of a multistep solver."""

    def __init__(self, ms):
        self.betas = ms.Tensor(np.linspace(0, 1, 5, dtype=np.float32))
        self.sigmas = [1.0, 2.0]
        self.final_alpha_cumprod = 0.5
        self.num_inference_steps = self._step_index = None
        self.use_karras, self.name = True, "text"
        self.model_outputs, self.ets = [None, None], []

    def set_timesteps(self, steps, device=None):
        self.timesteps = np.arange(steps)[::-1]
        self.sigmas = np.linspace(0, 1, steps)
        self.brain = ()

    def step(self, output, timestep, sample):
        self.ets.append(output)
        self.sample = output
        self.sigmas[0] = 9
        return (sample,)


def pipeline(ms):
    class Net(ms.nn.Cell):
        def __init__(self):
            super().__init__()
            self.table = ms.Tensor(np.ones((2, 2)), ms.bfloat16)
            self.weight = ms.Parameter(ms.Tensor(np.ones(2)), name="weight")
            self.embedding, self.dropout = ms.nn.Embedding(3, 3), ms.nn.Dropout(p=0.5)
            self.long = np.arange(MOST_VALUES + 1.0)
            self.sizes = (3, 3)
            self.norms = ms.nn.CellList([ms.nn.LayerNorm([2], epsilon=eps) for eps in (1e-5, 1e-6)])
            self.scale, self._started, self.training_steps = 0.25, 1.5, 7
            self.config = {"scaling_factor": 0.18, "in_channels": 3, "act_fn": "silu", "sizes": [1.0]}
            self.register_buffer("ids", ms.Tensor(np.arange(3)), persistent=False)

        def construct(self, sample, timestep, text=None):
            return sample

    class Pipeline:
        def __init__(self):
            self.unet, self.scheduler = Net(), Scheduler(ms)

        def __call__(self, steps=3):
            self.scheduler.set_timesteps(steps, device=None)
            for step in self.scheduler.timesteps:
                given = ms.Tensor([step, step], ms.int32)
                output = (
                    self.unet(ms.Tensor(np.ones((1, 1))), given) if step else self.unet(1, timestep=given)
                )
                self.scheduler.step(output, step, output)

    return Pipeline()


NUMBERS = {"unet/*.epsilon", "unet/*.keep_prob", "unet/*.p", "unet/*.scale"}
CONFIGURED = "unet/config.scaling_factor"


def observed(made, **arguments):
    constants = Constants(made).of_one_call()
    with constants.watching(compiled=False):
        made(**arguments)
    return constants


def test_tables_are_taken_after_the_timesteps_are_set_and_before_the_first_step(mindspore):
    constants = observed(pipeline(mindspore))
    facts = constants.facts
    assert facts.dtypes == {
        "scheduler.betas": "float32",
        "scheduler.final_alpha_cumprod": "float64",
        "scheduler.sigmas": "float64",
        "scheduler.timesteps": "int64",
        "unet.timestep": "int32",
        **dict.fromkeys([*NUMBERS, CONFIGURED], "float64"),
        "unet/ids": "int64",
        "unet/table": "bfloat16",
    }
    assert constants.values.keys() == facts.dtypes.keys()
    assert constants.values["scheduler.sigmas"].tolist() == [0.0, 0.5, 1.0]
    assert constants.values["unet.timestep"].tolist() == [2, 1, 0]
    assert constants.values["unet/table"].dtype == np.float32


def test_a_number_of_cells_is_one_constant_and_places_name_the_cells(mindspore):
    constants = observed(pipeline(mindspore))
    assert constants.values["unet/*.epsilon"].tolist() == [1e-5, 1e-6]
    assert constants.facts.places["unet/*.epsilon"] == ("norms.0", "norms.1")
    # The model itself has one, too. What is private, or a whole number, is no setting.
    assert constants.facts.places["unet/*.scale"] == ("",)
    assert constants.facts.places.keys() == NUMBERS
    assert constants.values[CONFIGURED] == 0.18


def test_a_large_table_keeps_its_checksum_and_statistics(mindspore):
    large = observed(pipeline(mindspore)).facts.large
    assert set(large) == {"unet/long"}
    assert large["unet/long"].shape == (MOST_VALUES + 1,)
    assert large["unet/long"].statistics["max"] == MOST_VALUES


def test_watching_leaves_everything_as_it_was_and_calls_do_not_share_what_they_saw(mindspore):
    made, call, sound = pipeline(mindspore), mindspore.nn.Cell.__call__, Scheduler.set_timesteps
    loaded = Constants(made)
    one, other = loaded.of_one_call(), loaded.of_one_call()
    with one.watching(compiled=False):
        assert Scheduler.set_timesteps.__wrapped__ is sound
        made(steps=2)
    assert Scheduler.set_timesteps is sound
    assert "set_timesteps" not in vars(made.scheduler)
    assert mindspore.nn.Cell.__call__ is call
    with other.watching(compiled=False):
        made(steps=4)
    assert one.values["unet.timestep"].tolist() == [1, 0]
    assert other.values["unet.timestep"].tolist() == [3, 2, 1, 0]
    assert loaded.facts.dtypes.keys() == {"unet/ids", "unet/table", *NUMBERS, CONFIGURED}


def test_a_pipeline_may_go_on_with_a_copy_of_its_scheduler(mindspore):
    class Copying(type(pipeline(mindspore))):
        def __call__(self, steps=3):
            self.scheduler = copy.deepcopy(self.scheduler)
            super().__call__(steps)

    loaded = Constants(Copying())
    for steps in (2, 4):
        constants = loaded.of_one_call()
        with constants.watching(compiled=False):
            loaded._pipeline(steps=steps)
        assert constants.values["scheduler.timesteps"].tolist() == list(range(steps))[::-1]
        assert constants.values["scheduler.sigmas"].tolist() == np.linspace(0, 1, steps).tolist()


def test_a_compiled_graph_is_not_watched(mindspore):
    made = pipeline(mindspore)
    constants = Constants(made).of_one_call()
    with constants.watching(compiled=True):
        made()
    assert "unet.timestep" not in constants.values


@pytest.mark.parametrize("wrap", [lambda made: functools.partial(made, steps=2), lambda made: made.__call__])
def test_they_are_found_wherever_a_user_keeps_them(mindspore, wrap):
    made = wrap(pipeline(mindspore))
    constants = Constants(made).of_one_call()
    with constants.watching(compiled=False):
        made()
    assert {"scheduler.sigmas", "unet.timestep"} <= {name.strip(".") for name in constants.values}
