"""What moves, resizes, pools and makes values."""

from __future__ import annotations

from collections.abc import Iterator

from harness.atlas.entry import Entry
from harness.atlas.table.making import ALL, ONE, each_of, fixed, rows


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from _moving()
    yield from _indexing()
    yield from _resizing()
    yield from _making()


def _moving() -> Iterator[Entry]:
    small, image = rows(64, 96), rows(64, 16, 16)
    two = (rows(64, 16, 16, group=0), rows(32, 16, 16, group=0))
    skip = (rows(1280, 16, 16, group=0), rows(640, 16, 16, group=0))
    same = (rows(64, 96, group=0), rows(64, 96, group=0))
    yield from each_of("mint.cat", "mindone-small", *two, dtypes=ALL, dim=1)
    yield from each_of("ops.cat", "mindone-small", *two, dtypes=ALL, axis=1)
    yield from each_of("mint.cat", "sd15-unet-skip", *skip, dim=1)
    yield from each_of("ops.cat", "sd15-unet-skip", *skip, axis=1)
    yield from each_of("mint.stack", "mindone-small", *same, dim=1)
    yield from each_of("ops.stack", "mindone-small", *same, axis=1)
    yield from each_of("mint.permute ops.permute", "sd15-unet-320x64x64", rows(320, 64, 64), (0, 2, 3, 1))
    yield from each_of("mint.transpose", "sd15-tokens-4096", rows(4096, 320), 1, 2)
    yield from each_of("ops.transpose", "sd15-tokens-4096", rows(4096, 320), (0, 2, 1))
    yield from each_of("mint.reshape ops.reshape", "mindone-small", image, (-1, 64, 256))
    yield from each_of("mint.flip ops.flip", "mindone-small", small, (1,))
    yield from each_of("mint.roll ops.roll", "mindone-small", small, 3, 1)
    yield from each_of("mint.tile ops.tile", "mindone-small", small, (1, 2, 2))
    yield from each_of("mint.broadcast_to ops.broadcast_to", "mindone-small", fixed(64, 1), (64, 96))
    yield from each_of("mint.chunk ops.chunk", "mindone-small", small, 2, 2)
    yield from each_of("mint.split ops.split", "mindone-small", small, 32, 2)
    yield from each_of("mint.repeat_interleave ops.repeat_interleave", "mindone-small", small, 2, 1)
    yield from each_of("mint.tril mint.triu ops.tril ops.triu", "mindone-small", fixed(96, 96))
    yield from each_of("mint.unbind ops.unbind", "mindone-small", fixed(4, 96))
    yield from each_of("mint.flatten ops.flatten", "mindone-small", image)
    yield from each_of("mint.swapaxes ops.swapaxes", "mindone-small", small, 1, 2)
    yield from each_of("mint.squeeze ops.squeeze", "mindone-small", fixed(64, 1, 96), 1)
    yield from each_of("mint.unsqueeze ops.unsqueeze", "mindone-small", small, 1)
    yield from each_of("mint.narrow ops.narrow", "mindone-small", small, 1, 3, 32)
    yield from each_of("mint.diag ops.diag", "mindone-small", fixed(96))
    yield from each_of("mint.meshgrid", "mindone-small", fixed(16), fixed(24), indexing="ij")


