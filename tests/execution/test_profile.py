"""The profile: complete settings, applied at the right moment. Recorders stand in for an NPU's own calls."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ProfileError
from harness.execution import profile
from harness.execution.cann_settings import set_level
from harness.execution.profile import CPU_ISAS, Profile, known_isas, visible_cores


@pytest.mark.parametrize(
    ("machine", "cap"), [("x86_64", "AVX2"), ("AMD64", "AVX2"), ("aarch64", "ADVANCED_SIMD")]
)
def test_the_environment_on_the_cpu_is_that_of_its_architecture(monkeypatch, machine, cap):
    monkeypatch.setattr(profile.platform, "machine", lambda: machine)
    assert Profile().environment() == {"ONEDNN_MAX_CPU_ISA": cap, "DNNL_MAX_CPU_ISA": cap}
    assert f"oneDNN ISA at most {cap}, " in Profile().name()


def test_a_cap_of_another_architecture_is_refused_where_it_would_be_applied(monkeypatch):
    """The process that starts a worker need not run on the worker's architecture."""
    given = Profile(isa="AVX2")
    monkeypatch.setattr(profile.platform, "machine", lambda: "aarch64")
    with pytest.raises(ProfileError, match="no ISA AVX2 on aarch64; it has ADVANCED_SIMD, SVE_512"):
        given.environment()


def test_an_architecture_without_mindspore_is_refused(monkeypatch):
    monkeypatch.setattr(profile.platform, "machine", lambda: "riscv64")
    assert known_isas() == ()
    with pytest.raises(ProfileError, match="does not run on riscv64; it runs on x86_64, aarch64"):
        Profile().environment()


def test_the_environment_on_an_npu_is_complete(monkeypatch):
    monkeypatch.delenv("ASCEND_RT_VISIBLE_DEVICES", raising=False)
    assert Profile(device="Ascend", device_id=3).environment() == {
        "HCCL_DETERMINISTIC": "true",
        "LCCL_DETERMINISTIC": "1",
        "ATB_MATMUL_SHUFFLE_K_ENABLE": "0",
        "ATB_LLM_LCOC_ENABLE": "0",
        "TE_PARALLEL_COMPILER": "1",
        "ASCEND_RT_VISIBLE_DEVICES": "3",
    }


def test_strict_order_across_npus_is_kept_and_anything_else_is_the_default(monkeypatch):
    plain = Profile(device="Ascend").name()
    monkeypatch.setenv("HCCL_DETERMINISTIC", "strict")
    assert Profile(device="Ascend").environment()["HCCL_DETERMINISTIC"] == "strict"
    assert "(HCCL strict)" in Profile(device="Ascend").name() != plain
    for other in ("false", "true", "1", ""):
        monkeypatch.setenv("HCCL_DETERMINISTIC", other)
        assert Profile(device="Ascend").environment()["HCCL_DETERMINISTIC"] == "true"
        assert Profile(device="Ascend").name() == plain


def test_a_level_of_determinism_is_part_of_the_name_and_has_to_exist(monkeypatch):
    plain = Profile(device="Ascend").name()
    names = set()
    for level in ("0", "1", "2", "3"):
        monkeypatch.setenv("HARNESS_DETERMINISTIC_LEVEL", level)
        names.add(Profile(device="Ascend").name())
    assert plain in names
    assert len(names) == 4
    monkeypatch.setenv("HARNESS_DETERMINISTIC_LEVEL", "0")
    assert "not deterministic (level 0)" in Profile(device="Ascend").name()
    for other in ("4", "-1", "", "two", " 2"):
        monkeypatch.setenv("HARNESS_DETERMINISTIC_LEVEL", other)
        with pytest.raises(ProfileError, match="set it to 0, 1, 2, 3, or unset it"):
            Profile(device="Ascend").name()
    assert Profile().name()  # which a CPU does not have


