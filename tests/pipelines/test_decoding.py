"""The decoder of a pipeline is observed without changing it, and runs once more by itself where it can."""

import numpy as np
import pytest

from harness.cases.job import Decoding
from harness.measurement.after_steps import host_processing
from harness.measurement.bfloat16 import to_numpy
from harness.measurement.measurement import array_sha256, encode_arrays
from harness.measurement.perturbation import rounded
from harness.pipelines.decoding import seeing_decoder

GIVEN = np.linspace(-1, 1, 32, dtype=np.float32).reshape(1, 4, 2, 4)
RECIPE = "channels last, halved plus 0.5, not clamped"


class Pipeline:
    """Calls its decoder once; a tokenizer, which decodes as well, is no decoder."""

    def __init__(self, vae, calls=1):
        self.vae, self.same, self.calls = vae, vae, calls
        self.tokenizer = Tokenizer()

    def __call__(self, latents, **passed):
        for _ in range(self.calls):
            (image,) = self.vae.decode(latents, **passed)
        self.tokenizer.decode([1])
        return np.moveaxis(to_numpy(image) / 2 + 0.5, 1, -1)


class Tokenizer:
    def decode(self, codes):
        return codes


@pytest.fixture
def vae(mindspore):
    class Decoder(mindspore.nn.Cell):
        scale = 3.0

        def decode(self, latents, generator=None):
            if generator is not None:
                generator.append(1)
            return (latents * self.scale,)

    return Decoder()


def seen(mindspore, pipeline, given=GIVEN, dtype=None, *, observed=True, **passed):
    tensor = mindspore.Tensor(given)
    with seeing_decoder(pipeline, observed=observed) as decoder:
        output = pipeline(tensor.astype(getattr(mindspore, dtype)) if dtype else tensor, **passed)
    host = None if decoder.last is None else host_processing(*decoder.last, output)
    return decoder, host, output


def test_input_and_result_are_those_of_the_call_and_nothing_stays_behind(mindspore, vae):
    pipeline = Pipeline(vae)
    decoder, host, output = seen(mindspore, pipeline)
    np.testing.assert_array_equal(decoder.input, GIVEN)
    np.testing.assert_array_equal(decoder.last[1], GIVEN * 3)
    assert (decoder.last[0], host.source) == ("vae.decode", "vae.decode")
    assert RECIPE in host.giving_output.differences
    np.testing.assert_array_equal(output, pipeline(mindspore.Tensor(GIVEN)))
    assert "decode" not in vars(vae)
    assert len(decoder.calls) == 1


def test_what_must_not_be_observed_is_left_alone(mindspore, vae):
    decoder, host, _ = seen(mindspore, Pipeline(vae), observed=False)
    assert (decoder.calls, decoder.last, decoder.input, host) == ([], None, None, None)


def test_the_decoder_alone_moves_an_output_by_what_changed_in_it(mindspore, vae):
    decoder, host, output = seen(mindspore, Pipeline(vae))
    arrays = encode_arrays({"decoder_input": GIVEN, "output": output})
    decoding = Decoding(arrays, (RECIPE,))
    same = decoder.alone(decoding, host, output, lambda: 0)
    assert (same.inputs, same.max_abs, same.relative_l2) == (array_sha256(GIVEN), 0, 0)
    vae.scale = 3.0 * (1 + 1e-4)
    # Whatever this run was given itself.
    decoder, host, output = seen(mindspore, Pipeline(vae), GIVEN[..., ::-1].copy())
    moved = decoder.alone(decoding, host, output, lambda: 0)
    assert moved.max_abs == pytest.approx(1.5e-4, rel=1e-2)
    assert 0 < moved.relative_l2 < 2e-4


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_envelope_is_that_of_one_ulp_of_the_input(mindspore, vae, dtype):
    eps = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}[dtype]
    decoder, host, output = seen(mindspore, Pipeline(vae), rounded(GIVEN, dtype), dtype)
    found = decoder.alone(Decoding(members=4), host, output, lambda: 0)
    assert found.inputs is None
    assert eps / 4 < found.max_abs < 4 * eps
    assert decoder.last[2] == dtype


def test_what_cannot_run_by_itself_does_not(mindspore, vae):
    def alone(pipeline, given=GIVEN, drawn=lambda: 0, **passed):
        decoder, host, output = seen(mindspore, pipeline, given, **passed)
        return decoder.input, decoder.alone(Decoding(members=2), host, output, drawn)

    assert alone(Pipeline(vae))[1] is not None
    # Called twice, given whole numbers, or by a decoder that draws.
    assert alone(Pipeline(vae, calls=2)) == (None, None)
    assert alone(Pipeline(vae), np.arange(32, dtype=np.int32).reshape(GIVEN.shape)) == (None, None)
    draws = []
    assert alone(Pipeline(vae), drawn=lambda: len(draws), generator=draws)[1] is None
    assert len(draws) == 3
    # One that the pipeline prepares for its own call alone, as SDXL casts its VAE in float16.
    decoder, host, output = seen(mindspore, Pipeline(vae))
    vae.scale = "cast back"
    assert decoder.alone(Decoding(members=2), host, output, lambda: 0) is None
    vae.scale = 3.0
    # An input of another shape than the baseline's.
    decoder, host, output = seen(mindspore, Pipeline(vae))
    arrays = encode_arrays({"decoder_input": GIVEN[:, :, :1], "output": output})
    assert decoder.alone(Decoding(arrays, (RECIPE,)), host, output, lambda: 0) is None


def test_several_calls_give_one_array(mindspore, vae):
    decoder, _, _ = seen(mindspore, Pipeline(vae, calls=2))
    np.testing.assert_array_equal(decoder.last[1], np.concatenate([GIVEN * 3] * 2))