def _indexing() -> Iterator[Entry]:
    table = fixed(49408, 768)
    words = rows(77, domain="index 49408", dtype="int64")
    yield from each_of("mint.nn.functional.embedding", "sd15-text", words, table)
    small, places = fixed(64, 96), fixed(64, 8, domain="index 96", dtype="int64")
    some = fixed(8, domain="index 64", dtype="int64")
    yield from each_of("mint.gather", "mindone-small", small, 1, places)
    yield from each_of("ops.gather_elements", "mindone-small", small, 1, places)
    yield from each_of("mint.index_select ops.index_select", "mindone-small", small, 0, some)
    yield from each_of("ops.gather", "mindone-small", small, some, 0)
    yield from each_of("mint.scatter", "mindone-small", small, 1, places, fixed(64, 8))
    # Places may occur twice: the order of the sums is that of the kernel.
    yield from each_of("mint.scatter_add", "mindone-small", small, 1, places, fixed(64, 8))
    narrow = fixed(8, domain="index 64", dtype="int32")
    yield from each_of("mint.index_add", "mindone-small", small, 0, narrow, fixed(8, 96))
    yield from each_of(
        "mint.masked_select ops.masked_select", "mindone-small", small, fixed(64, 96, domain="flags")
    )
    yield from each_of("ops.masked_fill", "mindone-small", small, fixed(64, 96, domain="flags"), -1.0)
    yield from each_of("mint.nn.functional.one_hot", "mindone-small", some, 64)
    yield from each_of(
        "mint.searchsorted ops.searchsorted", "mindone-small", fixed(96, domain="sorted"), fixed(64)
    )
    made = {"vocab_size": 1000, "embedding_size": 64}
    yield from each_of(
        "nn.Embedding", "mindone-small", rows(77, domain="index 1000", dtype="int64"), made_with=made
    )
    ours = {"num_embeddings": 1000, "embedding_dim": 64}
    yield from each_of(
        "mint.nn.Embedding", "mindone-small", rows(77, domain="index 1000", dtype="int64"), made_with=ours
    )


def _resizing() -> Iterator[Entry]:
    both = ("mint.nn.functional.interpolate", "ops.interpolate")
    for model, shape, to, dtypes in (
        ("mindone-small", (64, 16, 16), (32, 32), ALL),
        ("sd15-unet-640x32x32", (640, 32, 32), (64, 64), ONE),
        ("sdxl-unet-640x64x64", (640, 64, 64), (128, 128), ONE),
    ):
        yield from each_of(both, f"{model} nearest", rows(*shape), dtypes=dtypes, size=to, mode="nearest")
    for mode in ("bilinear", "bicubic"):
        yield from each_of(
            both, f"mindone-small {mode}", rows(64, 16, 16), size=(32, 32), mode=mode, align_corners=False
        )
    image = rows(64, 16, 16)
    yield from each_of("mint.nn.functional.pad ops.pad", "mindone-small", image, (1, 1, 1, 1), dtypes=ALL)
    yield from each_of(
        "mint.nn.functional.pad ops.pad", "mindone-small reflect", image, (1, 1, 1, 1), mode="reflect"
    )
    yield from each_of("mint.nn.functional.avg_pool2d ops.avg_pool2d", "mindone-small", image, 2, 2)
    yield from each_of("mint.nn.functional.max_pool2d ops.max_pool2d", "mindone-small", image, 2, 2)
    adaptive = "mint.nn.functional.adaptive_avg_pool2d ops.adaptive_avg_pool2d"
    yield from each_of(adaptive, "mindone-small", image, (4, 4))
    yield from each_of(
        "nn.AvgPool2d nn.MaxPool2d", "mindone-small", image, made_with={"kernel_size": 2, "stride": 2}
    )
    yield from each_of("mint.nn.functional.pixel_shuffle ops.pixel_shuffle", "mindone-small", image, 2)
    yield from each_of("ops.pixel_unshuffle", "mindone-small", image, 2)
    yield from each_of("mint.nn.functional.unfold ops.unfold", "mindone-small", image, 3)
    grid = rows(16, 16, 2, domain="unit")
    yield from each_of(
        "mint.nn.functional.grid_sample ops.grid_sample", "mindone-small", image, grid, align_corners=False
    )


def _making() -> Iterator[Entry]:
    yield from each_of("mint.arange ops.arange", "sd15-timesteps", 0, 1000, 20)
    yield from each_of("mint.linspace ops.linspace", "sd15-betas", 0.0292, 0.1095, 1000)
    yield from each_of("mint.eye", "mindone-small", 64, 96)
    yield from each_of("mint.full ops.full", "mindone-small", (64, 96), 0.1)
    yield from each_of(
        "mint.zeros_like mint.ones_like ops.zeros_like ops.ones_like", "mindone-small", fixed(64, 96)
    )
