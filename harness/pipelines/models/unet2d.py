"""`UNet2DModel`: the unconditional UNet of diffusers, in MindSpore."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from safetensors import SafetensorError, safe_open

from harness.measurement.bfloat16 import to_bfloat16, to_numpy
from harness.measurement.measurement import Array
from harness.pipelines.errors import CheckpointError
from harness.pipelines.models.blocks import DownBlock2D, MidBlock2D, UpBlock2D
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.embeddings import (
    ClassEmbedding,
    FourierTimesteps,
    LearnedTimesteps,
    SinusoidalTimesteps,
    TimestepEmbedding,
)
from harness.pipelines.models.k_blocks import KDownBlock2D, KUpBlock2D
from harness.pipelines.models.layers import GroupNorm, activation, conv2d
from harness.pipelines.models.plan import down_levels, taken, up_levels
from harness.pipelines.models.skip_blocks import SkipDownBlock2D, SkipUpBlock2D

_ATTENTION_RENAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_OLD_ATTENTION = re.compile(r"(attentions\.\d+)\.(query|key|value|proj_attn)\.(weight|bias)$")
# Types of safetensors that numpy does not have; other unsuitable types are reported with all other problems.
_UNKNOWN_TO_NUMPY = re.compile(r"F[468](_.*)?")
_LISTED = 8
_DOWN_BLOCKS: dict[str, Callable[..., nn.Cell]] = {
    "plain": DownBlock2D,
    "resnet": DownBlock2D,
    "skip": SkipDownBlock2D,
    "k": KDownBlock2D,
}
# numpy has no bfloat16: its values are held in float32, rounded.
_CASTS: dict[Any, Callable[[Array], Array]] = {
    ms.float32: lambda array: array.astype(np.float32),
    ms.float16: lambda array: array.astype(np.float16),
    ms.bfloat16: to_bfloat16,
}
Shape = tuple[int, ...]


class UNet2DModel(nn.Cell):
    """Predict noise (or whatever the checkpoint was trained for) from a noisy sample and its timestep.

    Parameters have diffusers' names. Until weights are loaded, convolutions and linear layers are zero. Call
    the model directly in PyNative mode, and as `mindspore.jit(model)` in graph mode.
    """

    def __init__(self, config: UNet2DConfig, dtype: Any = ms.float32) -> None:
        """Build the architecture of `config`; `dtype` is mindspore's float32, float16 or bfloat16."""
        super().__init__()
        self.config = config
        self.dtype = dtype
        widths = config.block_out_channels

        self.conv_in = conv2d(config.in_channels, widths[0], dtype)
        self.time_proj: nn.Cell
        if config.time_embedding_type == "learned":
            self.time_proj = LearnedTimesteps(config.num_train_timesteps or 0, widths[0], dtype)
        elif config.time_embedding_type == "fourier":
            self.time_proj = FourierTimesteps(widths[0])
        else:
            self.time_proj = SinusoidalTimesteps(widths[0], config.freq_shift, config.flip_sin_to_cos)
        embedded = 2 * widths[0] if config.time_embedding_type == "fourier" else widths[0]
        self.time_embedding = TimestepEmbedding(embedded, config.time_embed_dim, dtype)
        self.divides_by_timestep = config.time_embedding_type == "fourier"
        self.embeds_class = config.embeds_class
        self.class_embed_type = config.class_embed_type
        if config.class_embed_type == "timestep":
            self.class_embedding = TimestepEmbedding(embedded, config.time_embed_dim, dtype)
        elif config.class_embed_type is None and config.num_class_embeds is not None:
            self.class_embedding = ClassEmbedding(config.num_class_embeds, config.time_embed_dim, dtype)

        # CellList names the parameters of cells passed to its constructor, but not those of cells appended
        # later.
        downs, ups = down_levels(config), up_levels(config)
        self.down_blocks = nn.CellList(
            [_DOWN_BLOCKS[level.kind.family](config, level, dtype) for level in downs]
        )
        self.down_skips = [level.kind.family == "skip" for level in downs]
        self.keeps_last = [level.keeps_last for level in downs]
        self.has_mid_block = config.mid_block_type is not None
        if self.has_mid_block:
            self.mid_block = MidBlock2D(config, widths[-1], dtype)
        self.up_skips = [level.kind.family == "skip" for level in ups]
        blocks: list[nn.Cell] = []
        for index, level in enumerate(ups):
            if self.up_skips[index]:
                blocks.append(SkipUpBlock2D(config, level, dtype, begins=not any(self.up_skips[:index])))
            else:
                blocks.append((KUpBlock2D if level.kind.family == "k" else UpBlock2D)(config, level, dtype))
        self.up_blocks = nn.CellList(blocks)
        self.taken = [taken(level) for level in ups]
        # The last level adds nothing of its own to the picture.
        self.adds_picture = any(self.up_skips[:-1])

        self.conv_norm_out = GroupNorm(config.groups(widths[0]), widths[0], config.norm_eps, dtype)
        self.conv_act = activation("silu")
        self.conv_out = conv2d(widths[0], config.out_channels, dtype)
        self.center_input_sample = config.center_input_sample
        self.set_train(False)

    def construct(
        self, sample: ms.Tensor, timestep: ms.Tensor, class_labels: ms.Tensor | None = None
    ) -> Tensor:
        """Run the model.

        sample is [n, in_channels, h, w] in the model's dtype, with h and w multiples of
        `config.size_divisor`. timestep is a scalar or [n], of any integer or floating dtype. class_labels,
        for a model that embeds the class, is [n], or [n, time_embed_dim] if `class_embed_type` is
        `identity`. Returns [n, out_channels, h, w].
        """
        if self.center_input_sample:
            sample = 2 * sample - 1
        timestep = ops.broadcast_to(timestep.reshape((-1,)), (sample.shape[0],))
        temb = self.time_embedding(self.time_proj(timestep).astype(self.dtype))
        if self.embeds_class:
            temb = temb + self._embedded(class_labels)

        picture = sample
        x = self.conv_in(sample)
        skips = (x,)
        for i in range(len(self.down_blocks)):
            if self.down_skips[i]:
                outputs = self.down_blocks[i](x, temb, picture)
                picture, outputs = outputs[-1], outputs[:-1]
            else:
                outputs = self.down_blocks[i](x, temb)
            x = outputs[-1]
            skips = skips + (outputs if self.keeps_last[i] else outputs[:-1])
        if self.has_mid_block:
            x = self.mid_block(x, temb)
        for i in range(len(self.up_blocks)):
            left = len(skips) - self.taken[i]
            if self.up_skips[i]:
                x, picture = self.up_blocks[i](x, skips[left:], temb, picture)
            else:
                x = self.up_blocks[i](x, skips[left:], temb)
            skips = skips[:left]
        x = self.conv_out(self.conv_act(self.conv_norm_out(x)))
        if self.adds_picture:
            x = x + picture
        if self.divides_by_timestep:
            x = x / timestep.astype(x.dtype).reshape((-1, 1, 1, 1))
        return x

    def _embedded(self, class_labels: ms.Tensor) -> Tensor:
        """Return the embedding [n, time_embed_dim] of class_labels."""
        if self.class_embed_type == "identity":
            return class_labels.astype(self.dtype)
        if self.class_embed_type == "timestep":
            return self.class_embedding(self.time_proj(class_labels).astype(self.dtype))
        return self.class_embedding(class_labels)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Map the name of every parameter, as in a checkpoint, to its shape."""
        return {name: tuple(parameter.shape) for name, parameter in self.parameters_and_names()}

    def load_weights(self, path: Path) -> None:
        """Load a `diffusion_pytorch_model.safetensors`; CheckpointError if it is missing or does not fit."""
        with _open_safetensors(path) as (shapes, read):
            self._load(shapes, read, str(path))

    def load_state(self, state: Mapping[str, Array], *, where: str = "the given state") -> None:
        """Load all parameters, cast to the model's dtype; `where` names their source in messages.

        Old names of attention layers (`query`, `proj_attn`, ...) are understood. Raises CheckpointError,
        which lists what is wrong; some parameters may already have been replaced at that point.
        """
        self._load({name: np.shape(array) for name, array in state.items()}, state.__getitem__, where)

    def _load(self, given: Mapping[str, Shape], read: Callable[[str], Any], where: str) -> None:
        parameters = dict(self.parameters_and_names())
        for name, array in _checked(given, read, self.state_shapes(), self.dtype, where):
            parameters[name].set_data(Tensor(array, self.dtype))


@contextmanager
def _open_safetensors(path: Path) -> Iterator[tuple[dict[str, Shape], Callable[[str], Array]]]:
    """Open a safetensors file; yield a map from tensor names to shapes and a function that reads one."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file; a model folder needs its weights as safetensors")
    try:
        with safe_open(path, framework="numpy") as handle:

            def shape(name: str) -> Shape:
                part = handle.get_slice(name)
                if _UNKNOWN_TO_NUMPY.fullmatch(stored := part.get_dtype()):
                    raise CheckpointError(
                        f"{path}: {name} is stored as {stored}; supported: BF16, F16, F32, F64; "
                        "save the model in float32 or float16"
                    )
                return tuple(part.get_shape())

            def tensor(name: str) -> Array:
                try:
                    return to_numpy(handle.get_tensor(name))
                except (AttributeError, TypeError):  # safetensors before 0.5 looks for numpy's own bfloat16
                    raise CheckpointError(
                        f"{path}: {name} is stored as BF16, which the installed safetensors does not read "
                        "into numpy: update safetensors, or save the model in float32"
                    ) from None

            # Iterate over a list, because the handle is not a mapping.
            yield {name: shape(name) for name in list(handle.keys())}, tensor
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error}); fetch it again") from error


