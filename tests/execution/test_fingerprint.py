"""The fingerprint: every field read, none guessed. Files in tmp_path stand in for other processors."""

import ctypes
import errno
import platform
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.errors import FingerprintError, HarnessError
from harness.execution.ascend import ascend_fields
from harness.execution.fingerprint import (
    _build,
    cpu_model,
    effective_isa,
    fingerprint,
    scalable_vector_bits,
)
from harness.execution.profile import Profile

ROOT = Path(__file__).parents[2]
OLD = "fpu sse sse2 ssse3 sse4_1 sse4_2"
AVX = f"{OLD} avx"
AVX2 = f"{AVX} f16c fma avx2 bmi2"
AVX512 = f"{AVX2} avx512f avx512dq avx512cd avx512bw avx512vl"

XEON = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz
stepping\t: 7
flags\t\t: {flags}
power management:

processor\t: 1
model name\t: another one
flags\t\t: fpu
"""
KUNPENG = """\
processor\t: 0
BogoMIPS\t: 200.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics
CPU implementer\t: 0x48
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd01
CPU revision\t: 0

processor\t: 1
CPU part\t: 0xd02
"""


@pytest.fixture
def cpuinfo(tmp_path):
    def write(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("flags", "cap", "isa"),
    [
        (AVX512, "AVX2", "AVX2"),
        (AVX512, "AVX512_CORE", "AVX512_CORE"),
        (AVX512, "SSE41", "SSE41"),
        (AVX2, "AVX2", "AVX2"),
        (AVX2, "AVX512_CORE", "AVX2"),
        (AVX, "AVX2", "AVX"),
        (OLD, "AVX2", "SSE41"),
    ],
)
def test_the_isa_is_the_widest_that_cap_and_processor_allow(cpuinfo, flags, cap, isa):
    assert effective_isa(cap, machine="x86_64", cpuinfo=cpuinfo(XEON.format(flags=flags))) == isa


@pytest.mark.parametrize(
    ("bits", "cap", "isa"),
    [
        (0, "ADVANCED_SIMD", "ADVANCED_SIMD"),
        (512, "ADVANCED_SIMD", "ADVANCED_SIMD"),
        (0, "SVE_512", "ADVANCED_SIMD"),
        (128, "SVE_512", "SVE_128"),
        (512, "SVE_512", "SVE_512"),
    ],
)
def test_the_isa_of_an_arm_processor_says_how_long_its_vectors_are(bits, cap, isa):
    assert effective_isa(cap, machine="aarch64", vector_bits=lambda: bits) == isa


@pytest.mark.parametrize(("answer", "bits"), [(16, 128), (64, 512), (64 | 1 << 17, 512), (-1, 0)])
def test_the_length_of_vectors_is_the_kernels_answer(monkeypatch, answer, bits):
    system(monkeypatch, answer, errno.EINVAL)
    assert scalable_vector_bits() == bits


def test_a_length_of_vectors_that_cannot_be_read_is_an_error(monkeypatch):
    system(monkeypatch, -1, errno.EPERM)
    with pytest.raises(FingerprintError, match="length of SVE's vectors cannot be read: Operation not perm"):
        scalable_vector_bits()


def system(monkeypatch, answer, code):
    """Let the kernel give ``answer`` to prctl, with the error ``code``."""
    library = SimpleNamespace(prctl=lambda *arguments: answer if arguments[0] == 51 else None)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    monkeypatch.setattr(ctypes, "get_errno", lambda: code)


# Bits 15 and 6 of the register MXCSR: results and operands that are subnormal become zero.
SUBNORMALS = """
import ctypes, mmap, sys
from harness.execution.fingerprint import host_fields
print(host_fields().get("subnormals"))
code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes([0x0F, 0xAE, 0x17, 0xC3]))  # ldmxcsr [rdi]; ret
function = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_uint32))
load = function(ctypes.addressof(ctypes.c_char.from_buffer(code)))
for bits in (0x8000, 0x0040, 0x8040):
    load(ctypes.c_uint32(0x1F80 | bits))
    print(host_fields().get("subnormals"))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="sets a register of x86-64")
