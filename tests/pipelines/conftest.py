"""A checkpoint small enough to write, damage and run in any test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file
from small_checkpoint import FILES, UNET, WEIGHTS

from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.seeded import seeded_state


@pytest.fixture(scope="session")
def stored_checkpoint(mindspore: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from harness.pipelines.models.unet2d import UNet2DModel

    folder = tmp_path_factory.mktemp("checkpoint")
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    shapes = UNet2DModel(UNet2DConfig.from_dict(UNET, "UNET")).state_shapes()
    save_file(seeded_state(shapes, 3), folder / WEIGHTS)
    return folder


@pytest.fixture
def checkpoint(stored_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the small checkpoint, to change at will."""
    return Path(shutil.copytree(stored_checkpoint, tmp_path / "checkpoint"))
