"""The configuration of a `UNet2DModel`: every field of diffusers' own is honoured, or refused by name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pipelines.errors import CheckpointError

ACTIVATIONS = ("silu", "swish", "mish", "gelu", "relu")
DOWN_BLOCKS = ("DownBlock2D", "AttnDownBlock2D")
UP_BLOCKS = ("UpBlock2D", "AttnUpBlock2D")


@dataclass(frozen=True)
class UNet2DConfig:
    """The architecture of a `UNet2DModel`, checked.

    Names, meanings and defaults are those of the constructor of `diffusers.UNet2DModel` (0.42).
    Build it with `from_dict` or `from_file`, which check every field; the constructor checks nothing.
    Three fields never change what the model computes: `sample_size` (the pipeline draws noise of that
    size), `dropout` (a no-op at inference) and, unless `time_embedding_type` is `learned`,
    `num_train_timesteps`.
    """

    sample_size: int | tuple[int, int] | None = None
    in_channels: int = 3
    out_channels: int = 3
    center_input_sample: bool = False
    time_embedding_type: str = "positional"
    time_embedding_dim: int | None = None
    freq_shift: int = 0
    flip_sin_to_cos: bool = True
    down_block_types: tuple[str, ...] = (
        "DownBlock2D",
        "AttnDownBlock2D",
        "AttnDownBlock2D",
        "AttnDownBlock2D",
    )
    mid_block_type: str | None = "UNetMidBlock2D"
    up_block_types: tuple[str, ...] = 3 * ("AttnUpBlock2D",) + ("UpBlock2D",)
    block_out_channels: tuple[int, ...] = (224, 448, 672, 896)
    layers_per_block: int = 2
    mid_block_scale_factor: float = 1.0
    downsample_padding: int = 1
    downsample_type: str = "conv"
    upsample_type: str = "conv"
    dropout: float = 0.0
    act_fn: str = "silu"
    attention_head_dim: int | None = 8
    norm_num_groups: int = 32
    attn_norm_num_groups: int | None = None
    norm_eps: float = 1e-5
    resnet_time_scale_shift: str = "default"
    add_attention: bool = True
    class_embed_type: None = None
    num_class_embeds: None = None
    num_train_timesteps: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> UNet2DConfig:
        """Check a decoded `config.json`.

        `where` names the file in messages. Keys that start with an underscore are diffusers' notes about
        the file (`_diffusers_version`, ...) and are skipped, but `_class_name` must be `UNet2DModel`.

        Raises CheckpointError that lists every unknown key and every value that is not supported.
        """
        problems: list[str] = []
        class_name = values.get("_class_name", "UNet2DModel")
        if class_name != "UNet2DModel":
            problems.append(f"_class_name: {_shown(class_name)} is not supported; supported: 'UNet2DModel'")
        given: dict[str, Any] = {}
        for key, value in values.items():
            if key.startswith("_"):
                continue
            rule = _RULES.get(key)
            if rule is None:
                problems.append(f"{key}: unknown field, with value {_shown(value)}")
            elif not rule.accepts(value):
                problems.append(f"{key}: {_shown(value)} is not supported; supported: {rule.supported}")
            else:
                given[key] = tuple(value) if isinstance(value, list) else value
        config = None
        if not problems:
            config = cls(**given)
            problems = config._contradictions()
        if config is None or problems:
            listed = "".join(f"\n  {problem}" for problem in problems)
            raise CheckpointError(f"{where}: this model configuration cannot be used as it is:{listed}")
        return config

    @classmethod
    def from_file(cls, path: Path) -> UNet2DConfig:
        """Read and check a `config.json`; raises CheckpointError naming the file."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(f"{path}: no such file; a model folder needs its config.json") from None
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path}: not readable as JSON ({error}); fetch it again") from error
        if not isinstance(values, dict):
            raise CheckpointError(f"{path}: holds {_shown(values)} where a JSON object of fields is needed")
        return cls.from_dict(values, str(path))

    @property
    def time_embed_dim(self) -> int:
        """Width of the embedded timestep; four times the first block's channels unless the config says."""
        return self.time_embedding_dim or 4 * self.block_out_channels[0]

    @property
    def size_divisor(self) -> int:
        """Height and width of a sample must be multiples of this: every block but the last halves them."""
        return int(2 ** (len(self.block_out_channels) - 1))

    def head_dim(self, channels: int) -> int:
        """Channels per attention head in a block of `channels`; without `attention_head_dim`, one head."""
        return channels if self.attention_head_dim is None else self.attention_head_dim

    @property
    def mid_attention_groups(self) -> int | None:
        """Groups of the norm in the middle block's attention; None for no norm.

        As in diffusers, without `attn_norm_num_groups` the norm exists only under the default time shift.
        """
        if self.attn_norm_num_groups is not None:
            return self.attn_norm_num_groups
        return self.norm_num_groups if self.resnet_time_scale_shift == "default" else None

    def _contradictions(self) -> list[str]:
        """Say which fields do not fit each other; each field is sound by itself."""
        problems = []
        channels = self.block_out_channels
        for name in ("down_block_types", "up_block_types"):
            blocks = getattr(self, name)
            if len(blocks) != len(channels):
                problems.append(
                    f"{name}: {len(blocks)} blocks, but block_out_channels has {len(channels)}; "
                    "there must be one of each per level"
                )
        uneven = [c for c in channels if c % self.norm_num_groups]
        if uneven:
            problems.append(
                f"norm_num_groups: {self.norm_num_groups} does not divide {uneven} in block_out_channels"
            )
        mid_attention = self.mid_block_type is not None and self.add_attention
        groups, deepest = self.attn_norm_num_groups, channels[-1]
        if groups is not None and mid_attention and deepest % groups:
            problems.append(f"attn_norm_num_groups: {groups} does not divide {deepest} in block_out_channels")
        attended = {c for c, block in zip(channels, self.down_block_types, strict=False) if "Attn" in block}
        attended |= {
            c for c, block in zip(channels[::-1], self.up_block_types, strict=False) if "Attn" in block
        }
        attended |= {channels[-1]} if mid_attention else set()
        narrow = sorted(c for c in attended if c < self.head_dim(c))
        if narrow:
            problems.append(
                f"attention_head_dim: {self.attention_head_dim} is more than the {narrow} channels "
                "of a block with attention"
            )
        if self.time_embedding_type == "positional" and self.freq_shift >= channels[0] // 2:
            problems.append(
                f"freq_shift: {self.freq_shift} must be below block_out_channels[0] // 2 = {channels[0] // 2}"
            )
        if self.time_embedding_type == "learned" and self.num_train_timesteps is None:
            problems.append("num_train_timesteps: null, but time_embedding_type 'learned' needs their number")
        sizes = self.sample_size if isinstance(self.sample_size, tuple) else (self.sample_size,)
        if any(size is not None and size % self.size_divisor for size in sizes):
            problems.append(
                f"sample_size: {self.sample_size} must be a multiple of {self.size_divisor} "
                f"with {len(channels)} levels"
            )
        return problems


