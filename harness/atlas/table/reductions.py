"""Reductions, scans and what sorts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.atlas.entry import Entry
from harness.atlas.table.making import ALL, ONE, each_of, fixed, rows

_SUMS = "sum mean prod amax amin logsumexp var std"


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    for model, shape, dtypes in (
        ("mindone-small", (64, 96), ALL),
        ("sd15-tokens-4096", (4096, 320), ONE),
        ("flux-text-512", (512, 3072), ONE),
    ):
        mint = [f"mint.{name}" for name in _SUMS.split()]
        yield from each_of(mint, model, rows(*shape), dtypes=dtypes, dim=-1)
        named = {"sum": "dim", "logsumexp": "dim"}
        for name in _SUMS.split():
            where: dict[str, Any] = {named.get(name, "axis"): -1}
            yield from each_of(f"ops.{name}", model, rows(*shape), dtypes=dtypes, **where)
        yield from each_of("mint.cumsum", model, rows(*shape), dtypes=dtypes, dim=-1)
        yield from each_of("ops.cumsum", model, rows(*shape), dtypes=dtypes, axis=-1)
    small = rows(64, 96)
    # Over everything, as a loss is.
    for name in ("sum", "mean", "max", "min"):
        yield from each_of(f"mint.{name} ops.{name}", "mindone-small all", fixed(64, 96))
        yield from each_of(f"mint.{name} ops.{name}", "sd15-latents all", fixed(1, 4, 64, 64))
        yield from each_of(f"mint.{name} ops.{name}", "sdxl-unet all", fixed(1, 320, 128, 128))
    yield from each_of("mint.mean", "sd15-unet-320x64x64", rows(320, 64, 64), dim=(2, 3))
    yield from each_of("ops.mean", "sd15-unet-320x64x64", rows(320, 64, 64), axis=(2, 3))
    yield from each_of("mint.cumprod", "mindone-small", small, dim=-1)
    yield from each_of("ops.cumprod", "mindone-small", small, -1)
    yield from each_of("ops.logcumsumexp", "mindone-small", small, -1)
    yield from each_of("mint.norm ops.norm", "mindone-small", fixed(64, 96))
    yield from each_of("mint.std_mean mint.var_mean", "mindone-small", small, dim=-1)
    yield from each_of("mint.nansum", "mindone-small", small, -1)
    yield from each_of("mint.median ops.median", "mindone-small", fixed(64, 97), -1)
    yield from each_of("mint.argmax mint.argmin", "mindone-small", small, dim=-1)
    yield from each_of("ops.argmax", "mindone-small", small, dim=-1)
    yield from each_of("ops.argmin", "mindone-small", small, axis=-1)
    yield from each_of("mint.sort mint.argsort", "mindone-small", small, dim=-1)
    yield from each_of("ops.sort ops.argsort", "mindone-small", small, axis=-1)
    yield from each_of("mint.topk ops.topk", "mindone-small", small, 8)
    yield from each_of("mint.cummax ops.cummax", "mindone-small", small, -1)
    yield from each_of("mint.cummin ops.cummin", "mindone-small", small, -1)
    yield from each_of("mint.trace", "mindone-small", fixed(96, 96))
    yield from each_of("mint.diff", "mindone-small", small)
    yield from each_of("mint.count_nonzero ops.count_nonzero", "mindone-small", fixed(64, 96))
    yield from each_of("mint.all mint.any ops.all ops.any", "mindone-small", fixed(64, 96, domain="flags"))
    yield from each_of("mint.bincount", "mindone-small", fixed(256, domain="index 16", dtype="int64"))
    yield from each_of("mint.histc", "mindone-small", fixed(4096), 32, -3.0, 3.0)
    spectrum = rows(64, 96)
    yield from each_of("ops.det ops.inverse mint.inverse", "mindone-small", fixed(16, 16))
    yield from each_of("ops.cosine_similarity", "mindone-small", spectrum, rows(64, 96), -1)
