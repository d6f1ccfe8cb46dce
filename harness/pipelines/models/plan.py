"""The blocks of a UNet: their kinds, what they are given, and whether a configuration fits together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.pipelines.models.config import UNet2DConfig

# Checkpoints of diffusers before 0.3 put this before the name of every block.
_OLD_PREFIX = "UNetRes"
# The K blocks normalise groups of this many channels.
K_GROUP_SIZE = 32


@dataclass(frozen=True)
class Kind:
    """A type of block: how it changes the size of the map, and whether it has attention.

    ``plain`` blocks use a convolution (or, with attention, what the configuration says), ``resnet`` blocks a
    residual block, ``skip`` blocks a FIR filter, beside a picture that skips the blocks, and ``k`` blocks
    normalise with the timestep and give the blocks of the other side one map each.
    """

    family: Literal["plain", "resnet", "skip", "k"]
    attends: bool


DOWN_BLOCKS = {
    "DownBlock2D": Kind("plain", attends=False),
    "AttnDownBlock2D": Kind("plain", attends=True),
    "ResnetDownsampleBlock2D": Kind("resnet", attends=False),
    "SkipDownBlock2D": Kind("skip", attends=False),
    "AttnSkipDownBlock2D": Kind("skip", attends=True),
    "KDownBlock2D": Kind("k", attends=False),
    "KCrossAttnDownBlock2D": Kind("k", attends=True),
}
UP_BLOCKS = {
    "UpBlock2D": Kind("plain", attends=False),
    "AttnUpBlock2D": Kind("plain", attends=True),
    "ResnetUpsampleBlock2D": Kind("resnet", attends=False),
    "SkipUpBlock2D": Kind("skip", attends=False),
    "AttnSkipUpBlock2D": Kind("skip", attends=True),
    "KUpBlock2D": Kind("k", attends=False),
    "KCrossAttnUpBlock2D": Kind("k", attends=True),
}


def is_block(name: object, kinds: Iterable[str]) -> bool:
    """Return whether ``name``, as a configuration gives it, is one of ``kinds``."""
    return isinstance(name, str) and name.removeprefix(_OLD_PREFIX) in kinds


def kind_of(name: str) -> Kind:
    """Return the kind of the block that a configuration calls ``name``."""
    name = name.removeprefix(_OLD_PREFIX)
    return DOWN_BLOCKS.get(name) or UP_BLOCKS[name]


@dataclass(frozen=True)
class Down:
    """A level on the way down, and what it gives to the way up."""

    kind: Kind
    in_channels: int
    channels: int
    halves: bool
    layers: int

    @property
    def incoming(self) -> list[int]:
        """The channels of the input of each residual block."""
        return [self.in_channels] + [self.channels] * (self.layers - 1)

    @property
    def keeps_last(self) -> bool:
        """Whether the halved map is kept for the way up, too; K blocks only pass it on."""
        return not (self.kind.family == "k" and self.halves)

    @property
    def is_joined(self) -> bool:
        """Whether the way up joins its maps; it does not join those of the last K block with attention."""
        return not (self.kind == Kind("k", attends=True) and not self.halves)


@dataclass(frozen=True)
class Up:
    """A level on the way up: the channels of the level before it, its own, and those of the level above.

    ``joins`` says whether there is a map to join. ``is_first`` marks a K block with attention that has no
    room for one; diffusers recognises it by its widths alone.
    """

    kind: Kind
    before: int
    channels: int
    above: int
    doubles: bool
    layers: int
    joins: bool
    is_first: bool

    @property
    def incoming(self) -> list[tuple[int, int]]:
        """For each residual block, the channels of its input without and with the map that it joins."""
        if self.kind.family == "k":
            first = self.channels if self.is_first else 2 * self.channels
            return [(first, first)] + [(self.channels, self.channels)] * (self.layers - 1)
        inputs = [self.before] + [self.channels] * self.layers
        joined = [self.channels] * self.layers + [self.above]
        return [(own, own + other) for own, other in zip(inputs, joined, strict=True)]

    @property
    def outgoing(self) -> list[int]:
        """The channels of the output of each residual block."""
        if self.kind.family == "k":
            return [self.channels] * (self.layers - 1) + [self.above]
        return [self.channels] * (self.layers + 1)


def down_levels(config: UNet2DConfig) -> list[Down]:
    """Return the levels on the way down, from the largest map to the smallest."""
    widths = config.block_out_channels
    return [
        Down(
            kind_of(name),
            widths[max(level - 1, 0)],
            widths[level],
            level < len(widths) - 1,
            config.layers_per_block,
        )
        for level, name in enumerate(config.down_block_types)
    ]


def up_levels(config: UNet2DConfig) -> list[Up]:
    """Return the levels on the way up, from the smallest map to the largest."""
    widths = config.block_out_channels[::-1]
    levels = []
    downs = down_levels(config)
    maps = [down.is_joined for down in downs for _ in range(config.layers_per_block + _kept(down))]
    joined = [True, *maps]
    for level, name in enumerate(config.up_block_types):
        kind, channels = kind_of(name), widths[level]
        above = widths[min(level + 1, len(widths) - 1)]
        first = kind == Kind("k", attends=True) and above == channels == config.time_embed_dim
        up = Up(
            kind,
            widths[max(level - 1, 0)],
            channels,
            above,
            level < len(widths) - 1,
            config.layers_per_block,
            joins=joined[-1] if joined else False,
            is_first=first,
        )
        levels.append(up)
        joined = joined[: max(0, len(joined) - taken(up))]
    return levels


def taken(up: Up) -> int:
    """Return the number of maps that a level takes from the way down."""
    return up.layers if up.kind.family == "k" else up.layers + 1


def misfits(config: UNet2DConfig) -> Iterator[str]:
    """Describe where the blocks do not fit together; diffusers builds such a model, but cannot run it.

    The channels and the size of every map are followed through the blocks.
    """
    yield from _misfits_of_picture(config)
    # Each map: its channels, or None where there is none, and how often it was halved.
    size = 0
    maps: list[tuple[int | None, int]] = [(config.block_out_channels[0], 0)]
    for down in down_levels(config):
        given = down.channels if down.is_joined else None
        maps += [(given, size)] * config.layers_per_block
        size += down.halves
        maps += [(down.channels, size)] * _kept(down)
    width = config.block_out_channels[-1]
    for name, up in zip(config.up_block_types, up_levels(config), strict=True):
        count = taken(up)
        if len(maps) < count:
            yield f"up_block_types: {name} takes {count} maps of the blocks before it, which left {len(maps)}"
            return
        joined, maps = maps[-count:][::-1], maps[:-count]
        # A K block joins a map before its first residual block only.
        of_k = up.kind.family == "k"
        for index, (channels, halved) in enumerate(joined[:1] if of_k else joined):
            wanted, found = up.incoming[index][1], width + (channels or 0)
            if channels is None and not of_k:
                yield f"up_block_types: {name} joins a map that the last K block with attention does not give"
                return
            if found != wanted or (channels is not None and halved != size):
                yield (
                    f"up_block_types: {name} cannot follow these blocks: it takes {wanted} channels, halved "
                    f"{size} times, but is given {found}, halved {halved} times"
                )
                return
            width = up.outgoing[index]
        width = up.outgoing[-1]
        size -= up.doubles


def _misfits_of_picture(config: UNet2DConfig) -> Iterator[str]:
    """Describe why the picture that skips the blocks would not fit."""
    downs, ups = down_levels(config), up_levels(config)
    halving = [down.kind.family == "skip" for down in downs if down.halves]
    if any(halving):
        if config.in_channels != 3:
            yield f"in_channels: {config.in_channels}, but a skip block takes a picture of 3"
        if not all(halving[: len(halving) - halving[::-1].index(True)]):
            yield "down_block_types: a skip block follows one that does not halve the picture beside it"
    skips = [up.kind.family == "skip" for up in ups]
    if any(up and level.doubles for up, level in zip(skips, ups, strict=True)):
        if config.out_channels != 3:
            yield f"out_channels: {config.out_channels}, but a skip block adds a picture of 3"
        if not all(skips[skips.index(True) :]):
            yield "up_block_types: only skip blocks may follow a skip block; others do not double its picture"


def norms(config: UNet2DConfig) -> Iterator[tuple[str, int, int]]:
    """Yield (field or block, groups, channels) of every group norm, whether or not the groups divide them."""
    groups = config.norm_num_groups
    widths = config.block_out_channels
    yield "norm_num_groups", config.groups(widths[0]), widths[0]
    if config.mid_block_type is not None:
        yield "norm_num_groups", config.groups(widths[-1]), widths[-1]
        mid = config.mid_attention_groups
        if config.add_attention and mid is not None:
            name = "norm_num_groups" if config.attn_norm_num_groups is None else "attn_norm_num_groups"
            yield name, mid, widths[-1]
    for name, down in zip(config.down_block_types, down_levels(config), strict=True):
        for width in (*down.incoming, down.channels):
            if down.kind.family == "skip":
                yield name, skip_groups(width), width
            elif down.kind.family == "k":
                yield name, width // K_GROUP_SIZE, width
            else:
                yield "norm_num_groups", groups or 0, width
        if down.kind.attends:
            yield from _attention_norm(name, down.kind, down.channels)
    for name, up in zip(config.up_block_types, up_levels(config), strict=True):
        for (own, joined), out in zip(up.incoming, up.outgoing, strict=True):
            if up.kind.family == "skip":
                yield name, joined_groups(up.kind, own, joined), joined
                yield name, skip_groups(out), out
            elif up.kind.family == "k":
                yield name, joined // K_GROUP_SIZE, joined
                # As in diffusers, the groups are those of the level, whatever the block gives.
                yield name, up.channels // K_GROUP_SIZE, up.channels if up.kind.attends else out
            else:
                yield "norm_num_groups", groups or 0, joined
                yield "norm_num_groups", groups or 0, out
        if up.kind.attends:
            yield from _attention_norm(name, up.kind, up.channels)
            yield from _attention_norm(name, up.kind, up.outgoing[-1])


def skip_groups(channels: int) -> int:
    """Return the groups of a norm in a skip block."""
    return min(channels // 4, 32)


def joined_groups(kind: Kind, own: int, joined: int) -> int:
    """Return the groups of the first norm of a skip block on the way up.

    With attention, diffusers divides only the channels of the joined map by 4 (``AttnSkipUpBlock2D``).
    """
    return min(own + (joined - own) // 4, 32) if kind.attends else skip_groups(joined)


def attention_groups(kind: Kind, channels: int) -> int:
    """Return the groups of the norm before the attention of a skip or K block."""
    return 32 if kind.family == "skip" else max(1, channels // K_GROUP_SIZE)


def _attention_norm(name: str, kind: Kind, channels: int) -> Iterator[tuple[str, int, int]]:
    if kind.family in ("skip", "k"):
        yield name, attention_groups(kind, channels), channels


def _kept(down: Down) -> int:
    return int(down.halves and down.keeps_last)
