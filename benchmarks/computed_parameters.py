"""How differently releases, instruction sets and numbers of cores round a computed parameter.

Usage: python benchmarks/computed_parameters.py [--python PYTHON ...] [--write docs/judging.md]

Under this interpreter and each PYTHON (of another MindSpore), for each instruction set and with one core or
two, the parameters below are computed from the same numbers. Printed, and written between the markers of the
page, is the largest difference between two results: its L2 norm in units of that of the elements' ulps. The
last column is how far the estimate from sketches was off at most. Needs mindone. Run it from the root of the
repository.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.execution.profile import Profile, known_isas
from harness.judgement.computed import difference
from harness.measurement.bfloat16 import dtype_of, to_numpy
from harness.measurement.facts import Sketch
from harness.measurement.measurement import Array
from harness.measurement.sketching import sketch_of

DTYPES = ("float32", "float16", "bfloat16", "float64")
ISAS = ("SSE41", "AVX2", "AVX512_CORE")
MARKER = "<!-- measured: benchmarks/computed_parameters.py -->\n"
# What is computed, and the recipes that count for it.
ROWS = {
    "a LoRA of rank 4 to 128 on a linear layer": ("lora",),
    "the same, computed in float32 and cast": ("wide lora",),
    "the same, by `merge` of mindone": ("mindone",),
    "a LoRA on a convolution": ("convolution",),
    "three LoRAs, one after the other": ("three",),
    "a LoRA 100 times as large": ("strong",),
    "DoRA, weight norm, a folded batch norm, LoKr, a weighted sum": ("norm", "dora", "folded", "kron", "sum"),
    "a product of two matrices, over 64 values": ("product 64",),
    "over 320": ("product 320",),
    "over 768": ("product 768",),
    "over 3072": ("product 3072",),
}


def recipes() -> Iterator[tuple[str, Callable[[Callable[..., Any]], Any]]]:
    """Yield the name of each parameter, and the function that computes it from drawn tensors."""
    from mindspore import ops

    def lora(n: int, k: int, rank: int, scale: float = 1.0) -> Callable[[Callable[..., Any]], Any]:
        def made(draw: Callable[..., Any]) -> Any:
            weight, down, up = draw((n, k), k**-0.5), draw((rank, k), 0.02 * scale), draw((n, rank), 0.05)
            return weight + ops.matmul(up, down) * 0.8

        return made

    def wide(n: int, k: int, rank: int) -> Callable[[Callable[..., Any]], Any]:
        def made(draw: Callable[..., Any]) -> Any:
            return lora(n, k, rank)(lambda *given: draw(*given).float()).astype(draw((1,), 1.0).dtype)

        return made

    for n, k, rank in ((320, 320, 4), (320, 768, 16), (640, 640, 64), (1280, 1280, 128), (768, 3072, 32)):
        yield f"lora {n} {k} {rank}", lora(n, k, rank)
        yield f"wide lora {n} {k} {rank}", wide(n, k, rank)
    yield "strong", lora(640, 640, 64, 100.0)

    def three(draw: Callable[..., Any]) -> Any:
        weight = draw((640, 640), 0.04)
        for rank in (4, 16, 32):
            weight = weight + ops.matmul(draw((640, rank), 0.05), draw((rank, 640), 0.02)) * 0.7
        return weight

    def convolution(draw: Callable[..., Any]) -> Any:
        delta = ops.matmul(draw((320, 16), 0.05), draw((16, 2880), 0.02))
        return draw((320, 320, 3, 3), 0.02) + delta.reshape(320, 320, 3, 3) * 0.8

    def norm(draw: Callable[..., Any]) -> Any:
        weight = draw((640, 2880), 0.02)
        length = ops.sqrt(ops.sum(weight * weight, dim=1, keepdim=True))
        return draw((640, 1), 1.0) * weight / length

    def dora(draw: Callable[..., Any]) -> Any:
        weight = lora(640, 640, 16)(draw)
        return draw((640, 1), 1.0) * weight / ops.sqrt(ops.sum(weight * weight, dim=1, keepdim=True))

    def folded(draw: Callable[..., Any]) -> Any:
        variance = ops.abs(draw((320, 1), 1.0))
        return draw((320, 2880), 0.02) * (draw((320, 1), 1.0) / ops.sqrt(variance + 1e-5))

    yield "three", three
    yield "convolution", convolution
    yield "norm", norm
    yield "dora", dora
    yield "folded", folded
    yield (
        "kron",
        lambda draw: (
            draw((640, 640), 0.04)
            + (draw((16, 1, 16, 1), 0.1) * draw((1, 40, 1, 40), 0.1)).reshape(640, 640) * 0.5
        ),
    )
    yield "sum", lambda draw: draw((640, 640), 0.03) * 0.3 + draw((640, 640), 0.03) * 0.7
    for inner in (64, 320, 768, 3072):

        def product(draw: Callable[..., Any], inner: int = inner) -> Any:
            return ops.matmul(draw((640, inner), inner**-0.5), draw((inner, 640), 0.05))

        yield f"product {inner}", product
    yield from _merged()


def _merged() -> Iterator[tuple[str, Callable[[Callable[..., Any]], Any]]]:
    from mindone.peft.tuners.lora import layer
    from mindspore import mint

    def linear(draw: Callable[..., Any]) -> Any:
        base = mint.nn.Linear(768, 640, bias=False)
        base.weight = type(base.weight)(draw((640, 768), 0.04), name="weight")
        tuner = layer.Linear(base, "a", r=16, lora_alpha=12)
        for held, shape, scale in ((tuner.lora_A, (16, 768), 0.02), (tuner.lora_B, (640, 16), 0.05)):
            held["a"].weight = type(base.weight)(draw(shape, scale), name="weight")
        tuner.merge()
        return tuner.get_base_layer().weight.value()

    yield "mindone", linear


def drawing(name: str, dtype: Any) -> Callable[..., Any]:
    """Return what draws tensors for the recipe ``name``: the same in every interpreter and dtype."""
    import mindspore as ms

    generator = np.random.default_rng(zlib.crc32(name.encode()))

    def draw(shape: tuple[int, ...], scale: float) -> Any:
        values = generator.standard_normal(shape).astype(np.float32) * np.float32(scale)
        return ms.Tensor(values).astype(dtype)

    return draw


def compute(path: Path) -> None:
    """Compute every parameter in every dtype in which MindSpore can here, and store the arrays."""
    import mindspore as ms

    from harness import kernels

    kernels.install()
    found = {}
    for name, made in recipes():
        for dtype in ("float16", "bfloat16") if name.startswith("wide") else DTYPES:
            try:
                result = made(drawing(name, getattr(ms, dtype))).asnumpy()
            except Exception as error:  # noqa: BLE001  MindSpore lacks most of bfloat16 on CPU
                print(f"{name} in {dtype}: {str(error).strip().splitlines()[0][:80]}", file=sys.stderr)
                continue
            if dtype_of(result, to_numpy(result)) == dtype:
                found[f"{name}|{dtype}"] = to_numpy(result)
    np.savez(path, **found)


def computed_in(python: str, isa: str, cores: int, folder: Path) -> Mapping[str, Array]:
    """Return the arrays that the interpreter ``python`` computes with these settings."""
    path = folder / f"{len(list(folder.iterdir()))}.npz"
    given = [__file__, "--isa", isa, "--cores", str(cores), "--into", str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run([python, *given], check=True, env=environment, stdout=subprocess.DEVNULL)
    return dict(np.load(path))


def sketched(array: Array, dtype: str) -> Sketch:
    """Return the sketch of ``array``, which holds bfloat16 in float32."""
    sketch = sketch_of(array)
    assert sketch is not None
    # No value of these is below the smallest normal one, where the two would have the same ulp.
    return replace(sketch, dtype=dtype, ulp_l2=sketch.ulp_l2 * 2.0**16) if dtype == "bfloat16" else sketch


def row(title: str, kinds: tuple[str, ...], runs: list[Mapping[str, Array]]) -> str:
    """Return the row of the page for the recipes whose names begin with ``kinds``."""
    cells, errors = [], []
    for dtype in DTYPES:
        names = {
            name for run in runs for name in run if name.endswith(f"|{dtype}") and name.startswith(kinds)
        }
        worst = None
        for name in names:
            have = [run[name] for run in runs if name in run]
            distinct = list({array.tobytes(): array for array in have}.values())
            worst = max(worst or 0.0, 0.0)
            for one, other in itertools.combinations(distinct, 2):
                ours, theirs = sketched(one, dtype), sketched(other, dtype)
                true = float(np.linalg.norm((one.astype(np.float64) - other).ravel()))
                worst = max(worst, true / theirs.ulp_l2)
                errors.append(difference(ours, theirs) / true)
        cells.append("-" if worst is None else "0" if worst == 0 else f"{worst:.2g}")
    spread = f"{min(errors):.2f} to {max(errors):.2f}" if errors else "-"
    return f"| {title} | {' | '.join(cells)} | {spread} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", nargs="*", default=[])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--isa", choices=known_isas())
    parser.add_argument("--cores", type=int)
    parser.add_argument("--into", type=Path)
    arguments = parser.parse_args()
    if arguments.into is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
        profile = Profile(isa=arguments.isa)
        profile.apply_before_import()
        profile.apply_after_import()
        compute(arguments.into)
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            computed_in(python, isa, cores, Path(folder))
            for python in (sys.executable, *arguments.python)
            for isa, cores in (*((isa, 1) for isa in ISAS), ("AVX2", 2))
        ]
        rows = [row(title, kinds, runs) for title, kinds in ROWS.items()]
    header = "| computed parameter | float32 | float16 | bfloat16 | float64 | estimate / true |\n"
    table = f"{header}|---|---|---|---|---|---|\n" + "".join(f"{each}\n" for each in rows)
    print(table)
    if arguments.write is not None:
        before, _, after = arguments.write.read_text().split(MARKER)
        arguments.write.write_text(f"{before}{MARKER}\n{table}\n{MARKER}{after}")


if __name__ == "__main__":
    main()
