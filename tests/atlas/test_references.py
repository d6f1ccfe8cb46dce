"""The references in float64, against scipy and sums by hand."""

import numpy as np
import pytest
import scipy.signal
import scipy.special

from harness.atlas.drawing import draw
from harness.atlas.entry import Drawn, Entry
from harness.atlas.references import TooLarge, reference_of
from harness.atlas.table import selected


def of(name, *arguments, **options):
    specs = tuple(Drawn(each.shape) if isinstance(each, np.ndarray) else each for each in arguments)
    entry = Entry(name, "test", "float32", specs, options)
    return reference_of(entry, [each for each in arguments if isinstance(each, np.ndarray)], {})


X = np.random.default_rng(0).standard_normal((3, 8))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mint.sigmoid", scipy.special.expit(X)),
        ("mint.nn.functional.silu", X * scipy.special.expit(X)),
        ("ops.gelu", 0.5 * X * (1 + scipy.special.erf(X / np.sqrt(2)))),
        ("mint.erfc", scipy.special.erfc(X)),
        ("ops.softplus", np.logaddexp(X, 0)),
        ("mint.nn.functional.logsigmoid", -np.logaddexp(-X, 0)),
        ("ops.softmax", scipy.special.softmax(X, -1)),
        ("ops.log_softmax", scipy.special.log_softmax(X, -1)),
        ("mint.nn.functional.mish", X * np.tanh(np.logaddexp(X, 0))),
    ],
)
def test_functions(name, expected):
    np.testing.assert_allclose(of(name, X), expected, rtol=1e-12)


def test_reductions_take_either_name_of_an_axis():
    np.testing.assert_allclose(of("ops.logsumexp", X, axis=-1), scipy.special.logsumexp(X, -1), rtol=1e-13)
    np.testing.assert_allclose(of("mint.sum", X, dim=0), X.sum(0))
    assert of("mint.mean", X).shape == ()


@pytest.mark.parametrize(("stride", "padding", "groups"), [(1, 0, 1), (2, 1, 1), (1, 1, 2)])
def test_a_convolution_is_the_sum_of_correlations(stride, padding, groups):
    rng = np.random.default_rng(1)
    x, w, b = (
        rng.standard_normal((2, 4, 7, 7)),
        rng.standard_normal((6, 4 // groups, 3, 3)),
        rng.standard_normal(6),
    )
    found = of("ops.conv2d", x, w, b, stride=stride, padding=padding, groups=groups, pad_mode="pad")
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    for image in range(2):
        for out in range(6):
            first = out // (6 // groups) * (4 // groups)
            own = padded[image, first : first + 4 // groups]
            each = sum(scipy.signal.correlate2d(c, k, "valid") for c, k in zip(own, w[out], strict=True))
            np.testing.assert_allclose(
                found[image, out], each[::stride, ::stride] + b[out], rtol=1e-12, atol=1e-12
            )


def test_group_norm_and_layer_norm_leave_zero_mean_and_unit_variance():
    x = np.random.default_rng(2).standard_normal((2, 8, 5, 5)) * 3 + 7
    found = of("ops.group_norm", x, 4, np.ones(8), np.zeros(8)).reshape(2, 4, -1)
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-12)
    np.testing.assert_allclose(found.var(-1), 1, rtol=1e-5)
    rows = of("mint.nn.functional.layer_norm", X, (8,), np.full(8, 2.0), np.ones(8))
    np.testing.assert_allclose(rows.mean(-1), 1, atol=1e-12)


def test_what_has_no_reference_has_none():
    assert of("ops.digamma", X) is None
    # An option that the reference does not know.
    assert of("ops.conv2d", np.ones((1, 1, 3, 3)), np.ones((1, 1, 1, 1)), dilation=2) is None
    # Too large to be worth it.
    large = selected(("ops.conv2d sdxl-unet-640x64x64",))[0]
    with pytest.raises(TooLarge):
        reference_of(large, [each.astype(np.float64) for each in draw(large, 1)], {})
