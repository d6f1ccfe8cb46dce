"""Functions of single elements: activations, arithmetic, comparisons."""

from __future__ import annotations

from collections.abc import Iterator

from harness.atlas.entry import Drawn, Entry
from harness.atlas.table.making import ALL, ONE, each_of, fixed, rows

_SMALL, _SD15 = (64, 16, 16), (640, 32, 32)
# By the domain from which their arguments come.
_UNARY = {
    "normal": (
        "abs asinh atan ceil cos erf erfc exp expm1 floor isfinite neg round sigmoid sign sin sinh cosh sinc "
        "square tan tanh trunc nan_to_num"
    ),
    "positive": "log log10 log1p log2 reciprocal rsqrt sqrt",
    "unit": "acos asin atanh erfinv",
    "above one": "acosh",
}
_MINT_ALONE = "exp2 frac fix isneginf isinf"
_OPS_ALONE = "celu digamma lgamma bessel_i0 bessel_i1e softsign tanhshrink deg2rad i0 isnan"
_ACTIVATIONS = (
    "elu gelu hardshrink hardsigmoid hardswish leaky_relu logsigmoid mish relu relu6 selu silu softplus "
    "softshrink hardtanh"
)
_ACTIVATING = "ELU GELU LogSigmoid Mish ReLU ReLU6 SiLU Sigmoid Tanh"
_BINARY = {
    "normal": "add sub mul atan2 maximum minimum fmod remainder floor_divide eq ne gt ge lt le logaddexp",
    "positive": "div pow float_power xlogy",
}


def _named(prefix: str, names: str) -> list[str]:
    return [f"{prefix}.{name}" for name in names.split()]


def _small(names: str, *arguments: Drawn) -> Iterator[Entry]:
    """Yield small entries: those of mint in every dtype, those of ops in float32."""
    yield from each_of(_named("mint", names), "mindone-small", *arguments, dtypes=ALL)
    yield from each_of(_named("ops", names), "mindone-small", *arguments)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    for domain, names in _UNARY.items():
        both = _named("mint", names) + _named("ops", names)
        yield from _small(names, rows(*_SMALL, domain=domain))
        yield from each_of(both, "sd15-unet-32x32", rows(*_SD15, domain=domain))
    yield from each_of(_named("mint", _MINT_ALONE), "mindone-small", rows(*_SMALL), dtypes=ALL)
    yield from each_of(_named("ops", _OPS_ALONE), "mindone-small", rows(*_SMALL, domain="positive"))
    functions = _named("mint.nn.functional", _ACTIVATIONS) + _named("ops", _ACTIVATIONS)
    cells = _named("mint.nn", _ACTIVATING) + _named("nn", _ACTIVATING)
    yield from each_of(functions, "mindone-small", rows(*_SMALL), dtypes=ALL)
    yield from each_of(functions, "sd15-unet-32x32", rows(*_SD15))
    yield from each_of(cells, "mindone-small", rows(*_SMALL))
    yield from each_of("mint.nn.functional.silu ops.silu", "sd15-vae-512x512", rows(128, 512, 512))
    yield from each_of("mint.nn.functional.silu ops.silu", "sdxl-unet-128x128", rows(320, 128, 128))
    yield from each_of("mint.nn.functional.silu ops.silu", "wan-vae-96x3x60x104", rows(96, 3, 60, 104))
    gelus = "mint.nn.functional.gelu ops.gelu"
    yield from each_of(gelus, "sdxl-feedforward", rows(1024, 5120))
    yield from each_of(gelus, "flux-text-feedforward", rows(512, 12288), dtypes=ONE)
    yield from each_of("mint.nn.functional.gelu", "sd3-feedforward", rows(1024, 6144), approximate="tanh")
    for domain, names in _BINARY.items():
        yield from _small(names, rows(*_SMALL, domain=domain), rows(*_SMALL, domain=domain))
    scaled = ("mint.add", "mint.mul", "ops.add", "ops.mul")
    yield from each_of(scaled, "sd15-residual", rows(320, 64, 64), rows(320, 64, 64))
    yield from each_of(scaled, "sdxl-residual", rows(320, 128, 128), rows(320, 128, 128))
    yield from each_of(scaled, "flux-modulation", rows(512, 3072), rows(1, 3072))
    yield from each_of(scaled, "wan-modulation", rows(1560, 1536), rows(1, 1536))
    flags = (rows(*_SMALL, domain="flags"), rows(*_SMALL, domain="flags"))
    logical = _named("mint", "logical_and logical_or logical_xor")
    yield from each_of(logical, "mindone-small", *flags)
    yield from each_of("mint.logical_not ops.logical_not", "mindone-small", flags[0])
    three = (rows(*_SMALL), rows(*_SMALL), rows(*_SMALL, domain="positive"))
    yield from each_of("mint.lerp ops.lerp ops.addcmul ops.addcdiv", "mindone-small", *three)
    yield from each_of("mint.where ops.where", "mindone-small", flags[0], *three[:2], dtypes=ALL)
    yield from each_of("mint.clamp ops.clamp", "mindone-small", three[0], -0.5, 0.5, dtypes=ALL)
    yield from each_of("mint.nn.functional.glu ops.glu", "mindone-small", rows(64, 256), -1)
    yield from each_of("mint.nn.functional.prelu ops.prelu", "mindone-small", rows(*_SMALL), fixed(64))
    yield from each_of("mint.isclose ops.isclose", "mindone-small", *three[:2])
