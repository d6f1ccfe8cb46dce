"""`UNet2DModel`: the unconditional UNet of diffusers, in MindSpore."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import numpy.typing as npt
from mindspore import Tensor, nn, ops

from harness.pipelines.models.blocks import DownBlock2D, MidBlock2D, UpBlock2D
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.embeddings import LearnedTimesteps, SinusoidalTimesteps, TimestepEmbedding
from harness.pipelines.models.layers import GroupNorm, activation, conv2d
from harness.pipelines.models.weights import checked, open_safetensors


class UNet2DModel(nn.Cell):
    """Predict noise (or whatever the checkpoint was trained for) from a noisy sample and its timestep.

    Parameters have diffusers' names. Until weights are loaded the convolutions and linear layers are zero.
    Runs in PyNative mode as it is and in graph mode as `mindspore.jit(model)`.
    """

    def __init__(self, config: UNet2DConfig, dtype: Any = ms.float32) -> None:
        """Build the architecture of `config` with parameters of `dtype` (mindspore float32 or float16)."""
        super().__init__()
        self.config = config
        self.dtype = dtype
        widths = config.block_out_channels
        levels = len(widths)

        self.conv_in = conv2d(config.in_channels, widths[0], dtype)
        if config.time_embedding_type == "learned":
            self.time_proj = LearnedTimesteps(config.num_train_timesteps or 0, widths[0], dtype)
        else:
            self.time_proj = SinusoidalTimesteps(widths[0], config.freq_shift, config.flip_sin_to_cos)
        self.time_embedding = TimestepEmbedding(widths[0], config.time_embed_dim, dtype)

        # CellList names the parameters of the cells it is built from, but not of those appended to it.
        self.down_blocks = nn.CellList(
            [
                DownBlock2D(
                    config,
                    widths[max(i - 1, 0)],
                    widths[i],
                    kind == "AttnDownBlock2D",
                    i == levels - 1,
                    dtype,
                )
                for i, kind in enumerate(config.down_block_types)
            ]
        )
        self.has_mid_block = config.mid_block_type is not None
        if self.has_mid_block:
            self.mid_block = MidBlock2D(config, widths[-1], dtype)
        upward = widths[::-1]
        self.up_blocks = nn.CellList(
            [
                UpBlock2D(
                    config,
                    upward[max(i - 1, 0)],
                    upward[min(i + 1, levels - 1)],
                    upward[i],
                    kind == "AttnUpBlock2D",
                    i == levels - 1,
                    dtype,
                )
                for i, kind in enumerate(config.up_block_types)
            ]
        )

        self.conv_norm_out = GroupNorm(config.norm_num_groups, widths[0], config.norm_eps, dtype)
        self.conv_act = activation("silu")
        self.conv_out = conv2d(widths[0], config.out_channels, dtype)
        self.center_input_sample = config.center_input_sample
        self.skips_per_up_block = config.layers_per_block + 1
        self.set_train(False)

    def construct(self, sample: ms.Tensor, timestep: ms.Tensor) -> Tensor:
        """Run the model.

        sample is [n, in_channels, h, w] of the model's dtype, h and w multiples of `config.size_divisor`;
        timestep is a scalar or [n], of any integer or floating dtype. Returns [n, out_channels, h, w].
        """
        if self.center_input_sample:
            sample = 2 * sample - 1
        timestep = ops.broadcast_to(timestep.reshape((-1,)), (sample.shape[0],))
        temb = self.time_embedding(self.time_proj(timestep).astype(self.dtype))

        x = self.conv_in(sample)
        skips = (x,)
        for i in range(len(self.down_blocks)):
            outputs = self.down_blocks[i](x, temb)
            x = outputs[-1]
            skips = skips + outputs
        if self.has_mid_block:
            x = self.mid_block(x, temb)
        for i in range(len(self.up_blocks)):
            left = len(skips) - self.skips_per_up_block
            x = self.up_blocks[i](x, skips[left:], temb)
            skips = skips[:left]
        return self.conv_out(self.conv_act(self.conv_norm_out(x)))

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Map every parameter's name, as it is in a checkpoint, to its shape."""
        return {name: tuple(parameter.shape) for name, parameter in self.parameters_and_names()}

    def load_weights(self, path: Path) -> None:
        """Load a `diffusion_pytorch_model.safetensors`.

        Raises CheckpointError naming the file and the keys if the file is missing, damaged, or does not fit.
        """
        with open_safetensors(path) as state:
            self.load_state(state, where=str(path))

    def load_state(self, state: Mapping[str, npt.NDArray[Any]], *, where: str = "the given state") -> None:
        """Load all parameters, cast to the model's dtype; `where` names their source in messages.

        Old checkpoints' names of attention layers (`query`, `proj_attn`, ...) are understood.
        Raises CheckpointError that lists every missing, unexpected, misshapen, non-float or non-finite
        (in the model's dtype) tensor. After an error some parameters may have been replaced.
        """
        parameters = dict(self.parameters_and_names())
        dtype = np.float16 if self.dtype == ms.float16 else np.float32
        for name, array in checked(state, self.state_shapes(), dtype, where):
            parameters[name].set_data(Tensor(array))
