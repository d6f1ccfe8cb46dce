"""Metrics block by block: the same as over whole arrays, wherever the blocks end, and in little memory."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.metrics import structural_similarity

from harness.judgement import blocks
from harness.judgement.metrics import compare
from harness.measurement.measurement import Array

RANDOM = np.random.default_rng(3)


def plain_images(array: Array) -> list[Array]:
    """The images of an array, each ``[height, width, channels]`` (or whatever an entry of it is)."""
    if array.ndim >= 4:
        return list(array.reshape(-1, *array.shape[-3:]))
    return list(array) if array.ndim >= 2 else [array]


def plain_ordinal(value: np.floating) -> int:
    """The place of a float among all floats of its type, 0 for both zeros."""
    bits = int.from_bytes(np.abs(value).tobytes(), "little")
    return -bits if value < 0 else bits


def plain_metrics(output: Array, reference: Array) -> dict[str, float]:
    """All metrics by their definitions, each on its own, on whole arrays in float64."""
    a, b = output.astype(np.float64), reference.astype(np.float64)
    d = np.abs(a - b)
    if reference.dtype.kind == "f":
        low, high = float(b.min()), float(b.max())
        scale = 1.0 if (low >= 0 and high <= 1) or low == high else high - low
        ulp = max(
            abs(plain_ordinal(x) - plain_ordinal(y))
            for x, y in zip(output.ravel(), reference.ravel(), strict=True)
        )
    else:
        scale = 1.0 if reference.dtype == bool else float(np.iinfo(reference.dtype).max)
        ulp = d.max()
    norms = np.linalg.norm(a), np.linalg.norm(b)
    if 0 in norms:
        cosine = 0.0 if norms[0] == norms[1] else 1.0
    else:
        cosine = 1 - float((a / norms[0] * (b / norms[1])).sum())
    pairs = list(zip(plain_images(a), plain_images(b), strict=True))
    deviations = [(np.std(x), np.std(y)) for x, y in pairs]
    error = max(float(np.square(x - y).mean()) for x, y in pairs)
    result = {
        "max_abs": d.max(),
        "mean_abs": d.mean(),
        "p999_abs": np.quantile(d, 0.999),
        "relative_l2": np.linalg.norm(a - b) / norms[1] if norms[1] else (math.inf if d.any() else 0.0),
        "cosine_distance": cosine,
        "brightness_shift": max(abs(x.mean() - y.mean()) for x, y in pairs) / scale,
        "contrast_shift": max(contrast(x, y, scale) for x, y in deviations),
        "psnr": 10 * math.log10(scale**2 / error) if error else math.inf,
        "max_ulp": ulp,
    }
    if a.ndim >= 4:
        planes = (image[..., c] for image in plain_images(d) for c in range(d.shape[-1]))
        result["worst_tile"] = max(tile.mean() for plane in planes for tile in tiles(plane))
        if min(a.shape[-3:-1]) >= 7:
            scores = [similarities(x, y, scale) for x, y in pairs]
            result["ssim"] = min(float(windows.mean()) for windows in scores)
            result["ssim_worst"] = min(float(windows.min()) for windows in scores)
    return {name: float(value) for name, value in result.items()}


def contrast(left: float, right: float, scale: float) -> float:
    left, right = (0.0 if deviation < 1e-12 * scale else deviation for deviation in (left, right))
    if right == 0:
        return 0.0 if left == 0 else math.inf
    return abs(left / right - 1)


def tiles(plane: Array) -> Iterator[Array]:
    for row in range(0, plane.shape[0], 8):
        for column in range(0, plane.shape[1], 8):
            yield plane[row : row + 8, column : column + 8]


def similarities(x: Array, y: Array, scale: float) -> Array:
    _, windows = structural_similarity(x, y, win_size=7, data_range=scale, channel_axis=-1, full=True)
    return windows[3:-3, 3:-3]


def assert_plain(output: Array, reference: Array) -> None:
    found, wanted = compare(output, reference), plain_metrics(output, reference)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        # 1 - cos and shifts are differences of figures of order 1; SSIM likewise.
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


SHAPES = [
    (),
    (1,),
    (5000,),
    (3, 40),
    (2, 30, 11),
    (1, 1, 1, 1),
    (1, 7, 7, 1),
    (5, 8, 8, 3),
    (1, 9, 11, 2),
    (2, 33, 17, 3),
    (1, 64, 3, 1),
    (1, 3, 64, 1),
    (2, 3, 13, 10, 3),
    (2, 1, 2, 16, 7, 1),
    (1, 8, 9, 70),
]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "uint16", "bool"])
@pytest.mark.parametrize("values", [64, 192, 1000, blocks.BLOCK_VALUES])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_metric_is_what_its_definition_gives(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], values: int, dtype: str
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", values)
    span = 1.0 if dtype.startswith("float") else 2.0 if dtype == "bool" else 200.0
    reference = (RANDOM.random(shape) * span).astype(dtype)
    output = (RANDOM.random(shape) * span).astype(dtype)
    assert_plain(output, reference)
    if dtype.startswith("float"):
        assert_plain(reference + (output * np.asarray(1e-3, dtype)), reference)
        assert_plain(output * np.asarray(3, dtype) - np.asarray(2, dtype), reference * np.asarray(7, dtype))


FLOATS = st.floats(-4, 4, width=16)


@settings(max_examples=100, deadline=None)
@given(
    hnp.array_shapes(min_dims=1, max_dims=5, max_side=13),
    st.sampled_from(["float16", "float32", "float64", "uint8"]),
    st.sampled_from([64, 100, 500, blocks.BLOCK_VALUES]),
    st.data(),
)
def test_any_values_in_blocks_of_any_size(
    shape: tuple[int, ...], dtype: str, values: int, data: st.DataObject
) -> None:
    elements = st.integers(0, 255) if dtype == "uint8" else FLOATS
    arrays = hnp.arrays(dtype, shape, elements=elements)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_VALUES", values)
        assert_plain(data.draw(arrays), data.draw(arrays))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_large_image_of_odd_size_is_many_blocks(dtype: str) -> None:
    shape = (2, 151, 187, 3)
    reference = (RANDOM.random(shape) * (1 if dtype == "float32" else 255)).astype(dtype)
    output = reference.copy()
    output[1, 80:100, 80:150] = 0
    assert_plain(output, reference)


@pytest.mark.parametrize("view", ["transposed", "every second", "frames first", "backwards"])
def test_arrays_need_not_be_contiguous(monkeypatch: pytest.MonkeyPatch, view: str) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 300)
    change = {
        "transposed": lambda array: array.swapaxes(2, 3),
        "every second": lambda array: array[:, :, ::2, ::2],
        "frames first": lambda array: array.swapaxes(0, 1),
        "backwards": lambda array: array[:, :, ::-1],
    }[view]
    output, reference = (change(RANDOM.random((2, 3, 20, 24, 2), np.float32)) for _ in range(2))
    assert not output.flags.c_contiguous
    assert compare(output, reference) == compare(output.copy(), reference.copy())


def test_a_patch_weighs_the_same_on_and_off_the_edge_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 16 * 16)
    reference = np.full((1, 40, 40, 1), 0.5)
    for row, column in product(range(0, 26, 5), range(0, 26, 5)):
        output = reference.copy()
        # 15 x 15 values hold a whole tile wherever they lie.
        output[0, row : row + 15, column : column + 15] = 0
        metrics = compare(output, reference)
        windows = similarities(output[0], reference[0], 1.0)
        assert metrics["worst_tile"] == 0.5
        assert metrics["ssim_worst"] == pytest.approx(windows.min(), abs=1e-12)
        assert metrics["ssim"] == pytest.approx(windows.mean(), abs=1e-12)
        assert metrics["mean_abs"] == pytest.approx(0.5 * 225 / 1600)


SHAPES_OF_BLOCKS = [
    (3, 9, 10, 2),
    (1, 50, 61, 3),
    (1, 7, 7, 1),
    (1, 8, 8, 100),
    (9, 7, 8, 1),
    (1, 7, 900, 1),
    (1, 900, 7, 1),
    (1, 7, 7, 900),
]


@pytest.mark.parametrize("overlap", [0, 6])
@pytest.mark.parametrize("shape", SHAPES_OF_BLOCKS)
def test_blocks_cover_every_value_once_and_every_window_once(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], overlap: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 300)
    array = np.arange(math.prod(shape)).reshape(shape)
    corners: list[int] = []
    for images in blocks.image_groups(array, array):
        for block in blocks.blocks(images, overlap):
            _, rows, columns, _ = block.output.shape
            assert np.shares_memory(block.output, array)
            cores = block.output[:, : rows - overlap, : columns - overlap]
            assert cores.size <= 300
            corners += cores.ravel().tolist()
    whole = array[:, : shape[1] - overlap, : shape[2] - overlap]
    assert sorted(corners) == whole.ravel().tolist()


@example([1.0] * 10)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=300))
def test_the_percentile_is_exact_whatever_order_the_values_come_in(values: list[float]) -> None:
    output = np.array(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_VALUES", 64)
        found = compare(output, np.zeros_like(output))["p999_abs"]
    assert found == pytest.approx(np.quantile(output, 0.999), rel=1e-15)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_the_percentile_of_many_values(order: slice) -> None:
    values = np.sort(RANDOM.random(100_000))[order]
    assert compare(values, np.zeros_like(values))["p999_abs"] == np.quantile(values, 0.999)


MEGABYTE = 2**20


@pytest.mark.parametrize("shape", [(1, 10_000, 10_000, 1), (100_000_000,), (6_000_000, 5)], ids=str)
def test_a_hundred_megapixels_take_little_memory_beside_themselves(shape: tuple[int, ...]) -> None:
    reference = np.full(shape, 100, np.uint8)
    output = reference.copy()
    output.reshape(-1)[-1] = 164
    tracemalloc.start()
    try:
        metrics = compare(output, reference)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * MEGABYTE
    assert metrics["max_abs"] == 64
    assert metrics["mean_abs"] == pytest.approx(64 / reference.size)
    if len(shape) == 4:
        assert metrics["worst_tile"] == 1
        assert metrics["ssim"] > 0.999999 > 0.9 > metrics["ssim_worst"]
