"""What MindSpore says of a missing CPU kernel is recognised, in every release's words; nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("mindspore")

LINE = "-" * 52
CALL_STACK = (
    f"\n\n{LINE}\n- C++ Call Stack: (For framework developers)\n{LINE}\nmindspore/x.cc:848 SelectKernel\n"
)


@pytest.mark.parametrize(
    ("text", "primitive"),
    [
        ("The kernel Arange unregistered." + CALL_STACK, "Arange"),  # 2.7.0 to 2.10.0
        ("Not found op FuncMaxPool2D on device CPU" + CALL_STACK, "FuncMaxPool2D"),  # 2.10.0
        ("Not found op N9mindspore6kernel7pyboost6ArangeE on device CPU" + CALL_STACK, "Arange"),  # 2.7.0
        ("Not found op N9mindspore6kernel7pyboost9Conv1DExtE on device CPU", "Conv1DExt"),
        (
            "Not found op N9mindspore6kernel7pyboost20AdaptiveAvgPool2DExtE on device CPU",
            "AdaptiveAvgPool2DExt",
        ),
        ("Create kernelmod for op InplaceNormal failed" + CALL_STACK, "InplaceNormal"),
        (
            f"\n{LINE}\n- Kernel select failed:\n{LINE}\nUnsupported op [LpNormV2] on CPU, Please confirm "
            "whether the device target setting is correct, or refer to ...\nnode: @pynative_kernel_graph",
            "LpNormV2",
        ),
        ("'repeat' is not supported on this device.", "repeat"),
        ("einsum only supports Ascend.", "einsum"),
        ("new_full method support Ascend only", "new_full"),
        ("Not implement exception" + CALL_STACK, "(unnamed)"),
    ],
)
def test_the_words_of_all_releases(text, primitive):
    from harness.kernels import missing_kernel

    assert missing_kernel(RuntimeError(text)) == primitive


@pytest.mark.parametrize(
    "text",
    [
        "",
        "For primitive[BroadcastTo], the attribute[x shape] must be ...",
        "Unsupported input data type for operator [Trunc]: Int64",  # the kernel is there, not for this dtype
        "KernelMod Init Failed: FloorDiv",
        "the kernel of the convolution is not a tensor",
        "expected dtype float32, Not implement exception",
    ],
)
def test_other_errors_are_left_alone(text):
    from harness.kernels import missing_kernel

    assert missing_kernel(RuntimeError(text)) is None


def test_what_the_table_lacks_is_still_named_by_mindspore():
    program = """
import json
from harness.execution.profile import Profile, claim_core
profile = Profile(core=claim_core().core)
profile.apply_before_import()
import mindspore as ms
profile.apply_after_import()
from harness import kernels
kernels.install()
told = []
for method, argument in (("bernoulli_", 0.5), ("reshape", (5,))):
    try:
        getattr(ms.mint.zeros((3,)), method)(argument)
    except Exception as error:
        told.append(kernels.missing_kernel(error))
print(json.dumps(told))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == ["bernoulli_", None]
