from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.pipelines.errors import PipelineError


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def test_draws_float64_and_casts(mindspore: Any) -> None:
    from harness.pipelines.randn import randn_tensor

    drawn = generator(5).standard_normal((2, 3, 4))
    for dtype, name in ((mindspore.float32, "float32"), (mindspore.float16, "float16")):
        noise = randn_tensor((2, 3, 4), generator(5), dtype)
        assert noise.dtype == dtype
        np.testing.assert_array_equal(noise.asnumpy(), drawn.astype(name))
    np.testing.assert_array_equal(randn_tensor((2, 3, 4), generator(5)).asnumpy(), drawn)
    # What a draw in float32 gives is something else altogether.
    assert not np.allclose(drawn, generator(5).standard_normal((2, 3, 4), dtype=np.float32), atol=1e-3)


def test_image_i_of_a_batch_depends_on_generator_i_alone(mindspore: Any) -> None:
    from harness.pipelines.randn import randn_tensor

    batch = randn_tensor((3, 1, 4, 4), [generator(seed) for seed in (7, 8, 9)], mindspore.float32).asnumpy()
    for i, seed in enumerate((7, 8, 9)):
        single = randn_tensor((1, 1, 4, 4), generator(seed), mindspore.float32).asnumpy()
        np.testing.assert_array_equal(batch[i : i + 1], single)


def test_a_list_of_one_generator_is_that_generator(mindspore: Any) -> None:
    from harness.pipelines.randn import randn_tensor

    listed = randn_tensor((3, 2), [generator(1)], mindspore.float32).asnumpy()
    np.testing.assert_array_equal(listed, randn_tensor((3, 2), generator(1), mindspore.float32).asnumpy())


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_list_of_the_wrong_length_is_refused(mindspore: Any, count: int) -> None:
    from harness.pipelines.randn import randn_tensor

    with pytest.raises(PipelineError, match=f"{count} generators for a batch of 3"):
        randn_tensor((3, 2), [generator(0)] * count)


def test_without_a_generator_the_noise_cannot_be_repeated(mindspore: Any) -> None:
    from harness.pipelines.randn import randn_tensor

    assert not np.array_equal(randn_tensor((8,)).asnumpy(), randn_tensor((8,)).asnumpy())
