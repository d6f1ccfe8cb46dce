"""Draw from mint's random functions on harness's kernels, and print as JSON what came of it.

Usage: python tests/data/mint/run_random.py    (with harness importable; in a process of its own)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from harness.execution.profile import Profile, claim_core

COUNT = 20_000
WITHOUT_GENERATOR = {"randn_like", "rand_like", "randint_like", "dropout", "dropout2d"}


def draws() -> dict[str, Callable[..., Any]]:
    """Return calls of every random function, by name; those in ``WITHOUT_GENERATOR`` take none."""
    import mindspore as ms
    from mindspore import mint

    functional, tensor = mint.nn.functional, ms.Tensor
    flat, shape = mint.zeros((COUNT,)), (COUNT,)
    odds = tensor(np.tile(np.array([0.0, 1.0, 3.0], np.float32), (COUNT, 1)))
    means, spreads = flat + 2.0, flat + 0.5
    return {
        "randn": partial(mint.randn, COUNT),
        "randn_like": partial(mint.randn_like, flat),
        "rand": partial(mint.rand, COUNT),
        "rand_like": partial(mint.rand_like, flat),
        "randint": partial(mint.randint, 3, 9, shape),
        "randint_like": partial(mint.randint_like, flat, 3, 9),
        "randperm": partial(mint.randperm, COUNT),
        "normal of numbers": partial(mint.normal, 2.0, 0.5, shape),
        "normal of tensors": partial(mint.normal, means, spreads),
        "normal of a tensor and a number": partial(mint.normal, means, 0.5),
        "normal of a number and a tensor": partial(mint.normal, 2.0, spreads),
        "normal_": partial(on_zeros, "normal_", 2.0, 0.5),
        "uniform_": partial(on_zeros, "uniform_", -1.0, 3.0),
        "uniform": partial(on_zeros, "uniform", -1.0, 3.0),
        "random_": partial(on_zeros, "random_", 3, 9),
        "exponential_": partial(on_zeros, "exponential_", 2.0),
        "bernoulli": partial(mint.bernoulli, flat + 0.1),
        "multinomial": partial(mint.multinomial, odds[:10], COUNT // 10, True),
        "multinomial without replacement": partial(mint.multinomial, odds[: COUNT // 10], 2, False),
        "dropout": partial(functional.dropout, flat + 1, 0.25),
        "dropout2d": partial(functional.dropout2d, mint.ones((COUNT // 4, 1, 2, 2)), 0.25),
    }


def on_zeros(method: str, *args: Any, **options: Any) -> Any:
    """Call the method of fresh zeros."""
    from mindspore import mint

    return getattr(mint.zeros((COUNT,)), method)(*args, **options)


def main() -> None:
    """Print what every function gives: figures, hashes under several seeds, and what the guard says."""
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore as ms

    profile.apply_after_import()
    from harness import kernels
    from harness.measurement.guard import Guard, UnseededRandomness

    kernels.install()

    def seeded(seed: int) -> dict[str, Any]:
        return {"generator": ms.Generator().manual_seed(seed)}

    def digest(value: Any) -> str:
        return hashlib.sha256(value.asnumpy().tobytes()).hexdigest()

    def guarded(draw: Callable[..., Any], **options: Any) -> str | None:
        try:
            with Guard().watching():
                draw(**options)
        except UnseededRandomness as error:
            return str(error)
        return None

    told = {}
    used: set[str] = set()
    for name, draw in draws().items():
        kernels.reset()
        ms.manual_seed(5)
        values = draw()
        used |= set(kernels.used())
        first, second = digest(values), digest(draw())
        ms.manual_seed(5)
        repeated = digest(draw())
        ms.manual_seed(6)
        array = values.asnumpy()
        told[name] = {
            "dtype": str(values.dtype),
            "shape": array.shape,
            "mean": float(array.astype(np.float64).mean()),
            "std": float(array.astype(np.float64).std()),
            "min": float(array.min()),
            "max": float(array.max()),
            "distinct": len(np.unique(array)),
            "rows_distinct": bool(array.ndim < 2 or all(len(set(row.ravel())) == row.size for row in array)),
            "hashes": [first, second, repeated, digest(draw())],
            "guard": guarded(draw),
        }
        if name not in WITHOUT_GENERATOR:
            told[name]["generator"] = [digest(draw(**seeded(seed))) for seed in (3, 3, 4)]
            told[name]["guard_with_generator"] = guarded(draw, **seeded(3))
    print(json.dumps({"used": sorted(used), "draws": told}))


if __name__ == "__main__":
    main()
