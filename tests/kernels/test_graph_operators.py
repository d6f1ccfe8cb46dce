"""What stands in a compiled graph for operators that the CPU has no kernel for, against numpy."""

from typing import Any

import numpy as np
import pytest

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
SQUARE = X[:, :, :3].copy()
NORMED = (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 1e-5)


@pytest.mark.parametrize(
    ("primitive", "inputs", "more", "expected"),
    [
        ("LayerNormExt", [X], [(4,), None, None, 1e-5], NORMED),
        ("RepeatInterleaveInt", [X], [2, 1], np.repeat(X, 2, 1)),
        ("RepeatInterleaveInt", [X], [2, None], np.repeat(X, 2)),
        ("Embedding", [np.array([2, 0]), X[0]], [], X[0][[2, 0]]),
        ("ConstantPadND", [X], [(1, 2), 0.5], np.pad(X, [(0, 0), (0, 0), (1, 2)], constant_values=0.5)),
        ("ChunkView", [X], [2, -1], X[:, :, :2]),
        ("ChunkView", [X], [2, 1], X[:, :2]),
        ("Baddbmm", [X, SQUARE, X], [0.5, 2], 0.5 * X + 2 * (SQUARE @ X)),
        ("Baddbmm", [X[None], SQUARE, X], [1, 1], X + SQUARE @ X),
        ("Clone", [X], [], X),
    ],
)
def test_it_computes_what_the_operator_does(
    mindspore: Any, primitive: str, inputs: list[Any], more: list[Any], expected: Any
) -> None:
    from harness.kernels.graph import REPLACEMENTS

    function = REPLACEMENTS[primitive]

    def compute(*given: Any) -> Any:
        return function(*given, *more)

    found = mindspore.jit(compute)(*[mindspore.Tensor(each) for each in inputs])
    found = found[0] if isinstance(found, tuple) else found
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5, atol=1e-6)
