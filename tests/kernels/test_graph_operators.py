"""What stands in a compiled graph for operators that the CPU has no kernel for, against numpy."""

import math
from typing import Any

import numpy as np
import pytest

_draws = np.random.default_rng(0)
X = _draws.standard_normal((2, 3, 4)).astype(np.float32)
SQUARE = X[:, :, :3].copy()
IMAGES = _draws.standard_normal((2, 4, 5, 6)).astype(np.float32)
FILTERS = _draws.standard_normal((6, 2, 3, 2)).astype(np.float32)
FILMS = _draws.standard_normal((2, 2, 4, 5, 6)).astype(np.float32)
FILM_FILTERS = _draws.standard_normal((6, 2, 3, 2, 2)).astype(np.float32)
BIAS = _draws.standard_normal(6).astype(np.float32)
SCALE, SHIFT = _draws.standard_normal((2, 4)).astype(np.float32)
WIDE = np.linspace(-3, 3, 13, dtype=np.float32)


def convolved(
    images: Any,
    filters: Any,
    *,
    bias: Any = 0.0,
    stride: Any = (1, 1, 1),
    pad: Any = (0, 0, 0),
    dilation: Any = (1, 1, 1),
) -> Any:
    """Convolve in as many groups as the shapes say. ``pad`` is one number, or a pair, for each axis."""
    own, shape = filters.shape[1], filters.shape[2:]
    pairs = [each if isinstance(each, tuple) else (each, each) for each in pad][: len(shape)]
    padded = np.pad(images.astype(np.float64), [(0, 0), (0, 0), *pairs])
    spans = [dilation[axis] * (size - 1) + 1 for axis, size in enumerate(shape)]
    places = [(padded.shape[2 + axis] - span) // stride[axis] + 1 for axis, span in enumerate(spans)]
    found = np.zeros((len(images), len(filters), *places))
    for of, one in enumerate(filters):
        first = of * (images.shape[1] // own) // len(filters) * own
        for place in np.ndindex(*places):
            window = padded[:, first : first + own]
            for axis, span in enumerate(spans):
                begin = place[axis] * stride[axis]
                window = np.take(window, range(begin, begin + span, dilation[axis]), 2 + axis)
            found[(slice(None), of, *place)] = (window * one).sum(tuple(range(1, window.ndim)))
    return found + np.reshape(bias, (-1, *(1 for _ in shape)))


def normed(axes: Any, eps: float) -> tuple[Any, Any, Any]:
    """Return what a layer norm of X gives: the values, the means, and what it multiplied by."""
    mean = X.mean(axes, keepdims=True)
    spread = 1 / np.sqrt(X.var(axes, keepdims=True) + eps)
    return (X - mean) * spread, mean, spread


def gelu_of_erf(x: Any) -> Any:
    """Return the exact GELU."""
    return x * [0.5 * (1 + math.erf(each / math.sqrt(2))) for each in x]


def gelu_of_tanh(x: Any) -> Any:
    """Return the GELU by tanh."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@pytest.mark.parametrize(
    ("primitive", "inputs", "more", "expected"),
    [
        (
            "Conv2DExt",
            [IMAGES, FILTERS, BIAS],
            [(2, 1), (1, 2), (1, 3), 2],
            convolved(IMAGES, FILTERS, bias=BIAS, stride=(2, 1), pad=(1, 2), dilation=(1, 3)),
        ),
        ("Conv2DExt", [IMAGES, FILTERS], [None, 1, 0, 1, 2], convolved(IMAGES, FILTERS)),
        (
            "Conv2DPadding",
            [IMAGES, FILTERS, BIAS],
            [1, "same", 1, 2],
            convolved(IMAGES, FILTERS, bias=BIAS, pad=(1, (0, 1))),
        ),
        (
            "Conv2DPadding",
            [IMAGES, FILTERS],
            [None, 2, "valid", 1, 2],
            convolved(IMAGES, FILTERS, stride=(2, 2)),
        ),
        (
            "Conv3DExt",
            [FILMS, FILM_FILTERS, BIAS],
            [(2, 1, 3), (1, 2, 0), (1, 3, 1), 1],
            convolved(FILMS, FILM_FILTERS, bias=BIAS, stride=(2, 1, 3), pad=(1, 2, 0), dilation=(1, 3, 1)),
        ),
        ("Conv3DExt", [FILMS, FILM_FILTERS], [], convolved(FILMS, FILM_FILTERS)),
        (
            "Conv3DPadding",
            [FILMS, FILM_FILTERS, BIAS],
            [1, "same", 1, 1],
            convolved(FILMS, FILM_FILTERS, bias=BIAS, pad=(1, (0, 1), (0, 1))),
        ),
        (
            "Conv3DPadding",
            [FILMS, FILM_FILTERS],
            [None, 2, "valid"],
            convolved(FILMS, FILM_FILTERS, stride=(2, 2, 2)),
        ),
        ("GeluExt", [WIDE], [], gelu_of_erf(WIDE)),
        ("GeluExt", [WIDE], ["tanh"], gelu_of_tanh(WIDE)),
        ("LayerNormExt", [X], [(4,), None, None, 1e-5], normed(-1, 1e-5)),
        ("LayerNormExt", [X], [(4,)], normed(-1, 1e-5)),
        ("LayerNormExt", [X], [(3, 4), None, None, 0.5], normed((-2, -1), 0.5)),
        ("RepeatInterleaveInt", [X], [2, 1], np.repeat(X, 2, 1)),
        ("RepeatInterleaveInt", [X], [3, -3], np.repeat(X, 3, 0)),
        ("RepeatInterleaveInt", [X], [2, None], np.repeat(X, 2)),
        ("Embedding", [np.array([2, 0]), X[0]], [], X[0][[2, 0]]),
        (
            "ConstantPadND",
            [X],
            [(1, 2, 0, 1), 0.5],
            np.pad(X, [(0, 0), (0, 1), (1, 2)], constant_values=0.5),
        ),
        ("ConstantPadND", [X], [(1, 2)], np.pad(X, [(0, 0), (0, 0), (1, 2)])),
        ("ChunkView", [X], [2, -1], (X[:, :, :2], X[:, :, 2:])),
        ("ChunkView", [X], [2, 1], (X[:, :2], X[:, 2:])),
        ("ChunkView", [X], [2], (X[:1], X[1:])),
        ("Baddbmm", [X, SQUARE, X], [0.5, 2], 0.5 * X + 2 * (SQUARE @ X)),
        ("Baddbmm", [X, SQUARE, X], [], X + SQUARE @ X),
        ("Baddbmm", [X[None], SQUARE, X], [1, 1], X + SQUARE @ X),
        ("LinalgVectorNorm", [X], [2, (1, 2), True], np.sqrt((X * X).sum((1, 2), keepdims=True))),
        ("LinalgVectorNorm", [X], [3, -1], np.cbrt((abs(X) ** 3).sum(-1))),
        ("LinalgVectorNorm", [X], [], np.sqrt((X * X).sum())),
        ("Outer", [X[0, 0], BIAS], [], np.outer(X[0, 0], BIAS)),
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

    agree(mindspore, compute, inputs, expected)


def agree(mindspore: Any, compute: Any, inputs: list[Any], expected: Any) -> None:
    """Compile ``compute``, and compare each of its results with what is expected."""
    found = mindspore.jit(compute)(*map(mindspore.Tensor, inputs))
    if not isinstance(found, tuple):
        found, expected = (found,), (expected,)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.asnumpy(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_layer_norm_scales_and_shifts_and_keeps_the_dtype(mindspore: Any, dtype: str) -> None:
    from harness.kernels.graph import REPLACEMENTS

    function = REPLACEMENTS["LayerNormExt"]

    def compute(x: Any, scale: Any, shift: Any) -> Any:
        return function(x, (4,), scale, shift, 1e-5)

    # Hundreds, of which float16 cannot hold the squares.
    given = [each.astype(dtype) for each in (X * 300, SCALE, SHIFT)]
    found = mindspore.jit(compute)(*map(mindspore.Tensor, given))[0].asnumpy()
    x, scale, shift = (each.astype(np.float64) for each in given)
    deviation = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    expected = (x - x.mean(-1, keepdims=True)) / deviation * scale + shift
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 2e-3, atol=1e-4)


@pytest.mark.parametrize(("more", "axis"), [([], 0), ([-1], -1)])
def test_it_stacks_along_an_axis(mindspore: Any, more: list[Any], axis: int) -> None:
    from harness.kernels.graph import REPLACEMENTS

    function = REPLACEMENTS["StackExt"]

    def compute(one: Any, other: Any) -> Any:
        return function((one, other), *more)

    agree(mindspore, compute, [X, X + 1], np.stack([X, X + 1], axis))


def chunked(x: Any) -> Any:
    low, high = x.chunk(2, dim=1)
    return low, (high * 2).chunk(2, dim=-1)[1]


def repeated(x: Any) -> Any:
    return x.repeat_interleave(2, dim=1, output_size=6), (x + 1).repeat_interleave(3)


@pytest.mark.parametrize(
    ("compute", "expected", "operator"),
    [
        (chunked, (X[:, :2], X[:, 2:, 2:] * 2), "Chunk"),
        (repeated, (np.repeat(X, 2, 1), np.repeat(X + 1, 3)), "RepeatInterleaveInt"),
    ],
)
def test_a_method_of_tensors_is_compiled_as_its_replacement(
    mindspore: Any, compute: Any, expected: Any, operator: str
) -> None:
    from harness.kernels.graph import compilable, places_of
    from harness.kernels.missing import missing_kernel

    with compilable(places_of(mindspore.nn.Cell())):
        agree(mindspore, compute, [X], expected)
    # Afterwards, MindSpore compiles as before.
    with pytest.raises(RuntimeError) as raised:
        mindspore.jit(compute)(mindspore.Tensor(X))
    assert missing_kernel(raised.value) == operator


def test_only_methods_of_tensors_are_replaced(mindspore: Any) -> None:
    from harness.kernels.graph import compilable, places_of

    class Own(mindspore.nn.Cell):
        def chunk(self, x: Any) -> Any:
            return x + 1

        def construct(self, x: Any) -> Any:
            # A method of the cell, a function of a module, and keywords that no replacement takes.
            return self.chunk(x), mindspore.ops.chunk(x, 2)[0], x.chunk(2, axis=1)[1]

    cell = Own()
    with compilable(places_of(cell)):
        agree(mindspore, cell.construct, [X], (X + 1, X[:1], X[:, 2:]))


def test_what_a_release_does_not_overload_has_no_place(mindspore: Any, monkeypatch: Any) -> None:
    from mindspore.ops import functional_overload

    from harness.kernels.graph import compilable, places_of

    # As in MindSpore 2.7.0.
    monkeypatch.delattr(functional_overload, "_conv2d_instance")
    with compilable(places_of(mindspore.nn.Cell())):
        pass