class Acl:
    """Stands in for CANN's library, of which there is none here: keeps levels up to its own highest."""

    def __init__(self, highest, code=0):
        self.level, self.highest, self.code, self.options = 0, highest, code, []

    def aclrtSetSysParamOpt(self, option, value):  # noqa: N802  CANN's name
        self.options.append(option.value)
        self.level = min(value.value, self.highest)
        return self.code

    def aclrtGetSysParamOpt(self, option, value):  # noqa: N802  CANN's name
        self.options.append(option.value)
        value._obj.value = self.level
        return 0


def test_a_level_is_set_and_read_back():
    acl = Acl(highest=3)
    set_level(2, lambda name: acl if name == "libascendcl.so" else None)
    assert (acl.level, acl.options) == (2, [0, 0])


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (lambda _: Acl(highest=1), "it stays at 1"),
        (lambda _: Acl(highest=3, code=100000), "error 100000"),
        (lambda _: object(), "needs CANN's libascendcl.so"),
        (lambda name: (_ for _ in ()).throw(OSError(f"{name}: cannot open")), "source CANN's set_env.sh"),
    ],
)
def test_a_level_that_cann_does_not_take_is_an_error(load, words):
    with pytest.raises(ProfileError, match=words):
        set_level(2, load)


def test_an_npu_is_one_of_those_that_this_process_was_given(monkeypatch):
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "4, 6")
    numbers = [
        Profile(device="Ascend", device_id=i).environment()["ASCEND_RT_VISIBLE_DEVICES"] for i in (0, 1)
    ]
    assert numbers == ["4", "6"]
    with pytest.raises(ProfileError, match=r"NPU 2 was requested.*leaves 2"):
        Profile(device="Ascend", device_id=2).environment()


def test_unknown_devices_and_isas_are_refused_with_the_known_ones():
    with pytest.raises(ProfileError, match="unknown device 'GPU'; known: CPU, Ascend, CUDA"):
        Profile(device="GPU")
    with pytest.raises(ProfileError, match="unknown ISA 'avx2'; known: SSE41, AVX, AVX2, AVX512_CORE"):
        Profile(isa="avx2")


def test_the_name_tells_what_can_move_the_bits_and_no_more():
    """Any core and any NPU of a machine give the same bits, so a fingerprint must not name them."""
    assert Profile(core=0).name() == Profile(core=1).name()
    assert Profile(device="Ascend").name() == Profile(device="Ascend", device_id=1, core=1).name()
    different = {Profile(isa=isa, core=core).name() for isa in known_isas() for core in (0, None)}
    assert len(different) == 2 * len(known_isas()) > 2
    assert set(known_isas("x86_64") + known_isas("aarch64")) == set(CPU_ISAS)


APPLY = """
import json, os, sys
from harness.execution.profile import Profile, visible_cores
profile = Profile(core=int(sys.argv[1]))
profile.apply_before_import()
names = profile.environment()
print(json.dumps([{name: os.environ[name] for name in names}, visible_cores(), "mindspore" in sys.modules]))
"""


