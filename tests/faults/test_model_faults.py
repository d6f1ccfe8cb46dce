"""Faults in the trained model's cells and parameters: what each changes, and that it changes nothing else."""

import numpy as np
import pytest

from harness.faults.catalogue import FaultNotApplicable

MIDDLE = "up_blocks.0.resnets.0"


@pytest.fixture
def pipeline(mindspore):
    from harness.pipelines.unconditional import DDIMPipeline

    return DDIMPipeline.from_pretrained("builtin:ddpm-digits")


@pytest.fixture
def put(pipeline):
    from harness.faults.model import put_into_model

    def put(name, size=None):
        put_into_model(name, size, pipeline)
        return pipeline.unet

    return put


def parameters(unet):
    # By position: cells put between give the parameters longer names.
    return [parameter.asnumpy().copy() for parameter in unet.get_parameters()]


def test_one_weight_tensor_is_scaled(pipeline, put):
    names = list(pipeline.unet.parameters_dict())
    before, after = parameters(pipeline.unet), parameters(put("weight-scaled", 0.25))
    changed = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if (one != other).any()]
    assert [names[i] for i in changed] == [f"{MIDDLE}.conv2.weight"]
    np.testing.assert_allclose(after[changed[0]], before[changed[0]] * 1.25, rtol=1e-6)


def test_one_bias_is_zeroed(pipeline, put):
    names = list(pipeline.unet.parameters_dict())
    before, after = parameters(pipeline.unet), parameters(put("bias-zeroed", 1))
    changed = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if (one != other).any()]
    assert [names[i] for i in changed] == [f"{MIDDLE}.conv2.bias"]
    assert not after[changed[0]].any()


def test_all_weights_are_rounded(pipeline, put):
    before, after = parameters(pipeline.unet), parameters(put("weights-half"))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.astype(np.float16), other)
        assert other.dtype == np.float32


def test_one_layer_computes_in_half(pipeline, put):
    import mindspore as ms

    block = pipeline.unet.up_blocks[0].resnets[0]
    weight, bias = block.conv2.weight.asnumpy(), block.conv2.bias.asnumpy()
    put("layer-half")
    x = np.random.Generator(np.random.PCG64(0)).standard_normal((1, weight.shape[1], 8, 8)).astype(np.float32)
    given = block.conv2(ms.Tensor(x)).asnumpy()
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given, given.astype(np.float16))
    halves = [array.astype(np.float16).astype(np.float64) for array in (x, weight, bias)]
    padded = np.pad(halves[0], ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    expected = np.einsum("nchwij,ocij->nohw", windows, halves[1]) + halves[2][:, None, None]
    # One rounding to half, of sums that float32 carries.
    np.testing.assert_allclose(given, expected, rtol=2**-11 * 1.01, atol=1e-5)


def test_every_eps_is_larger_and_one_norm_has_fewer_groups(pipeline, put):
    unet = put("norm-eps", 9)
    norms = [(name, cell) for name, cell in unet.cells_and_names() if hasattr(cell, "num_groups")]
    assert len(norms) == 18
    assert all(cell.eps == pytest.approx(1e-4) for _, cell in norms)
    put("norm-groups")
    assert {name: cell.num_groups for name, cell in norms if cell.num_groups != 8} == {f"{MIDDLE}.norm2": 6}


def test_the_skip_connection_is_scaled_and_what_comes_from_below_is_not(put):
    import mindspore as ms

    unet = put("skip-dropped", 0.75)
    (skip,) = [cell for _, cell in unet.cells_and_names() if type(cell).__name__ == "ScaledSkip"]
    assert skip is unet.up_blocks[1].resnets[0]
    below, carried = 48, 24
    seen = []

    class Block:
        def __call__(self, x, temb):
            seen.append(x.asnumpy())

    object.__setattr__(skip, "block", Block())
    del skip._cells["block"]
    skip.construct(ms.ops.ones((1, below + carried, 2, 2)), None)
    np.testing.assert_array_equal(seen[0][0, :, 0, 0], [1] * below + [0.25] * carried)


@pytest.mark.parametrize(("cell", "limit"), [("RationalSiLU", 5e-3), ("RationalMish", 2e-2)])
def test_approximations_are_near_what_they_stand_for(mindspore, cell, limit):
    from harness.faults import cells

    x = np.linspace(-12, 12, 1001, dtype=np.float32)
    sound = {"RationalSiLU": mindspore.nn.SiLU, "RationalMish": mindspore.nn.Mish}[cell]()
    values = mindspore.Tensor(x)
    apart = np.abs(getattr(cells, cell)()(values).asnumpy() - sound(values).asnumpy()).max()
    assert 1e-5 < apart < limit
    assert getattr(cells, cell)()(values.astype(mindspore.float16)).dtype == mindspore.float16


def test_every_activation_is_replaced(put):
    unet = put("activation-approximated")
    kinds = [type(cell).__name__ for _, cell in unet.cells_and_names()]
    assert "SiLU" not in kinds
    assert kinds.count("RationalSiLU") == 10


def test_the_time_embedding(pipeline, put):
    import mindspore as ms

    timestep = ms.Tensor([500, 501], ms.int64)
    sound = pipeline.unet.time_proj(timestep).asnumpy()
    np.testing.assert_array_equal(
        put("time-embedding-swapped").time_proj(timestep).asnumpy(), np.roll(sound, 12, 1)
    )
    put("time-embedding-swapped")
    put("time-embedding-shifted", 1)
    np.testing.assert_array_equal(pipeline.unet.time_proj(timestep).asnumpy()[0], sound[1])
    pipeline.unet.time_proj = pipeline.unet.time_proj.embedding
    put("time-embedding-half")
    half = pipeline.unet.time_proj(timestep).asnumpy()
    np.testing.assert_array_equal(half, sound.astype(np.float16))
    assert half.dtype == np.float32


def test_attention(pipeline, put):
    import mindspore as ms

    (attention,) = pipeline.unet.mid_block.attentions
    scores = ms.Tensor(np.linspace(-3, 3, 64, dtype=np.float32))
    sound, scale = attention.softmax(scores).asnumpy(), attention.scale
    put("softmax-half")
    half = attention.softmax(scores).asnumpy()
    assert half.dtype == np.float32
    np.testing.assert_array_equal(half, half.astype(np.float16))
    np.testing.assert_allclose(half, sound, rtol=2e-2)
    put("attention-scale", 0.5)
    assert attention.scale == scale * 1.5


def test_a_model_of_another_build_says_what_is_missing(mindspore, pipeline):
    from harness.faults.model import _FAULTS, put_into_model

    pipeline.unet = mindspore.nn.SequentialCell([mindspore.nn.ReLU()])
    for name in set(_FAULTS) - {"weights-half"}:
        with pytest.raises(FaultNotApplicable, match=f"{name}: the model"):
            put_into_model(name, 0.5, pipeline)


def test_a_pipeline_s_only_cell_is_its_model(mindspore, pipeline):
    """A user's own pipeline calls it as it likes; of two it cannot be told which one denoises."""
    from harness.faults.model import put_into_model

    class Own:
        def __init__(self, **models):
            self.steps = 3
            vars(self).update(models)

    before = parameters(pipeline.unet)
    put_into_model("weights-half", None, Own(network=pipeline.unet))
    for one, other in zip(before, parameters(pipeline.unet), strict=True):
        np.testing.assert_array_equal(one.astype(np.float16), other)
    with pytest.raises(FaultNotApplicable, match="has no unet or transformer or decoder"):
        put_into_model("weights-half", None, Own(one=pipeline.unet, other=mindspore.nn.Dense(2, 2)))
