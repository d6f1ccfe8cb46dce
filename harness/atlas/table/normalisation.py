"""Normalisations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.atlas.entry import Entry
from harness.atlas.table.making import ALL, HALVES, ONE, each_of, fixed, rows


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    for model, shape, dtypes in (
        ("mindone-small", (64, 16, 16), ALL),
        ("sd15-unet-320x64x64", (320, 64, 64), ONE),
        ("sd15-unet-1280x16x16", (1280, 16, 16), ONE),
        ("sdxl-unet-320x128x128", (320, 128, 128), ONE),
        ("sd3-vae-512x64x64", (512, 64, 64), ONE),
        ("flux-vae-128x256x256", (128, 256, 256), ONE),
    ):
        scale = (fixed(shape[0], domain="positive"), fixed(shape[0]))
        group = "mint.nn.functional.group_norm ops.group_norm"
        yield from each_of(group, model, rows(*shape), 32, *scale, dtypes=dtypes)
        grouped: dict[str, Any] = {"num_groups": 32, "num_channels": shape[0]}
        yield from each_of(
            "nn.GroupNorm mint.nn.GroupNorm", model, rows(*shape), dtypes=dtypes, made_with=grouped
        )
    for model, tokens, width, dtypes in (
        ("mindone-small", 64, 96, ALL),
        ("sd15-text", 77, 768, ALL),
        ("sd15-tokens-4096", 4096, 320, ONE),
        ("sdxl-tokens-1024", 1024, 1280, ONE),
        ("sd3-tokens-1024", 1024, 1536, ONE),
        ("flux-text-512", 512, 3072, ONE),
        ("wan-tokens-1560", 1560, 1536, ONE),
    ):
        scale = (fixed(width, domain="positive"), fixed(width))
        norm = "mint.nn.functional.layer_norm"
        yield from each_of(norm, model, rows(tokens, width), (width,), *scale, dtypes=dtypes)
        made: dict[str, Any] = {"normalized_shape": (width,)}
        yield from each_of(
            "nn.LayerNorm mint.nn.LayerNorm", model, rows(tokens, width), dtypes=dtypes, made_with=made
        )
        yield from each_of("ops.rms_norm", model, rows(tokens, width), scale[0], dtypes=HALVES[: len(dtypes)])
    moments = (fixed(64), fixed(64, domain="positive"))
    image, scale = rows(64, 16, 16), (fixed(64, domain="positive"), fixed(64))
    yield from each_of("mint.nn.functional.batch_norm", "mindone-small", image, *moments, *scale)
    yield from each_of("ops.batch_norm", "mindone-small", image, *moments, *scale)
    yield from each_of("nn.BatchNorm2d", "mindone-small", image, made_with={"num_features": 64})
    yield from each_of("nn.InstanceNorm2d", "mindone-small", image, made_with={"num_features": 64})
    yield from each_of("mint.nn.functional.normalize", "mindone-small", rows(64, 96), dim=-1)
    yield from each_of("ops.lrn", "mindone-small", image)