def _checked(
    given: Mapping[str, Shape],
    read: Callable[[str], Array],
    shapes: Mapping[str, Shape],
    dtype: Any,
    where: str,
) -> Iterator[tuple[str, Array]]:
    """Yield (parameter name, array cast to `dtype`) for every parameter in `shapes` with a valid array.

    Raises CheckpointError at once if names are missing or unexpected, and at the end for invalid arrays.
    """
    source = {_current_name(name): name for name in given}
    clashing = sorted(set(given) - set(source.values()))
    missing = sorted(set(shapes) - set(source))
    unexpected = sorted(source[name] for name in set(source) - set(shapes))
    lists = {"missing": missing, "unexpected": unexpected, "given twice": clashing}
    problems = [f"{kind}: {_listed(found)}" for kind, found in lists.items() if found]
    if problems:
        _refuse(where, problems)
    for name, shape in shapes.items():
        if given[source[name]] != shape:  # and is not read, because it may be of any size
            problem = f"shape {list(given[source[name]])}, the configuration needs {list(shape)}"
        elif (stored := np.asarray(read(source[name]))).dtype.kind != "f":
            problem = f"dtype {stored.dtype}, a floating one is needed"
        else:
            with np.errstate(over="ignore"):
                array = np.ascontiguousarray(_CASTS[dtype](stored))
            wrong = array.size - int(np.count_nonzero(np.isfinite(array)))
            if not wrong:
                yield name, array
                continue
            limit = str(dtype).lower()
            problem = f"{wrong} of {array.size} values are NaN, infinite or too large for {limit}"
        problems.append(f"{source[name]}: {problem}")
    if problems:
        _refuse(where, problems)


def _refuse(where: str, problems: list[str]) -> None:
    listed = "".join(f"\n  {problem}" for problem in problems[:_LISTED])
    rest = len(problems) - _LISTED
    more = f"\n  and {rest} more" if rest > 0 else ""
    raise CheckpointError(f"{where}: these weights do not fit the model or are damaged:{listed}{more}")


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _current_name(name: str) -> str:
    """Return the current name of a tensor; old releases of diffusers named attention layers differently."""
    return _OLD_ATTENTION.sub(lambda found: f"{found[1]}.{_ATTENTION_RENAMES[found[2]]}.{found[3]}", name)