@dataclass(frozen=True)
class _Rule:
    """What one field may hold: a test on the decoded JSON value, and the same in words."""

    accepts: Callable[[Any], bool]
    supported: str


def _shown(value: object) -> str:
    text = json.dumps(value) if isinstance(value, bool | type(None)) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _is_int(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_list(value: object, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(accepts(item) for item in value)


def _is_finite(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value < high


def _boolean() -> _Rule:
    return _Rule(lambda value: isinstance(value, bool), "true or false")


def _integer(least: int) -> _Rule:
    return _Rule(lambda value: _is_int(value, least), f"an integer of at least {least}")


def _optional_integer(least: int) -> _Rule:
    return _Rule(
        lambda value: value is None or _is_int(value, least), f"null or an integer of at least {least}"
    )


def _one_of(*choices: object) -> _Rule:
    shown = ", ".join(_shown(choice) for choice in choices)
    return _Rule(lambda value: any(type(value) is type(c) and value == c for c in choices), shown)


def _list_of(choices: tuple[str, ...]) -> _Rule:
    shown = ", ".join(repr(choice) for choice in choices)

    def accepts(value: object) -> bool:
        return _is_list(value, lambda item: isinstance(item, str) and item in choices)

    return _Rule(accepts, f"a list of {shown}")


_LARGEST = float("inf")

_RULES: dict[str, _Rule] = {
    "sample_size": _Rule(
        lambda value: (
            value is None
            or _is_int(value, 1)
            or (_is_list(value, lambda item: _is_int(item, 1)) and len(value) == 2)
        ),
        "null, a positive integer, or a list of two (height, width)",
    ),
    "in_channels": _integer(1),
    "out_channels": _integer(1),
    "center_input_sample": _boolean(),
    # 'fourier' takes the logarithm of the timestep, which MindSpore's CPU kernel gets wrong by 1e-5 relative;
    # times the embedding's frequencies that turns whole angles, so no parity could be promised.
    "time_embedding_type": _one_of("positional", "learned"),
    "time_embedding_dim": _optional_integer(1),
    "freq_shift": _integer(0),
    "flip_sin_to_cos": _boolean(),
    "down_block_types": _list_of(DOWN_BLOCKS),
    "mid_block_type": _one_of("UNetMidBlock2D", None),
    "up_block_types": _list_of(UP_BLOCKS),
    "block_out_channels": _Rule(
        lambda value: _is_list(value, lambda item: _is_int(item, 1)), "a list of positive integers"
    ),
    "layers_per_block": _integer(1),
    "mid_block_scale_factor": _Rule(
        lambda value: _is_finite(value, -_LARGEST, _LARGEST) and value not in (0, -_LARGEST),
        "a number other than 0",
    ),
    # Any other padding makes the levels' sizes disagree with the skip connections'.
    "downsample_padding": _one_of(0, 1),
    "downsample_type": _one_of("conv", "resnet"),
    "upsample_type": _one_of("conv", "resnet"),
    "dropout": _Rule(lambda value: _is_finite(value, 0, 1), "a number from 0 up to 1 (not 1)"),
    "act_fn": _Rule(
        lambda value: isinstance(value, str) and value.lower() in ACTIVATIONS,
        ", ".join(repr(name) for name in ACTIVATIONS),
    ),
    "attention_head_dim": _optional_integer(1),
    "norm_num_groups": _integer(1),
    "attn_norm_num_groups": _optional_integer(1),
    "norm_eps": _Rule(lambda value: _is_finite(value, 0, _LARGEST), "a number of at least 0"),
    "resnet_time_scale_shift": _one_of("default", "scale_shift"),
    "add_attention": _boolean(),
    # Class conditioning would need a label in every call of the pipelines, which have none.
    "class_embed_type": _one_of(None),
    "num_class_embeds": _one_of(None),
    "num_train_timesteps": _optional_integer(1),
}

assert set(_RULES) == {field.name for field in dataclasses.fields(UNet2DConfig)}
