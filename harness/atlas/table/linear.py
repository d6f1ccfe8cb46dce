"""Convolutions, matrix products, attention and losses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.atlas.entry import Drawn, Entry
from harness.atlas.table.making import ALL, HALVES, ONE, each_of, fixed, rows, weights


def _conv(
    model: str, *tensors: Drawn, axes: int = 2, dtypes: Iterable[str] = ONE, **options: Any
) -> Iterator[Entry]:
    """Yield a convolution of mint and of ops, which pads only if it is told how."""
    yield from each_of(f"mint.nn.functional.conv{axes}d", model, *tensors, dtypes=dtypes, **options)
    if "padding" in options:
        options["pad_mode"] = "pad"
    yield from each_of(f"ops.conv{axes}d", model, *tensors, dtypes=dtypes, **options)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from _convolutions()
    yield from _products()
    yield from _layers()
    yield from _attention()
    pair = (rows(4, 32, 32), rows(4, 32, 32))
    for each in ("mse_loss", "l1_loss", "smooth_l1_loss"):
        yield from each_of(f"mint.nn.functional.{each} ops.{each}", "sd15-latents", *pair)


def _convolutions() -> Iterator[Entry]:
    # With 32 channels, some changes of a release do not show; those of real models have more.
    for model, dtypes, channels, out, size in (
        ("mindone-small", ALL, 32, 32, 16),
        ("canary-64x16x16", ALL, 64, 64, 16),
        ("sd15-unet-320x64x64", ONE, 320, 320, 64),
        ("sd15-unet-1280x8x8", ONE, 1280, 1280, 8),
        ("sd15-unet-in", ONE, 4, 320, 64),
        ("sdxl-unet-640x64x64", ONE, 640, 640, 64),
        ("sdxl-unet-in", ONE, 4, 320, 128),
        ("sd3-vae-512x64x64", ONE, 512, 512, 64),
        ("flux-vae-in", ONE, 16, 512, 128),
    ):
        yield from _conv(
            f"{model} 3x3", rows(channels, size, size), weights(out, channels, 3, 3),
            dtypes=dtypes, padding=1,
        )  # fmt: skip
    small = (rows(64, 16, 16), weights(64, 64, 3, 3))
    yield from _conv("canary-64x16x16 3x3 stride2", *small, dtypes=ALL, stride=2, padding=1)
    yield from _conv(
        "sd15-unet-320x64x64 3x3 stride2", rows(320, 64, 64), weights(320, 320, 3, 3), stride=2,
        padding=1,
    )  # fmt: skip
    yield from _conv("canary-64x16x16 1x1", rows(64, 16, 16), weights(64, 64, 1, 1), dtypes=ALL)
    yield from _conv("sd15-unet-640x32x32 1x1", rows(640, 32, 32), weights(640, 640, 1, 1))
    yield from _conv("sdxl-unet-1280x32x32 1x1", rows(1280, 32, 32), weights(1280, 1280, 1, 1))
    yield from _conv("canary-64x16x16 5x5", rows(64, 16, 16), weights(64, 64, 5, 5), padding=2)
    yield from _conv("sd3-patches 2x2", rows(16, 64, 64), weights(1536, 16, 2, 2), stride=2)
    grouped = (rows(64, 16, 16), weights(64, 1, 3, 3))
    yield from _conv("mindone-small depthwise 3x3", *grouped, padding=1, groups=64)
    volume = (rows(96, 3, 30, 52), weights(96, 96, 3, 3, 3))
    yield from _conv("wan-vae-96x3x30x52 3x3x3", *volume, axes=3, padding=1)
    small_volume = (rows(16, 4, 16, 16), weights(16, 16, 3, 3, 3))
    yield from _conv("mindone-small 3x3x3", *small_volume, axes=3, dtypes=HALVES)
    patches = (rows(16, 3, 60, 104), weights(1536, 16, 1, 2, 2))
    yield from _conv("wan-patches 1x2x2", *patches, axes=3, stride=(1, 2, 2))
    line = (rows(64, 128), weights(64, 64, 3))
    yield from _conv("mindone-small 3", *line, axes=1, padding=1)
    up = (rows(64, 16, 16), weights(64, 64, 4, 4))
    yield from each_of(
        "mint.nn.functional.conv_transpose2d ops.conv_transpose2d", "mindone-small 4x4", *up, stride=2,
        padding=1,
    )  # fmt: skip


def _products() -> Iterator[Entry]:
    for model, dtypes, left, right in (
        ("mindone-small", ALL, (64, 96), (96, 48)),
        ("sd15-text", ALL, (77, 768), (768, 320)),
        ("sd15-tokens-4096", ONE, (4096, 320), (320, 320)),
        ("sdxl-tokens-1024", ONE, (1024, 1280), (1280, 1280)),
        ("sdxl-text", ONE, (77, 2048), (2048, 640)),
        ("sd3-tokens-1024", ONE, (1024, 1536), (1536, 1536)),
        ("flux-text", ONE, (512, 3072), (3072, 3072)),
        ("wan-tokens-1560", ONE, (1560, 1536), (1536, 1536)),
    ):
        pair = (rows(*left), weights(*right))
        # Of the large ones, one function of each of the two.
        products = "mint.matmul" if model.startswith(("sd3", "flux", "wan")) else "mint.matmul ops.matmul"
        yield from each_of(products, model, *pair, dtypes=dtypes)
        line = (rows(*left), weights(right[1], right[0]), weights(right[1]))
        dense = (
            "ops.dense" if model.startswith(("sd3", "flux", "wan")) else "mint.nn.functional.linear ops.dense"
        )
        yield from each_of(dense, model, *line, dtypes=dtypes)
    pair = (fixed(64, 96), weights(96, 48))
    yield from each_of("mint.mm ops.mm", "mindone-small", *pair, dtypes=ALL)
    yield from each_of("mint.addmm ops.addmm", "mindone-small", fixed(64, 48), *pair)
    yield from each_of("mint.mv ops.mv", "mindone-small", fixed(64, 96), fixed(96))
    yield from each_of("mint.dot", "mindone-small", fixed(768), fixed(768))
    yield from each_of("mint.outer ops.outer", "mindone-small", fixed(64), fixed(96))
    batches = (rows(8, 77, 40), rows(8, 40, 77))
    three = (fixed(4, 32, 48), fixed(4, 48, 32))
    yield from each_of("mint.bmm ops.bmm", "mindone-small", *three, dtypes=ALL)
    yield from each_of("mint.baddbmm ops.baddbmm", "mindone-small", fixed(4, 32, 32), *three)
    yield from each_of("mint.matmul ops.matmul", "sd15-text-scores", *batches, dtypes=ALL)
    scores = (rows(8, 1024, 80), rows(8, 80, 1024))
    yield from each_of("mint.matmul ops.matmul", "sd15-scores-1024", *scores)
    yield from each_of("mint.matmul ops.matmul", "sdxl-scores-1024", rows(20, 1024, 64), rows(20, 64, 1024))
    yield from each_of("mint.einsum", "mindone-small", "bij,bjk->bik", *three)
    yield from each_of("mint.cdist ops.cdist", "mindone-small", fixed(4, 32, 48), fixed(4, 24, 48))


def _layers() -> Iterator[Entry]:
    conv = {"in_channels": 64, "out_channels": 64, "kernel_size": 3}
    image = rows(64, 16, 16)
    padded = {"pad_mode": "pad", "padding": 1, "has_bias": True}
    yield from each_of("nn.Conv2d", "canary-64x16x16", image, dtypes=ALL, made_with={**conv, **padded})
    wide = {"in_channels": 320, "out_channels": 320, "kernel_size": 3}
    yield from each_of("nn.Conv2d", "sd15-unet-320x32x32", rows(320, 32, 32), made_with={**wide, **padded})
    yield from each_of("mint.nn.Conv2d", "canary-64x16x16", image, made_with={**conv, "padding": 1})
    yield from each_of(
        "nn.Conv2dTranspose", "mindone-small", image, made_with={**conv, **padded, "stride": 2}
    )
    yield from each_of("nn.Conv1d", "mindone-small", rows(64, 128), made_with={**conv, **padded})
    volume = {"in_channels": 16, "out_channels": 16, "kernel_size": 3}
    yield from each_of("nn.Conv3d", "mindone-small", rows(16, 4, 16, 16), made_with={**volume, **padded})
    yield from each_of(
        "mint.nn.Conv3d", "mindone-small", rows(16, 4, 16, 16), made_with={**volume, "padding": 1}
    )
    dense = {"in_channels": 320, "out_channels": 1280}
    linear = {"in_features": 320, "out_features": 1280}
    yield from each_of("nn.Dense", "sd15-time", rows(320), dtypes=ALL, made_with=dense)
    yield from each_of("mint.nn.Linear", "sd15-time", rows(320), dtypes=ALL, made_with=linear)
    yield from each_of("nn.Dense", "sd15-tokens-1024", rows(1024, 320), made_with=dense)
    yield from each_of("mint.nn.Linear", "sd15-tokens-1024", rows(1024, 320), made_with=linear)


def _attention() -> Iterator[Entry]:
    for model, heads, tokens, width, dtypes in (
        ("mindone-small", 4, 64, 16, HALVES),
        ("sd15-tokens-1024", 8, 1024, 80, ONE),
        ("sd3-tokens-333", 24, 333, 64, ONE),
        ("flux-text-512", 24, 512, 128, ONE),
        ("wan-tokens-1560", 12, 1560, 128, ONE),
    ):
        three = [rows(heads, tokens, width)] * 3
        yield from each_of(
            "ops.flash_attention_score", model, *three, heads, dtypes=dtypes, input_layout="BNSD",
            scalar_value=width**-0.5,
        )  # fmt: skip
    for model, shape, dtypes in (
        ("mindone-small", (4, 64, 64), ALL),
        ("sd15-scores-1024", (8, 1024, 1024), ONE),
        ("sd15-text-scores", (8, 1024, 77), ONE),
        ("flux-text-512", (24, 512, 512), ONE),
    ):
        yield from each_of(
            "mint.nn.functional.softmax mint.softmax", model, rows(*shape), dtypes=dtypes, dim=-1
        )
        yield from each_of("ops.softmax", model, rows(*shape), dtypes=dtypes, axis=-1)
    yield from each_of("mint.nn.functional.log_softmax", "mindone-small", rows(4, 64, 64), dim=-1)
    yield from each_of("ops.log_softmax", "mindone-small", rows(4, 64, 64), axis=-1)