def test_lost_subnormals_are_a_field_and_others_are_none():
    done = subprocess.run(
        [sys.executable, "-c", SUBNORMALS], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines() == ["None", "written as zero", "read as zero", "taken for zero"]


@pytest.mark.parametrize("text", ["", KUNPENG, XEON.format(flags="fpu sse2")])
def test_an_isa_that_cannot_be_read_is_an_error(cpuinfo, text):
    with pytest.raises(FingerprintError, match=r"cpuinfo: none of the flags .*; run where"):
        effective_isa("AVX2", machine="x86_64", cpuinfo=cpuinfo(text))


def test_processors_are_named_with_the_numbers_of_their_model(cpuinfo):
    assert cpu_model(cpuinfo(XEON.format(flags=AVX2))) == (
        "Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz, cpu family 6, model 85, stepping 7"
    )
    assert cpu_model(cpuinfo(KUNPENG)) == (
        "CPU implementer 0x48, CPU variant 0x1, CPU part 0xd01, CPU revision 0"
    )
    assert cpu_model(cpuinfo("model name\t: \ncpu family\t: 6\n")) == "cpu family 6"


def test_a_processor_that_cannot_be_read_is_an_error(cpuinfo, tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    for path in (cpuinfo("processor\t: 0\n"), tmp_path / "absent"):
        with pytest.raises(FingerprintError, match="does not name the processor"):
            cpu_model(path)
    with pytest.raises(FingerprintError, match="cannot be read"):
        cpu_model(tmp_path)


def test_every_field_of_this_environment_is_read(mindspore):
    profile = Profile(core=0)
    found = fingerprint(profile, mode="graph", dtype="float16")
    assert set(found) == {
        "device", "arch", "cores", "cpu_model", "os", "libc", "mindspore", "numpy", "profile",
        "mode", "dtype", "isa",
    }  # fmt: skip
    assert all(type(value) is str and value and "unknown" not in value for value in found.values())
    assert found["device"] == "CPU"
    assert found["cores"] == "1"
    commit = (
        (Path(mindspore.__file__).parent / ".commit_id").read_text().partition("[sha1]:")[2].partition(",")[0]
    )
    assert len(commit) >= 8
    assert found["mindspore"] == f"{mindspore.__version__} ({commit})"
    assert found["numpy"] == np.__version__
    assert found["profile"] == profile.name()
    assert (found["mode"], found["dtype"]) == ("graph", "float16")
    assert fingerprint(Profile(core=1), mode="graph", dtype="float16") == found


def test_a_field_that_the_system_leaves_empty_is_an_error(mindspore, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "")
    with pytest.raises(FingerprintError, match="leaves fields of the fingerprint empty: os"):
        fingerprint(Profile(), mode="pynative", dtype="float32")


def test_an_npu_adds_its_own_fields_and_has_no_isa(mindspore, tmp_path, monkeypatch):
    (tmp_path / "ascend_toolkit_install.info").write_text("version=8.2.RC1\n")
    (tmp_path / "version.info").write_text("Version=25.2.0\n")
    here = partial(
        ascend_fields,
        home=tmp_path,
        driver=tmp_path / "version.info",
        soc=lambda: "Ascend910B4",
        smi=lambda _: None,
    )
    monkeypatch.setattr("harness.execution.fingerprint.ascend_fields", here)
    found = fingerprint(Profile(device="Ascend"), mode="pynative", dtype="float32")
    assert (found["soc"], found["cann"], found["driver"]) == ("Ascend910B4", "8.2.RC1", "25.2.0")
    assert "isa" not in found
    assert found["device"] == "Ascend"


def test_an_npu_that_cannot_be_read_is_an_error(mindspore, tmp_path, monkeypatch):
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tmp_path))
    monkeypatch.setattr(mindspore.hal, "get_device_name", lambda *_: "Ascend910B4")
    with pytest.raises(HarnessError, match="CANN's version is not known") as raised:
        fingerprint(Profile(device="Ascend"), mode="pynative", dtype="float32")
    assert isinstance(raised.value, FingerprintError)


@pytest.mark.parametrize("text", [None, "", "__commit_id__ = ''"])
def test_a_build_of_mindspore_that_cannot_be_read_is_an_error(tmp_path, text):
    file = tmp_path / ".commit_id"
    if text is not None:
        file.write_text(text)
    with pytest.raises(FingerprintError, match=r"\.commit_id: "):
        _build(file)
