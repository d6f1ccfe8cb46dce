"""Results and atlases for tests, without a worker."""

import base64
from dataclasses import replace

import numpy as np

from harness.atlas.result import Atlas, Exactness, Result

FINGERPRINT = {"device": "CPU", "mindspore": "2.10.0 (abc)", "isa": "AVX2", "mint_kernels": "harness 1"}
SAMPLE = np.array([1.0, 2.0, -3.0, 0.5], np.float32)


def packed(values):
    return base64.b64encode(np.asarray(values).tobytes()).decode()


def result(operator="ops.exp", model="sd15", **changes):
    made = Result(
        operator, model, "float32", "1x4", "d" * 16, result_dtype="float32", shape=(1, 4), sha256="0" * 64,
        sample=packed(SAMPLE), runs=20, processes=2, batches=4,
        exactness=Exactness("numpy", 1.5, 0.25, 1e-7),
    )  # fmt: skip
    return replace(made, **changes)


def conv(model="sd15 3x3", **changes):
    return result("ops.conv2d", model, arguments="1x4x8x8, 8x4x3x3, padding=1", **changes)


def atlas(*results, **fields):
    return Atlas(
        {**FINGERPRINT, **fields}, results or (result(), conv()), "0.1.0", "2026-01-01", {"runs": 20}
    )
