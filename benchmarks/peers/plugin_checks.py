"""Tests that hold arrays to baselines by pytest-regressions, every option as it comes.

:mod:`benchmarks.peers.regressions` copies this file into a folder, with the checks to make in ``checks.json``
beside it, and runs pytest there.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHECKS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("checks.json").read_text("utf-8"))


def _id(check: dict[str, Any]) -> str:
    return str(check["id"])


@pytest.mark.parametrize("check", [each for each in CHECKS if each["image"] is None], ids=_id)
def test_array(check: dict[str, Any], ndarrays_regression: Any) -> None:
    """The whole output, as the float array that it is."""
    ndarrays_regression.check({"images": np.load(check["file"])}, basename=check["baseline"])


@pytest.mark.parametrize("check", [each for each in CHECKS if each["image"] is not None], ids=_id)
def test_image(check: dict[str, Any], image_regression: Any) -> None:
    """One image of the output, in 8 bits as a pipeline saves it."""
    values = (np.load(check["file"])[check["image"]] * 255).round().astype(np.uint8)
    # RGB also where there is one channel: the plugin divides the difference by three channels either way.
    image = Image.fromarray(np.broadcast_to(values, (*values.shape[:2], 3)).copy())
    image_regression.check(image, basename=check["baseline"])
