"""The core accepts exactly the configurations that diffusers can run.

benchmarks/parity/make_accepted.py drew them and ran them on diffusers; tests/data/parity/accepted.json has
the answers. Imports no MindSpore, but for the models that are run here, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.pipelines.errors import CheckpointError
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.models.plan import DOWN_BLOCKS, UP_BLOCKS

DRAWN = json.loads((Path(__file__).parents[1] / "data" / "parity" / "accepted.json").read_text("utf-8"))
CONFIGURATIONS: list[tuple[bool, dict[str, Any]]] = [
    (row[0], dict(zip(DRAWN["fields"][1:], row[1:], strict=True))) for row in DRAWN["rows"]
]
RUN = [config for runs, config in CONFIGURATIONS if runs]


def accepts(config: dict[str, Any]) -> bool:
    try:
        UNet2DConfig.from_dict(config, "config.json")
    except CheckpointError:
        return False
    return True


def test_the_draw_tells_much() -> None:
    assert len(CONFIGURATIONS) == 1500
    assert 300 < len(RUN) < 1200
    for side, kinds in (("down", DOWN_BLOCKS), ("up", UP_BLOCKS)):
        assert {name for config in RUN for name in config[f"{side}_block_types"]} == set(kinds)


def test_what_diffusers_runs_is_accepted_and_nothing_else() -> None:
    wrong = [config for runs, config in CONFIGURATIONS if accepts(config) != runs]
    assert wrong == []


@pytest.mark.parametrize("start", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_accepted_models_run_and_have_finite_output(mindspore: Any, start: int) -> None:
    """Every sixteenth of them; the nightly runs as many others."""
    from harness.pipelines.models.unet2d import UNet2DModel
    from harness.pipelines.seeded import seeded_state

    chosen = RUN[start::16]
    assert len(chosen) >= 20
    for config in chosen:
        model = UNet2DModel(UNet2DConfig.from_dict(config, "config.json"))
        model.load_state(seeded_state(model.state_shapes(), 3, denoising=False))
        sample = np.ones((2, config["in_channels"], 8, 8), np.float32)
        output = model(mindspore.Tensor(sample), mindspore.Tensor([3, 5])).asnumpy()
        assert output.shape == (2, config["out_channels"], 8, 8), config
        assert np.isfinite(output).all(), config
