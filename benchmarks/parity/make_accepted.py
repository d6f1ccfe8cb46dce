"""Write which configurations diffusers can run: run it where torch and diffusers are installed.

    python benchmarks/parity/make_accepted.py tests/data/parity/accepted.json

Draws configurations of `UNet2DModel` from a seed, with every type of block and with other fields in every
combination, and runs each on a batch of one and of two. tests/pipelines/test_unet2d_accepted.py holds the
core to the answers.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import UNet2DModel

SEED = 15
COUNT = 1500
FAMILIES = ("Down", "AttnDown", "ResnetDownsample", "SkipDown", "AttnSkipDown", "KDown", "KCrossAttnDown")
UP = {"ResnetDownsample": "ResnetUpsample"}


def main(path: Path) -> None:
    torch.set_grad_enabled(False)
    rng = random.Random(SEED)
    found = []
    for _ in range(COUNT):
        config = drawn(rng)
        found.append({"config": config, "runs": runs(config)})
    path.write_text(written(found, diffusers.__version__))
    print(f"{path}: {sum(each['runs'] for each in found)} of {COUNT} run")


def written(found: list[dict[str, Any]], version: str) -> str:
    """Return the JSON of the answers: the names of the fields once, then a row of values for each."""
    fields = list(found[0]["config"])
    rows = ",\n".join(
        json.dumps([each["runs"], *each["config"].values()], separators=(",", ":")) for each in found
    )
    head = {"diffusers": version, "seed": SEED, "fields": ["runs", *fields]}
    return f'{json.dumps(head)[:-1]}, "rows": [\n{rows}\n]}}\n'


def drawn(rng: random.Random) -> dict[str, Any]:
    """Draw a configuration, half of them of blocks that belong together, so that many can run."""
    levels = rng.choice((1, 2, 2, 2, 3))
    groups = (FAMILIES[:3], FAMILIES[3:5], FAMILIES[5:], FAMILIES[:5], FAMILIES)
    down, up = [rng.choice(groups)] * 2 if rng.random() < 0.7 else rng.choices(groups, k=2)
    config: dict[str, Any] = {
        "block_out_channels": [rng.choice((32, 32, 64, 64, 96, 48)) for _ in range(levels)],
        "down_block_types": [f"{rng.choice(down)}Block2D" for _ in range(levels)],
        "up_block_types": [f"{upward(rng.choice(up))}Block2D" for _ in range(levels)],
        "layers_per_block": rng.choice((1, 1, 2)),
        "norm_num_groups": rng.choice((8, 8, 8, 32, 12, None)),
        "attention_head_dim": rng.choice((8, 16, None)),
        "in_channels": rng.choice((3, 3, 3, 3, 1)),
        "out_channels": rng.choice((3, 3, 3, 3, 1)),
        "resnet_time_scale_shift": rng.choice(("default", "default", "scale_shift")),
        "mid_block_type": rng.choice(("UNetMidBlock2D", "UNetMidBlock2D", None)),
        "time_embedding_dim": rng.choice((None, 64, 32)),
        "downsample_type": rng.choice(("conv", "resnet", None)),
        "upsample_type": rng.choice(("conv", "resnet", None)),
        "add_attention": rng.choice((True, True, False)),
        "attn_norm_num_groups": rng.choice((None, None, 8, 5)),
    }
    return config


def upward(name: str) -> str:
    return UP.get(name, name.replace("Down", "Up"))


def runs(config: dict[str, Any]) -> bool:
    """Say whether diffusers builds the model and runs it, and gives a map of the size it was given."""
    try:
        model = UNet2DModel(**config).eval()
        for batch in (1, 2):
            sample = torch.zeros(batch, config["in_channels"], 8, 8)
            output = model(sample, torch.tensor([3] * batch)).sample
            if output.shape != (batch, config["out_channels"], 8, 8):
                return False
    except (ValueError, RuntimeError, TypeError, IndexError, AttributeError, ZeroDivisionError):
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
