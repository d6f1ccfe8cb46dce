"""Loading a model's weights: what fits is loaded bit for bit, everything else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.measurement.bfloat16 import to_bfloat16, to_numpy
from harness.pipelines.errors import CheckpointError
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.seeded import seeded_state

CONFIG = UNet2DConfig.from_dict(
    {
        "block_out_channels": [4, 8],
        "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
        "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 1,
        "norm_num_groups": 2,
        "attention_head_dim": None,
    },
    "test",
)
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
KEY = "mid_block.resnets.0.conv1.weight"


@pytest.fixture
def model(mindspore):
    from harness.pipelines.models.unet2d import UNet2DModel

    return UNet2DModel(CONFIG)


@pytest.fixture
def state(model):
    return seeded_state(model.state_shapes(), 3)


@pytest.fixture
def saved(tmp_path, state) -> Path:
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    save_file(state, path)
    return path


def loaded(model):
    return {name: parameter.asnumpy() for name, parameter in model.parameters_and_names()}


def assert_same(one, other):
    assert set(one) == set(other)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def refused(model, path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        model.load_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message


def test_a_file_is_loaded_bit_for_bit(model, state, saved):
    model.load_weights(saved)
    assert_same(loaded(model), state)


def test_parameters_of_a_graph_have_their_full_names(model):
    assert [parameter.name for parameter in model.get_parameters()] == list(model.state_shapes())


def test_building_a_model_draws_no_random_numbers(mindspore, model):
    """The global generators belong to the user; and zeros are cheaper than an initialiser."""
    for name, array in loaded(model).items():
        assert np.all(array == (1 if "norm" in name and name.endswith("weight") else 0)), name


@pytest.mark.parametrize("names", [{"to_q"}, set(OLD_NAMES)], ids=["one", "all"])
def test_old_names_of_attention_layers_are_understood(model, state, saved, names):
    renamed = {}
    for name, array in state.items():
        for new in names:
            name = name.replace(f".{new}.", f".{OLD_NAMES[new]}.")
        renamed[name] = array
    assert set(renamed) != set(state)
    save_file(renamed, saved)
    model.load_weights(saved)
    assert_same(loaded(model), state)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_another_float_type_is_cast(model, state, saved, dtype):
    save_file({name: array.astype(dtype) for name, array in state.items()}, saved)
    model.load_weights(saved)
    assert_same(
        loaded(model), {name: array.astype(dtype).astype(np.float32) for name, array in state.items()}
    )


def test_a_half_precision_model_takes_rounded_weights(mindspore, state, saved):
    from harness.pipelines.models.unet2d import UNet2DModel

    model = UNet2DModel(CONFIG, mindspore.float16)
    model.load_weights(saved)
    assert_same(loaded(model), {name: array.astype(np.float16) for name, array in state.items()})


def test_a_value_too_large_for_half_precision_is_refused(mindspore, state, saved):
    from harness.pipelines.models.unet2d import UNet2DModel

    state[KEY][0, 0, 0, 0] = 1e5
    save_file(state, saved)
    message = refused(UNet2DModel(CONFIG, mindspore.float16), saved)
    assert f"{KEY}: 1 of 576 values are NaN, infinite or too large for float16" in message


def test_missing_and_unexpected_keys_are_listed_together(model, state, saved):
    del state[KEY], state["conv_in.bias"]
    save_file({**state, "ema.decay": np.ones(1, np.float32)}, saved)
    message = refused(model, saved)
    assert f"missing: conv_in.bias, {KEY}\n" in message
    assert "unexpected: ema.decay" in message


def test_a_long_list_of_keys_is_cut(model, saved):
    save_file({"conv_in.weight": np.ones((4, 3, 3, 3), np.float32)}, saved)
    missing = len(model.state_shapes()) - 1
    assert f" and {missing - 8} more" in refused(model, saved)


def test_a_key_under_both_its_names_is_refused(model, state, saved):
    new = "mid_block.attentions.0.to_q.weight"
    save_file({**state, new.replace("to_q", "query"): state[new]}, saved)
    assert "given twice: mid_block.attentions.0." in refused(model, saved)


def test_wrong_shape_type_and_values_are_listed_together(model, state, saved):
    state["conv_in.weight"] = state["conv_in.weight"].transpose(1, 0, 2, 3).copy()
    state["conv_in.bias"] = np.arange(4)
    state[KEY][:2, 0, 0, 0] = [np.nan, -np.inf]
    save_file(state, saved)
    message = refused(model, saved)
    assert "conv_in.weight: shape [3, 4, 3, 3], the configuration needs [4, 3, 3, 3]" in message
    assert f"{KEY}: 2 of 576 values are NaN, infinite or too large for float32" in message
    assert "conv_in.bias: dtype int64, a floating one is needed" in message


def test_weights_in_bfloat16_are_read(mindspore, model, state, saved):
    from harness.pipelines.models.unet2d import UNet2DModel

    narrow = {name: to_bfloat16(array) for name, array in state.items()}
    header, data = {}, b""
    for name, array in narrow.items():
        content = (array.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": "BF16", "shape": list(array.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + data)
    model.load_weights(saved)
    assert_same(loaded(model), narrow)
    same = UNet2DModel(CONFIG, mindspore.bfloat16)
    same.load_weights(saved)
    assert {parameter.dtype for parameter in same.get_parameters()} == {mindspore.bfloat16}
    assert_same({name: to_numpy(each) for name, each in same.parameters_and_names()}, narrow)


def test_float8_is_refused_with_a_way_out(model, state, saved):
    with saved.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(size)), file.read()
    begin, end = header["conv_in.bias"]["data_offsets"]
    header["conv_in.bias"] |= {"dtype": "F8_E4M3", "shape": [end - begin]}
    text = json.dumps(header).encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + data)
    message = refused(model, saved)
    assert "conv_in.bias is stored as F8_E4M3; supported: BF16, F16, F32, F64" in message
    assert "save the model in float32 or float16" in message


def test_a_missing_file_is_named(model, tmp_path):
    assert "no such file" in refused(model, tmp_path / "diffusion_pytorch_model.safetensors")


def test_a_folder_in_place_of_the_file_is_named(model, tmp_path):
    assert "no such file" in refused(model, tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 8, 500, -1, -4096], ids=lambda keep: f"keep{keep}")
def test_a_truncated_file_is_refused(model, saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    assert "not a whole safetensors file" in refused(model, saved)


def test_a_file_with_something_behind_is_refused(model, saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    assert "not a whole safetensors file" in refused(model, saved)


def test_a_flipped_bit_in_the_header_is_refused_or_harmless(model, state, saved):
    """Every 23rd byte of the header, one bit each: nothing but CheckpointError may come out."""
    content = saved.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    messages = []
    for position in range(0, header, 23):
        damaged = bytearray(content)
        damaged[position] ^= 1 << (position % 8)
        saved.write_bytes(damaged)
        try:
            model.load_weights(saved)
        except CheckpointError as error:
            messages.append(str(error))
        else:
            assert_same(loaded(model), state)
    assert len(messages) > 0.9 * len(range(0, header, 23))
    assert all(message.startswith(f"{saved}: ") for message in messages)


def test_the_state_of_memory_is_checked_like_a_file(model, state):
    state["conv_in.bias"] = np.arange(4)
    with pytest.raises(CheckpointError, match=r"^seeded:x: .*\n  conv_in\.bias: dtype int64, a floating one"):
        model.load_state(state, where="seeded:x")
