"""The page of a run with a drift of each kind, on the real pipeline, as pictures.

``HARNESS_SCREENSHOTS=docs/images`` keeps the pictures of the documentation.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from browser import Browser
from gallery import make_gallery
from PIL import Image

from harness.explanation.causes import Kind

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# What the page must say of each case, and what it shows as the first cause.
EXPECTED = {
    "same-bits": ("identical", None),
    "other-kernels": ("within", "environment"),
    "limits-too-tight": ("drift", "environment"),
    "strict-elsewhere": ("incomparable", "environment"),
    "one-weight-scaled": ("drift", "numerics"),
    "betas-in-half": ("drift", "numerics"),
    "another-seed": ("drift", "randomness"),
    "other-weights": ("drift", "inputs"),
    "timesteps-off-by-one": ("drift", "schedule"),
    "grey-patch": ("drift", "output"),
    "crash": ("error", None),
}
# Name of the picture, width and height of the window, dark, address.
SHOTS = [
    ("report-drift", 1280, 1780, False, "#digits/one-weight-scaled"),
    ("report-top", 1280, 900, False, "#digits/one-weight-scaled"),
    ("report-drift-dark", 1280, 1780, True, "#digits/one-weight-scaled"),
    ("report-environment", 1280, 1000, False, "#digits/limits-too-tight"),
    ("report-noise", 1280, 1000, False, "#digits/another-seed"),
    ("report-scheduler", 1280, 1000, False, "#digits/betas-in-half"),
    ("report-weights", 1280, 1000, False, "#digits/other-weights"),
    ("report-schedule", 1280, 1000, False, "#digits/timesteps-off-by-one"),
    ("report-patch", 1280, 900, False, "#digits/grey-patch"),
    ("report-crash", 1280, 1000, False, "#digits/crash"),
    ("report-phone", 390, 844, False, ""),
    ("report-phone-case", 390, 844, True, "#digits/one-weight-scaled"),
]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory, running_browser):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("gallery")
        patch.chdir(folder)  # so that paths are shown as a user would see them
        return make_gallery(folder)


def test_each_kind_of_drift_is_told_apart(gallery):
    cases = json.loads((gallery.parent / "report.json").read_text())["cases"]
    found = {
        case["case"]["id"]: (
            case["judgement"]["verdict"],
            case["causes"][0]["kind"] if case["causes"] else None,
        )
        for case in cases
    }
    assert found == EXPECTED
    drifts = {first for verdict, first in found.values() if verdict == "drift"}
    # The other two take a pipeline of one's own.
    assert drifts == set(get_args(Kind)) - {"code", "repetition"}


@pytest.mark.parametrize(
    ("name", "width", "height", "dark", "address"), SHOTS, ids=[shot[0] for shot in SHOTS]
)
def test_screenshots(browser: Browser, gallery, tmp_path, name, width, height, dark, address):
    browser.view(width, height, dark=dark, scale=2 if width < 500 else 1)
    browser.open(gallery, address)
    assert browser.run("document.documentElement.scrollWidth") == width
    folder = Path(os.environ.get("HARNESS_SCREENSHOTS") or tmp_path)
    path = folder / f"{name}.png"
    browser.screenshot(path)
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    image.save(path, optimize=True)
    picture = np.asarray(image.convert("L"))
    # Something is drawn, on the ground that was asked for.
    assert picture.std() > 5
    assert (np.median(picture) < 128) == dark
