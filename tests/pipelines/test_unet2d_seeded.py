"""Seeded weights are the same everywhere, and sane. (That they denoise shows in the DDIM parity tests.)"""

from __future__ import annotations

import numpy as np
import pytest

from harness.pipelines.seeded import seeded_state

SHAPES = {
    "conv_in.weight": (8, 3, 3, 3),
    "conv_in.bias": (8,),
    "up_blocks.0.resnets.2.conv_shortcut.weight": (16, 24, 1, 1),
    "up_blocks.1.resnets.10.conv_shortcut.weight": (8, 16, 1, 1),
    "up_blocks.1.resnets.10.conv2.weight": (8, 8, 3, 3),
    "up_blocks.1.resnets.2.conv_shortcut.weight": (8, 24, 1, 1),
    "conv_norm_out.weight": (8,),
    "conv_norm_out.bias": (8,),
    "conv_out.weight": (3, 8, 3, 3),
    "conv_out.bias": (3,),
}


def test_the_same_seed_gives_the_same_weights_in_any_order_of_names():
    one = seeded_state(SHAPES, 5)
    other = seeded_state(dict(reversed(SHAPES.items())), 5)
    assert all(np.array_equal(one[name], other[name]) for name in SHAPES)
    assert not np.array_equal(one["conv_in.weight"], seeded_state(SHAPES, 6)["conv_in.weight"])


def test_names_shapes_and_dtype_are_kept():
    for denoising in (True, False):
        state = seeded_state(SHAPES, 0, denoising=denoising)
        assert {name: array.shape for name, array in state.items()} == SHAPES
        assert all(array.dtype == np.float32 for array in state.values())


def test_the_clear_path_leads_through_the_last_resnet_only():
    random, denoising = (seeded_state(SHAPES, 0, denoising=flag) for flag in (False, True))
    changed = {name for name in SHAPES if not np.array_equal(random[name], denoising[name])}
    assert changed == {
        "conv_in.weight",
        "up_blocks.1.resnets.10.conv_shortcut.weight",
        "up_blocks.1.resnets.10.conv2.weight",
        "conv_out.weight",
    }


def test_along_the_clear_path_every_pair_of_channels_carries_one_input_with_both_signs():
    random, denoising = (seeded_state(SHAPES, 0, denoising=flag) for flag in (False, True))
    copied = denoising["conv_in.weight"] - np.float32(0.2) * random["conv_in.weight"]
    expected = np.zeros((8, 3))
    expected[range(8), [0, 0, 1, 1, 2, 2, 0, 0]] = [1, -1] * 4
    assert np.allclose(copied[:, :, 1, 1], expected)
    assert np.allclose(np.delete(copied.reshape(8, 3, 9), 4, axis=2), 0)


@pytest.mark.parametrize(("name", "shape"), [("conv_in.gamma", (8,)), ("logit_scale.weight", (4,))])
def test_what_is_no_parameter_of_a_unet_is_refused(name, shape):
    with pytest.raises(ValueError, match=name):
        seeded_state({**SHAPES, name: shape}, 0)
