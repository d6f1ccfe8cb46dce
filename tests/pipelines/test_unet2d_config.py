"""Every field of a UNet2DModel's config is honoured or refused by name. Imports no MindSpore."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest

from harness.pipelines.errors import CheckpointError
from harness.pipelines.models.config import UNet2DConfig

# The config.json of google/ddpm-cifar10-32 on the Hub, as it is.
DDPM_CIFAR10_32 = """{
  "_class_name": "UNet2DModel",
  "_diffusers_version": "0.0.4",
  "act_fn": "silu",
  "attention_head_dim": null,
  "block_out_channels": [128, 256, 256, 256],
  "center_input_sample": false,
  "down_block_types": ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
  "downsample_padding": 0,
  "flip_sin_to_cos": false,
  "freq_shift": 1,
  "in_channels": 3,
  "layers_per_block": 2,
  "mid_block_scale_factor": 1,
  "norm_eps": 1e-06,
  "norm_num_groups": 32,
  "out_channels": 3,
  "sample_size": 32,
  "time_embedding_type": "positional",
  "up_block_types": ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"]
}"""


def refusal(**fields: object) -> str:
    """Change fields of a config that loads, and return the message of the refusal without its first line."""
    values = {**json.loads(DDPM_CIFAR10_32), **fields}
    with pytest.raises(CheckpointError) as caught:
        UNet2DConfig.from_dict(values, "unet/config.json")
    first, *problems = str(caught.value).splitlines()
    assert first.startswith("unet/config.json: ")
    return "\n".join(line.strip() for line in problems)


def blocks(down: str, up: str, **fields: object) -> dict[str, object]:
    return {"down_block_types": [down] * 4, "up_block_types": [up] * 4, **fields}


def test_the_config_of_ddpm_cifar10_32_loads_as_it_is():
    config = UNet2DConfig.from_dict(json.loads(DDPM_CIFAR10_32), "config.json")
    assert config.block_out_channels == (128, 256, 256, 256)
    assert config.norm_eps == 1e-6
    assert config.time_embed_dim == 512
    assert config.head_dim(256) == 256
    assert config.size_divisor == 8
    assert config.sample_size == 32


def test_fields_left_out_have_the_defaults_of_diffusers():
    config = UNet2DConfig.from_dict({}, "config.json")
    assert config == UNet2DConfig()
    assert config.block_out_channels == (224, 448, 672, 896)
    assert config.down_block_types == ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D")
    assert config.up_block_types == ("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D")
    assert (config.attention_head_dim, config.freq_shift, config.downsample_padding) == (8, 0, 1)
    assert config.flip_sin_to_cos
    assert config.norm_eps == 1e-5


@pytest.mark.parametrize(
    ("field", "value", "supported"),
    [
        ("act_fn", "tanh", "'silu', 'swish', 'mish', 'gelu', 'relu'"),
        ("time_embedding_type", "sinusoidal", "'positional', 'fourier', 'learned'"),
        (
            "down_block_types",
            ["DownBlock2D", "DownEncoderBlock2D", "DownBlock2D", "DownBlock2D"],
            "a list of 'DownBlock2D', 'AttnDownBlock2D', 'ResnetDownsampleBlock2D', 'SkipDownBlock2D', "
            "'AttnSkipDownBlock2D', 'KDownBlock2D', 'KCrossAttnDownBlock2D', at most 16",
        ),
        (
            "up_block_types",
            ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
            "a list of 'UpBlock2D', 'AttnUpBlock2D', 'ResnetUpsampleBlock2D', 'SkipUpBlock2D', "
            "'AttnSkipUpBlock2D', 'KUpBlock2D', 'KCrossAttnUpBlock2D', at most 16",
        ),
        ("mid_block_type", "UNetMidBlock2DCrossAttn", "'UNetMidBlock2D', null"),
        ("resnet_time_scale_shift", "ada_group", "'default', 'scale_shift'"),
        ("downsample_type", "fir", "'conv', 'resnet', null"),
        ("upsample_type", "fir", "'conv', 'resnet', null"),
        ("downsample_padding", 2, "0, 1"),
        ("class_embed_type", "projection", "null, 'timestep', 'identity'"),
        ("num_class_embeds", 0, "null or an integer of at least 1"),
        ("dropout", 1.0, "a number from 0 up to 1 (not 1)"),
        ("mid_block_scale_factor", 0, "a number other than 0"),
        ("norm_eps", -1e-6, "a number of at least 0"),
        ("norm_eps", float("nan"), "a number of at least 0"),
        ("norm_num_groups", 0, "null or an integer of at least 1"),
        ("attn_norm_num_groups", 0, "null or an integer of at least 1"),
        ("attention_head_dim", 0, "null or an integer of at least 1"),
        ("time_embedding_dim", 1.5, "null or an integer of at least 1"),
        ("num_train_timesteps", "1000", "null or an integer of at least 1"),
        ("layers_per_block", 0, "an integer from 1 to 64"),
        ("layers_per_block", True, "an integer from 1 to 64"),
        ("layers_per_block", 1_000_000, "an integer from 1 to 64"),
        ("in_channels", "3", "an integer of at least 1"),
        ("out_channels", -3, "an integer of at least 1"),
        ("freq_shift", -1, "an integer of at least 0"),
        ("flip_sin_to_cos", 0, "true or false"),
        ("center_input_sample", None, "true or false"),
        ("add_attention", "yes", "true or false"),
        ("block_out_channels", [], "a list of positive integers, at most 16"),
        ("block_out_channels", 128, "a list of positive integers, at most 16"),
        ("block_out_channels", [1] * 100_000, "a list of positive integers, at most 16"),
        ("sample_size", [32], "null, a positive integer up to 16384, or a list of two (height, width)"),
        ("sample_size", 10**9, "null, a positive integer up to 16384, or a list of two (height, width)"),
        ("in_channels", 2**31, "an integer of at least 1"),
        ("_class_name", "UNet2DConditionModel", "'UNet2DModel'"),
    ],
)
def test_an_unsupported_value_is_refused_by_name(field, value, supported):
    shown = "null" if value is None else repr(value) if not isinstance(value, bool) else str(value).lower()
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    assert refusal(**{field: value}) == f"{field}: {shown} is not supported; supported: {supported}"


def test_every_field_has_a_value_that_is_refused():
    for field in dataclasses.fields(UNet2DConfig):
        assert f"{field.name}: " in refusal(**{field.name: {"not": "a value"}})


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"down_block_types": ["DownBlock2D"]}, "down_block_types: 1 blocks, but block_out_channels has 4"),
        ({"up_block_types": ["UpBlock2D"] * 5}, "up_block_types: 5 blocks, but block_out_channels has 4"),
        ({"norm_num_groups": 24}, "norm_num_groups: 24 groups do not divide [128, 256, 512] channels"),
        ({"norm_num_groups": None}, "norm_num_groups: null, but only skip blocks and K blocks"),
        ({"attn_norm_num_groups": 24}, "attn_norm_num_groups: 24 groups do not divide [256] channels"),
        (
            {"in_channels": 1, "out_channels": 1, **blocks("SkipDownBlock2D", "SkipUpBlock2D")},
            "in_channels: 1, but a skip block takes a picture of 3\n"
            "out_channels: 1, but a skip block adds a picture of 3",
        ),
        (
            blocks(
                "SkipDownBlock2D", "UpBlock2D", down_block_types=["DownBlock2D"] + 3 * ["SkipDownBlock2D"]
            ),
            "down_block_types: a skip block follows one that does not halve the picture beside it",
        ),
        (
            blocks("DownBlock2D", "UpBlock2D", up_block_types=["SkipUpBlock2D"] + 3 * ["UpBlock2D"]),
            "up_block_types: only skip blocks may follow a skip block; others do not double its picture",
        ),
        (
            blocks("KDownBlock2D", "UpBlock2D"),
            "up_block_types: UpBlock2D cannot follow these blocks: it takes 512 channels",
        ),
        (
            blocks("KDownBlock2D", "KUpBlock2D", block_out_channels=[16, 256, 256, 256], norm_num_groups=16),
            "KDownBlock2D: 0 groups do not divide [16] channels",
        ),
        ({"attention_head_dim": 257}, "attention_head_dim: 257 is more than the [256] channels"),
        ({"freq_shift": 64}, "freq_shift: 64 must be below block_out_channels[0] // 2 = 64"),
        ({"time_embedding_type": "learned"}, "num_train_timesteps: null, but time_embedding_type 'learned'"),
        (
            {"block_out_channels": [128, 1 << 20, 256, 256]},
            "block_out_channels and others: the model has more than 4,294,967,296 parameters",
        ),
        ({"sample_size": 36}, "sample_size: 36 must be a multiple of 8"),
        ({"sample_size": [32, 12]}, "sample_size: (32, 12) must be a multiple of 8"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields, problem):
    assert refusal(**fields).startswith(problem)


def test_one_message_lists_every_problem():
    problems = refusal(act_fn="tanh", dropout="no", norm_groups=4).splitlines()
    assert [line.split(":")[0] for line in problems] == ["act_fn", "dropout", "norm_groups"]
    assert problems[2] == "norm_groups: unknown field, with value 4"


def test_notes_of_diffusers_are_no_fields():
    config = UNet2DConfig.from_dict({"_name_or_path": "x", "_diffusers_version": "0.42.1"}, "config.json")
    assert config == UNet2DConfig()


@pytest.mark.parametrize("fields", [
    {},
    {"layers_per_block": 1, "time_embedding_type": "learned", "num_train_timesteps": 1000},
    {"num_class_embeds": 5000},
    {"down_block_types": ["KDownBlock2D"] * 2, "up_block_types": ["KUpBlock2D"] * 2},
    {"down_block_types": ["SkipDownBlock2D"] * 2, "up_block_types": ["SkipUpBlock2D"] * 2},
])  # fmt: skip
def test_the_least_number_of_parameters_is_less_than_the_model_has(mindspore, fields):
    from harness.pipelines.models.unet2d import UNet2DModel

    small = {"block_out_channels": [32, 64], "down_block_types": ["DownBlock2D"] * 2,
             "up_block_types": ["UpBlock2D"] * 2}  # fmt: skip
    config = UNet2DConfig.from_dict({**small, **fields}, "config.json")
    there = sum(parameter.size for parameter in UNet2DModel(config).get_parameters())
    assert there / 5 < config.least_parameters < there


def test_reading_a_config_imports_no_mindspore():
    imports = "import sys, harness.pipelines.models.config, harness.pipelines.seeded"
    check = "sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", f"{imports}; {check}"], check=False).returncode == 0
