"""The UNet computes what diffusers computes with the same weights: reference outputs in tests/data/parity."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors import safe_open

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.seeded import seeded_state

FOLDER = Path(__file__).parents[1] / "data" / "parity"
ARCHITECTURES = (
    "ddpm-cifar10-32",
    "flip-sin-to-cos",
    "heads",
    "k-attention",
    "k-blocks",
    "learned-timesteps",
    "no-mid-block",
    "resnet-blocks",
    "resnet-sampling",
    "scale-shift",
    "skip-blocks",
    "skip-blocks-up",
)
# Between them these take every branch of every `construct`.
COMPILED = (
    "ddpm-cifar10-32",
    "k-attention",
    "k-blocks",
    "learned-timesteps",
    "no-mid-block",
    "resnet-blocks",
    "resnet-sampling",
    "scale-shift",
    "skip-blocks",
    "skip-blocks-up",
)

# float32 is within this of diffusers' float32; measured 2.2e-7 to 3.7e-7, as far as that is from float64.
LIMIT = 2e-6
# Without the clear path every layer's rounding arrives at the output: measured 0.7e-6 to 1.6e-6.
LIMIT_RANDOM_WEIGHTS = 3e-6
LIMIT_FLOAT16 = 5e-3


class Reference(NamedTuple):
    config: UNet2DConfig
    metadata: dict[str, str]
    arrays: dict[str, np.ndarray]


def reference(name: str) -> Reference:
    path = FOLDER / f"{name}.safetensors"
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
    return Reference(UNet2DConfig.from_dict(json.loads(metadata["config"]), str(path)), metadata, arrays)


def build(config: UNet2DConfig, dtype: Any = None, *, denoising: bool = True) -> Any:
    import mindspore as ms

    from harness.pipelines.models.unet2d import UNet2DModel

    model = UNet2DModel(config, dtype or ms.float32)
    model.load_state(seeded_state(model.state_shapes(), 1234, denoising=denoising))
    return model


def run(model: Any, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Run a model, or a compiled one, on the reference's input."""
    import mindspore as ms

    dtype = getattr(model, "dtype", ms.float32)
    labels = (ms.Tensor(arrays["class_labels"]),) if "class_labels" in arrays else ()
    output = model(ms.Tensor(arrays["sample"]).astype(dtype), ms.Tensor(arrays["timesteps"]), *labels)
    assert output.dtype == dtype
    return output.astype(ms.float32).asnumpy()


def relative_l2(value: np.ndarray, truth: np.ndarray) -> float:
    truth = truth.astype(np.float64)
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def test_the_architectures_that_matter_are_there():
    configs = {name: reference(name).config for name in ARCHITECTURES}
    assert configs["ddpm-cifar10-32"].block_out_channels == (128, 256, 256, 256)
    assert configs["scale-shift"].resnet_time_scale_shift == "scale_shift"
    assert configs["heads"].attention_head_dim == 8
    assert configs["flip-sin-to-cos"].flip_sin_to_cos
    # So large that an eps forgotten in any norm shows: 1e-5 for 1e-6 moves the output by 1e-6 only.
    assert configs["heads"].norm_eps == 0.01


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_both_sides_have_the_same_weights(mindspore, name):
    found = reference(name)
    model = build(found.config)
    sha256 = hashlib.sha256()
    parameters = dict(model.parameters_and_names())
    for key in sorted(parameters):
        sha256.update(key.encode() + b"\0" + parameters[key].asnumpy().tobytes())
    assert sha256.hexdigest() == found.metadata["weights_sha256"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_float32_equals_diffusers(mindspore, name):
    config, _, arrays = reference(name)
    output = run(build(config), arrays)
    assert output.shape == arrays["output"].shape
    assert relative_l2(output, arrays["output"]) <= LIMIT
    assert relative_l2(output, arrays["output_float64"]) <= LIMIT


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_float32_equals_diffusers_with_random_weights(mindspore, name):
    config, _, arrays = reference(name)
    output = run(build(config, denoising=False), arrays)
    assert relative_l2(output, arrays["output_random_weights"]) <= LIMIT_RANDOM_WEIGHTS


@pytest.mark.parametrize("name", COMPILED)
def test_graph_mode_gives_the_same_bits(mindspore, name):
    """Compiled before it ever ran in PyNative mode: the graph needs every parameter's full name."""
    config, _, arrays = reference(name)
    model = build(config)
    compiled = run(mindspore.jit(model), arrays)
    assert np.array_equal(compiled, run(model, arrays))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_float16_is_near(mindspore, name):
    config, _, arrays = reference(name)
    deviation = relative_l2(run(build(config, mindspore.float16), arrays), arrays["output"])
    assert 1e-5 < deviation <= LIMIT_FLOAT16


def test_float16_runs_in_graph_mode(mindspore):
    config, _, arrays = reference("flip-sin-to-cos")
    model = build(config, mindspore.float16)
    compiled = mindspore.jit(model)(
        mindspore.Tensor(arrays["sample"]).astype(mindspore.float16), mindspore.Tensor(arrays["timesteps"])
    )
    assert compiled.dtype == mindspore.float16
    assert relative_l2(compiled.asnumpy(), arrays["output"]) <= LIMIT_FLOAT16


def test_a_scalar_timestep_stands_for_the_whole_batch(mindspore):
    config, _, arrays = reference("flip-sin-to-cos")
    model = build(config)
    sample = mindspore.Tensor(arrays["sample"])
    each = model(sample, mindspore.Tensor(np.array([250, 250]))).asnumpy()
    for timestep in (mindspore.Tensor(250), mindspore.Tensor([250]), mindspore.Tensor(250.0)):
        assert np.array_equal(model(sample, timestep).asnumpy(), each)
    assert not np.array_equal(model(sample, mindspore.Tensor(251)).asnumpy(), each)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("scale-shift", "freq_shift", 1),
        ("scale-shift", "flip_sin_to_cos", True),
        ("scale-shift", "norm_eps", 1e-3),
        ("scale-shift", "act_fn", "gelu"),
        ("scale-shift", "center_input_sample", True),
        ("scale-shift", "mid_block_scale_factor", 1.1),
        ("scale-shift", "attention_head_dim", 32),
        ("scale-shift", "norm_num_groups", 4),
        ("scale-shift", "downsample_padding", 0),
        ("resnet-sampling", "attn_norm_num_groups", 8),
    ],
)
def test_a_field_that_leaves_the_shapes_alone_moves_the_output_out_of_parity(mindspore, name, field, value):
    """So the parity above would see a field that is read and then forgotten."""
    found = reference(name)
    values = json.loads(found.metadata["config"])
    assert values.get(field) != value
    output = run(build(UNet2DConfig.from_dict({**values, field: value}, name)), found.arrays)
    assert relative_l2(output, found.arrays["output"]) > 10 * LIMIT


@pytest.mark.parametrize(("field", "value"), [("dropout", 0.5), ("sample_size", None), ("act_fn", "SWISH")])
def test_a_field_without_effect_at_inference_changes_no_bit(mindspore, field, value):
    found = reference("scale-shift")
    values = {**json.loads(found.metadata["config"]), field: value}
    output = run(build(UNet2DConfig.from_dict(values, "scale-shift")), found.arrays)
    assert np.array_equal(output, run(build(found.config), found.arrays))