def test_applying_sets_the_environment_and_pins_the_process():
    core = max(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-c", APPLY, str(core)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "ALL"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [Profile().environment(), 1, False]


def test_visible_cores_are_those_of_this_process():
    assert visible_cores() == len(os.sched_getaffinity(0))


def test_after_the_import_it_is_too_late(mindspore, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "as it was")
    with pytest.raises(ProfileError, match="before mindspore is imported"):
        Profile().apply_before_import()
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "as it was"


class Recorder:
    """Notes calls of MindSpore's functions in place of making them."""

    def __init__(self, monkeypatch, *functions):
        self.calls = []
        for owner, name in functions:
            monkeypatch.setattr(owner, name, self._noting(name))

    def _noting(self, name):
        return lambda *args, **kwargs: self.calls.append((name, *args, *kwargs.values()))


def test_mindspore_is_set_up_on_the_cpu(mindspore, monkeypatch):
    assert mindspore.get_context("mode") == mindspore.PYNATIVE_MODE
    assert mindspore.get_context("device_target") == "CPU"
    recorder = Recorder(
        monkeypatch,
        (mindspore, "set_context"),
        (mindspore, "set_device"),
        (mindspore.runtime, "launch_blocking"),
    )
    Profile().apply_after_import()
    assert recorder.calls == [
        ("set_context", mindspore.PYNATIVE_MODE),
        ("set_device", "CPU"),
        ("launch_blocking",),
    ]


def test_mindspore_is_set_up_on_an_npu(mindspore, monkeypatch):
    precision = mindspore.device_context.ascend.op_precision
    recorder = Recorder(
        monkeypatch,
        (mindspore, "set_context"),
        (mindspore, "set_device"),
        (mindspore, "set_deterministic"),
        (precision, "matmul_allow_hf32"),
        (precision, "conv_allow_hf32"),
    )
    # Whatever its number: ASCEND_RT_VISIBLE_DEVICES leaves one, which is then number 0.
    Profile(device="Ascend", device_id=3).apply_after_import()
    assert recorder.calls == [
        ("set_context", mindspore.PYNATIVE_MODE),
        ("set_device", "Ascend", 0),
        ("set_deterministic", True),
        ("matmul_allow_hf32", False),
        ("conv_allow_hf32", False),
    ]


def test_without_determinism_an_npu_has_cann_s_own_level(mindspore, monkeypatch):
    acl = Acl(highest=1)
    acl.level = 1
    precision = mindspore.device_context.ascend.op_precision
    recorder = Recorder(monkeypatch, (mindspore, "set_deterministic"))
    Recorder(monkeypatch, (mindspore, "set_context"), (mindspore, "set_device"))
    Recorder(monkeypatch, (precision, "matmul_allow_hf32"), (precision, "conv_allow_hf32"))
    monkeypatch.setattr("ctypes.CDLL", lambda _: acl)
    monkeypatch.setenv("HARNESS_DETERMINISTIC_LEVEL", "0")
    Profile(device="Ascend").apply_after_import()
    assert recorder.calls == [("set_deterministic", False)]
    assert acl.level == 0


@pytest.mark.parametrize("kept", [True, False])
def test_a_release_that_drops_strict_is_an_error(mindspore, monkeypatch, kept):
    """As MindSpore 2.7.0 does: see tests/data/ascend/contract.json."""

    def set_deterministic(_):
        if not kept:
            os.environ["HCCL_DETERMINISTIC"] = "true"

    Recorder(monkeypatch, (mindspore, "set_context"), (mindspore, "set_device"))
    precision = mindspore.device_context.ascend.op_precision
    Recorder(monkeypatch, (precision, "matmul_allow_hf32"), (precision, "conv_allow_hf32"))
    monkeypatch.setattr(mindspore, "set_deterministic", set_deterministic)
    monkeypatch.setenv("HCCL_DETERMINISTIC", "strict")
    if kept:
        Profile(device="Ascend").apply_after_import()
    else:
        with pytest.raises(ProfileError, match=r"strict was asked for, but MindSpore \S+ makes it true"):
            Profile(device="Ascend").apply_after_import()


def test_an_npu_that_mindspore_cannot_use_is_an_error_the_user_can_act_on(mindspore, monkeypatch):
    def refuse(*_):
        raise RuntimeError("Unsupported device target Ascend.\n- Device load error message: much more")

    monkeypatch.setattr(mindspore, "set_device", refuse)
    with pytest.raises(ProfileError, match="cannot use NPU 3: Unsupported device target Ascend") as raised:
        Profile(device="Ascend", device_id=3).apply_after_import()
    assert "npu-smi info" in str(raised.value)
    assert "much more" not in str(raised.value)


def test_an_npu_worker_keeps_its_cores():
    """No NPU is here: only what happens before MindSpore's import is run, in a process of its own."""
    code = (
        "import os; from harness.execution.profile import Profile; before = os.sched_getaffinity(0); "
        "Profile(device='Ascend', core=min(before)).apply_before_import(); "
        "assert os.sched_getaffinity(0) == before; "
        "Profile(core=min(before)).apply_before_import(); assert os.sched_getaffinity(0) == {min(before)}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
