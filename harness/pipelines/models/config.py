"""The configuration of a `UNet2DModel`: every field of diffusers is honoured or refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.pipelines.errors import CheckpointError
from harness.pipelines.fields import boolean, checked, is_integer, is_list, is_number, read_fields
from harness.pipelines.models.plan import (
    DOWN_BLOCKS,
    UP_BLOCKS,
    down_levels,
    is_block,
    kind_of,
    misfits,
    norms,
    skip_groups,
    up_levels,
)

_CLASS = "UNet2DModel"
# Far more than any model has. A larger model would take hours to build or exhaust the memory.
_LARGEST_SIZE = 1 << 14
_MOST_LAYERS = 64
_MOST_LEVELS = 16
_MOST_PARAMETERS = 1 << 32


def _shown(value: object) -> str:
    text = json.dumps(value) if isinstance(value, bool | type(None)) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _integer(default: int, least: int = 1) -> Any:
    return checked(default, lambda value: is_integer(value, least), f"an integer of at least {least}")


def _optional_integer(default: int | None) -> Any:
    return checked(
        default, lambda value: value is None or is_integer(value, 1), "null or an integer of at least 1"
    )


def _one_of(*choices: object, default: object = None) -> Any:
    """Return a field with one of ``choices`` as its value; the default is the first unless given."""
    return checked(
        choices[0] if default is None else default,
        lambda value: any(type(value) is type(choice) and value == choice for choice in choices),
        ", ".join(map(_shown, choices)),
    )


def _blocks(default: tuple[str, ...], kinds: Iterable[str]) -> Any:
    return checked(
        default,
        lambda value: is_list(value, lambda item: is_block(item, kinds), _MOST_LEVELS),
        f"a list of {', '.join(map(repr, kinds))}, at most {_MOST_LEVELS}",
    )


def _is_size(value: Any) -> bool:
    sizes = value if isinstance(value, list | tuple) and len(value) == 2 else [value]
    return value is None or all(is_integer(size, 1, _LARGEST_SIZE) for size in sizes)


_ACTIVATIONS = ("silu", "swish", "mish", "gelu", "relu")


@dataclass(frozen=True)
class UNet2DConfig:
    """The checked architecture of a `UNet2DModel`.

    Names, meanings and defaults are those of the constructor of `diffusers.UNet2DModel` (0.42). Build it with
    `from_dict`, which checks every field; the constructor checks nothing. Three fields never change what the
    model computes: `sample_size` (the pipeline draws noise of that size), `dropout` (does nothing at
    inference) and, unless `time_embedding_type` is `learned`, `num_train_timesteps`.
    """

    sample_size: int | tuple[int, int] | None = checked(
        None, _is_size, f"null, a positive integer up to {_LARGEST_SIZE}, or a list of two (height, width)"
    )
    in_channels: int = _integer(3)
    out_channels: int = _integer(3)
    center_input_sample: bool = boolean(False)
    time_embedding_type: str = _one_of("positional", "fourier", "learned")
    time_embedding_dim: int | None = _optional_integer(None)
    freq_shift: int = _integer(0, least=0)
    flip_sin_to_cos: bool = boolean(True)
    down_block_types: tuple[str, ...] = _blocks(("DownBlock2D", *3 * ("AttnDownBlock2D",)), DOWN_BLOCKS)
    mid_block_type: str | None = _one_of("UNetMidBlock2D", None)
    up_block_types: tuple[str, ...] = _blocks((*3 * ("AttnUpBlock2D",), "UpBlock2D"), UP_BLOCKS)
    block_out_channels: tuple[int, ...] = checked(
        (224, 448, 672, 896),
        lambda value: is_list(value, lambda item: is_integer(item, 1), _MOST_LEVELS),
        f"a list of positive integers, at most {_MOST_LEVELS}",
    )
    layers_per_block: int = checked(
        2, lambda value: is_integer(value, 1, _MOST_LAYERS), f"an integer from 1 to {_MOST_LAYERS}"
    )
    mid_block_scale_factor: float = checked(
        1.0, lambda value: is_number(value) and value != 0, "a number other than 0"
    )
    # With any other padding, the sizes of the levels do not match those of the skip connections.
    downsample_padding: int = _one_of(0, 1, default=1)
    downsample_type: str | None = _one_of("conv", "resnet", None)
    upsample_type: str | None = _one_of("conv", "resnet", None)
    dropout: float = checked(
        0.0, lambda value: is_number(value, 0, 1) and value != 1, "a number from 0 up to 1 (not 1)"
    )
    act_fn: str = checked(
        "silu",
        lambda value: isinstance(value, str) and value.lower() in _ACTIVATIONS,
        ", ".join(map(repr, _ACTIVATIONS)),
    )
    attention_head_dim: int | None = _optional_integer(8)
    norm_num_groups: int | None = _optional_integer(32)
    attn_norm_num_groups: int | None = _optional_integer(None)
    norm_eps: float = checked(1e-5, lambda value: is_number(value, low=0), "a number of at least 0")
    resnet_time_scale_shift: str = _one_of("default", "scale_shift")
    add_attention: bool = boolean(True)
    class_embed_type: str | None = _one_of(None, "timestep", "identity")
    num_class_embeds: int | None = _optional_integer(None)
    num_train_timesteps: int | None = _optional_integer(None)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> UNet2DConfig:
        """Check a decoded `config.json`; CheckpointError starts with `where` and lists all problems."""
        given, problems = read_fields(cls, values, _problem)
        if (name := values.get("_class_name", _CLASS)) != _CLASS:
            problems.insert(0, _problem("_class_name", name, repr(_CLASS)))
        if not problems:
            config = cls(**given)
            problems = config._contradictions()
        if problems:
            listed = "".join(f"\n  {problem}" for problem in problems)
            raise CheckpointError(f"{where}: this model configuration cannot be used as it is:{listed}")
        return config

    @property
    def time_embed_dim(self) -> int:
        """Width of the embedded timestep; by default four times the channels of the first block."""
        return self.time_embedding_dim or 4 * self.block_out_channels[0]

    @property
    def size_divisor(self) -> int:
        """Height and width of a sample must be multiples of this, as every block but the last halves them."""
        return int(2 ** (len(self.block_out_channels) - 1))

    @property
    def least_parameters(self) -> int:
        """A lower bound on the number of the model's parameters, counted from its larger layers."""
        channels, first = self.block_out_channels, self.block_out_channels[0]
        # Counts the second convolution of each residual block: `layers_per_block` per level going down, one
        # more going up. A K block has none more, and its last one may be narrower.
        of_k = any(kind_of(name).family == "k" for name in (*self.down_block_types, *self.up_block_types))
        resnets = 2 * self.layers_per_block + (-1 if of_k else 1)
        blocks = 9 * resnets * sum(each * each for each in channels)
        ends = 9 * first * (self.in_channels + self.out_channels)
        timesteps = (self.num_train_timesteps or 0) * first if self.time_embedding_type == "learned" else 0
        classes = (self.num_class_embeds or 0) * self.time_embed_dim
        return blocks + ends + timesteps + classes + self.time_embed_dim * (first + self.time_embed_dim)

    def head_dim(self, channels: int) -> int:
        """Channels per attention head in a block of `channels`; one head if `attention_head_dim` is None."""
        return channels if self.attention_head_dim is None else self.attention_head_dim

    @property
    def mid_attention_groups(self) -> int | None:
        """Groups of the norm in the middle block's attention; as in diffusers, None means no norm."""
        if self.attn_norm_num_groups is not None:
            return self.attn_norm_num_groups
        return self.groups(self.block_out_channels[-1]) if self.resnet_time_scale_shift == "default" else None

    def groups(self, channels: int) -> int:
        """Groups of a norm outside the blocks, or of the middle block, on a map of ``channels``."""
        return self.norm_num_groups or skip_groups(channels)

    @property
    def embeds_class(self) -> bool:
        """Whether the model takes a class label beside the timestep."""
        return self.class_embed_type is not None or self.num_class_embeds is not None

    def _contradictions(self) -> list[str]:
        """Return the contradictions between fields that are valid on their own."""
        problems = []
        channels = self.block_out_channels
        if self.least_parameters > _MOST_PARAMETERS:
            problems.append(
                f"block_out_channels and others: the model has more than {_MOST_PARAMETERS:,} parameters"
            )
        for name in ("down_block_types", "up_block_types"):
            blocks = getattr(self, name)
            if len(blocks) != len(channels):
                problems.append(
                    f"{name}: {len(blocks)} blocks, but block_out_channels has {len(channels)}; "
                    "there must be one of each per level"
                )
        if not problems:
            problems = self._problems_of_blocks()
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

    def _problems_of_blocks(self) -> list[str]:
        """Return where blocks, of which there is one per level, do not fit their channels or each other."""
        problems = []
        kinds = map(kind_of, (*self.down_block_types, *self.up_block_types))
        if self.norm_num_groups is None and any(kind.family in ("plain", "resnet") for kind in kinds):
            problems.append(
                "norm_num_groups: null, but only skip blocks and K blocks have norms of their own"
            )
        else:
            uneven: dict[tuple[str, int], set[int]] = {}
            for name, groups, width in norms(self):
                if groups == 0 or width % groups:
                    uneven.setdefault((name, groups), set()).add(width)
            problems += [
                f"{name}: {groups} groups do not divide {sorted(widths)} channels"
                for (name, groups), widths in uneven.items()
            ]
        narrow = sorted({width for width, head in self._attended() if width < head})
        if narrow:
            problems.append(
                f"attention_head_dim: {_shown(self.attention_head_dim)} is more than the {narrow} channels "
                "of a block with attention"
            )
        return problems + list(misfits(self))

    def _attended(self) -> Iterator[tuple[int, int]]:
        """Yield the channels that attention works on, and the channels of its heads."""
        if self.mid_block_type is not None and self.add_attention:
            yield self.block_out_channels[-1], self.head_dim(self.block_out_channels[-1])
        for down in down_levels(self):
            if down.kind.attends:
                yield down.channels, self.head_dim(down.channels)
        for up in up_levels(self):
            if up.kind.attends:
                yield from ((width, self.head_dim(up.channels)) for width in (up.channels, up.outgoing[-1]))


def _problem(name: str, value: object, supported: str | None) -> str:
    if supported is None:
        return f"{name}: unknown field, with value {_shown(value)}"
    return f"{name}: {_shown(value)} is not supported; supported: {supported}"
