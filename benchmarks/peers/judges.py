"""Judges: each is asked whether a run differs from its baseline, by a rule and a threshold of its own.

The thresholds are those of the sources named here, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from skimage.metrics import structural_similarity

from benchmarks.peers.comparisons import Comparison
from harness.judgement.hard import hard_failures
from harness.judgement.judgement import Verdict
from harness.judgement.power.detection import detect
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.measurement.measurement import Array


@dataclass(frozen=True)
class Judge:
    """A named rule; ``differs`` answers for all comparisons at once, in their order."""

    name: str
    differs: Callable[[Sequence[Comparison]], list[bool]]


@dataclass(frozen=True)
class Figure:
    """A rule that asks for one figure, larger for a larger difference, to be below a threshold."""

    name: str
    measure: Callable[[Array, Array], float]
    threshold: Callable[[Comparison], float]

    def figure(self, comparison: Comparison) -> float:
        """Return the figure of one comparison."""
        return self.measure(comparison.obtained, comparison.expected)

    def differs(self, comparisons: Sequence[Comparison]) -> list[bool]:
        """Return for each comparison whether its figure fails its threshold."""
        # NaN is below nothing, as in an `assert`.
        return [not self.figure(each) < self.threshold(each) for each in comparisons]


def harness(comparisons: Sequence[Comparison]) -> list[bool]:
    """Return whether harness sees drift across releases, and in a sound run whether it fails at all."""
    answers = []
    for each in comparisons:
        found = judge(each.case, each.measured, each.baseline, tier=Tier.ACROSS_RELEASES)
        answers.append(not found.passed if each.fault is None else found.verdict is Verdict.DRIFT)
    return answers


def harness_numbers(comparisons: Sequence[Comparison]) -> list[bool]:
    """Return whether harness's limits are exceeded, whatever the ledger, the schedule and the weights say."""
    return [detect(each.case, each.measured, each.baseline).numbers_alone for each in comparisons]


def harness_image(comparisons: Sequence[Comparison]) -> list[bool]:
    """Return whether harness's limits on the final image are exceeded: what the other judges are shown."""
    answers = []
    for each in comparisons:
        found = judge(each.case, each.measured, each.baseline, tier=Tier.ACROSS_RELEASES)
        over = any(row.passed is False and row.part == "output" for row in found.rows)
        answers.append(over or bool(hard_failures(each.measured, each.baseline.measurement)))
    return answers


def corner(images: Array) -> Array:
    """Return what diffusers calls the slice: the last 3 x 3 values of the first image's last channel."""
    return images[0, -3:, -3:, -1]


def largest_in_corner(obtained: Array, expected: Array) -> float:
    """Return the largest absolute difference in the corner."""
    return float(np.abs(corner(obtained) - corner(expected)).max())


def largest(obtained: Array, expected: Array) -> float:
    """Return the largest absolute difference, which ``assert_allclose(rtol=0, atol=…)`` limits."""
    return float(np.abs(obtained - expected).max())


def norm_of_corner(obtained: Array, expected: Array) -> float:
    """Return the L2 norm of the difference in the corner, relative to that of the expected corner."""
    reference = corner(expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.linalg.norm(corner(obtained) - reference) / np.linalg.norm(reference))


def cosine_distance(obtained: Array, expected: Array) -> float:
    """Return 1 - cos of the two arrays in their own precision, as diffusers' tests compute it."""
    a, b = obtained.ravel(), expected.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(1.0 - np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def mean_pixel(obtained: Array, expected: Array) -> float:
    """Return the mean absolute difference in steps of 8-bit pixels, 0 to 255."""
    return float(np.abs(obtained - expected).mean() * 255)


def dissimilarity(obtained: Array, expected: Array) -> float:
    """Return 1 - SSIM by scikit-image with its default window, of the worst image of the batch."""
    pairs = zip(obtained, expected, strict=True)
    return 1 - min(float(structural_similarity(a, b, data_range=1, channel_axis=-1)) for a, b in pairs)


def _fast_slice(comparison: Comparison) -> float:
    return 1e-3 if comparison.case.pipeline == "ddim" else 1e-2


def _mindone_slice(comparison: Comparison) -> float:
    return 5e-3 if comparison.case.dtype == "float32" else 5e-2


FIGURES = (
    # tests/pipelines/ddim/test_ddim.py and ddpm/test_ddpm.py of diffusers: the fast tests, and the slow ones
    # that run published checkpoints.
    Figure("diffusers: slice, fast tests", largest_in_corner, _fast_slice),
    Figure("diffusers: slice, slow tests", largest_in_corner, lambda _: 1e-2),
    # test_stable_cascade_decoder.py: the tightest that diffusers holds a whole image to by this distance.
    Figure("diffusers: cosine distance", cosine_distance, lambda _: 1e-4),
    # THRESHOLD_FP32 and THRESHOLD_FP16 of tests/diffusers_tests/pipelines/pipeline_test_utils.py of mindone,
    # and THRESHOLD_PIXEL, with which its slow tests compare whole images.
    Figure("mindone: slice, fast tests", norm_of_corner, _mindone_slice),
    Figure("mindone: mean pixel, slow tests", mean_pixel, lambda _: 20.0),
    # A usual choice; published tests of diffusion pipelines ask for 0.70 and more.
    Figure("SSIM > 0.95", dissimilarity, lambda _: 1 - 0.95),
)


def assert_allclose(comparisons: Sequence[Comparison]) -> list[bool]:
    """Return what ``numpy.testing.assert_allclose`` says with its defaults, rtol=1e-7 and atol=0."""
    answers = []
    for each in comparisons:
        try:
            np.testing.assert_allclose(each.obtained, each.expected)
        except AssertionError:
            answers.append(True)
        else:
            answers.append(False)
    return answers


HARNESS = (
    Judge("**harness**", harness),
    Judge("harness, numbers alone", harness_numbers),
    Judge("harness, final image alone", harness_image),
)
PEERS = (
    *(Judge(each.name, each.differs) for each in FIGURES),
    Judge("numpy: assert_allclose", assert_allclose),
)
