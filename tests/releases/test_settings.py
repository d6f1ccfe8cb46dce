"""Which settings differ between two fingerprints, and which of them a system allows to turn back."""

import pytest
from samples import FINGERPRINT

from harness.execution.cann_settings import LEVEL_VARIABLE
from harness.execution.profile import CPU_ISAS, Profile, known_isas, named_settings
from harness.releases.settings import (
    TURNABLE,
    Allowed,
    Fixed,
    Setting,
    Why,
    differing_settings,
    fixed,
    settings_of,
)

HERE = {
    **FINGERPRINT,
    "profile": "cpu: oneDNN ISA at most AVX2, one core, blocking launches",
    "mode": "pynative",
    "mindspore": "2.10.0 (2d55)",
}
NPU = {
    "device": "Ascend",
    "arch": "aarch64",
    "soc": "Ascend910B2",
    "cann": "8.5.0",
    "mode": "graph",
    "profile": "ascend: deterministic, HCCL and LCCL deterministic, ATB matmul K-shuffle and LCOC off, "
    "one TE compiler, HF32 off",
}
ALLOWED = Allowed(("SSE41", "AVX", "AVX2"), 2)


def differing(here=HERE, **there):
    return differing_settings(here, {**here, **there})


def held(settings, allowed=ALLOWED):
    return {each.setting.name: (each.why, each.told) for each in fixed(settings, allowed)}


@pytest.mark.parametrize("core", [0, None])
@pytest.mark.parametrize("blocking", [True, False])
def test_the_line_of_a_profile_is_read_back(core, blocking):
    for isa in set(CPU_ISAS) & set(known_isas()):
        name = Profile(isa=isa, core=core, blocking=blocking).name()
        assert named_settings(name) == {"launches": "blocking" if blocking else "asynchronous"}


@pytest.mark.parametrize("level", ["1", "2", "3"])
@pytest.mark.parametrize("hccl", ["true", "strict"])
def test_the_line_of_an_npu_s_profile_is_read_back(monkeypatch, level, hccl):
    monkeypatch.setenv(LEVEL_VARIABLE, level)
    monkeypatch.setenv("HCCL_DETERMINISTIC", hccl)
    found = named_settings(Profile("Ascend").name())
    assert found == {"level": level, "hccl": hccl, "hf32": "off"}


def test_a_line_of_another_version_is_not_guessed_at():
    assert named_settings("cpu: threads 1") is None
    assert named_settings(f"{HERE['profile']}, something new") is None
    other = differing(profile="cpu: threads 1", isa="SSE41")
    assert [each.name for each in other] == ["isa", "profile"]
    assert held(other) == {"profile": (Why.UNKNOWN, "")}


def test_the_parts_of_a_profile_are_settings_of_their_own():
    assert settings_of(HERE)["launches"] == "blocking"
    assert "profile" not in settings_of(HERE)
    other = differing(profile="cpu: oneDNN ISA at most AVX512_CORE, not pinned, asynchronous launches")
    # The processor may have no AVX-512, and the system one core: then the same bits come of both.
    assert other == (Setting("launches", "blocking", "asynchronous"),)


def test_nothing_differs():
    assert differing() == ()


def test_what_can_be_turned_back_comes_first_and_packages_last():
    there = {
        "mindspore": "2.9.0 (ab)", "numpy": "1.25.0", "cpu_model": "another", "libc": "glibc 2.39",
        "mode": "graph", "cores": "2", "isa": "SSE41",
        "profile": "cpu: oneDNN ISA at most SSE41, not pinned, asynchronous launches",
    }  # fmt: skip
    settings = differing(**there)
    names = [each.name for each in settings]
    assert names == ["isa", "cores", "launches", "mode", "numpy", "mindspore", "cpu_model", "libc"]
    assert held(settings) == {"cpu_model": (Why.PROCESSOR, ""), "libc": (Why.SYSTEM, "")}
    # A field that one side does not have.
    assert settings[-1] == Setting("libc", None, "glibc 2.39")


@pytest.mark.parametrize(
    ("there", "why", "told"),
    [
        ({"isa": "AVX512_CORE"}, Why.ISA, "AVX2"),
        ({"isa": "SVE_256"}, Why.ISA, "AVX2"),
        ({"cores": "3"}, Why.CORES, "2"),
        ({"cores": "many"}, Why.CORES, "2"),
        ({"cores": "0"}, Why.CORES, "2"),
        ({"mindspore": "2.10.0 (another build)"}, Why.BUILD, "2.10.0"),
        ({"arch": "aarch64"}, Why.PROCESSOR, ""),
        ({"subnormals": "taken for zero"}, Why.PROCESSOR, ""),
        ({"os": "Darwin"}, Why.SYSTEM, ""),
        ({"mint_kernels": "harness 3"}, Why.HARNESS, ""),
        ({"bfloat16": "in float32"}, Why.HARNESS, ""),
        ({"graph_operators": "harness 3"}, Why.HARNESS, ""),
        ({"mindone": "0.5.0 (ab)"}, Why.UNKNOWN, ""),
        ({"something": "new"}, Why.UNKNOWN, ""),
        ({"isa": "SSE41"}, None, ""),
        ({"cores": "2"}, None, ""),
        ({"jit": "level O1"}, None, ""),
        ({"numpy": "1.25.0"}, None, ""),
    ],
)
def test_what_this_system_does_not_allow_is_named(there, why, told):
    (name,) = there
    assert held(differing(**there)) == ({} if why is None else {name: (why, told)})


def test_other_systems():
    assert held(differing(cores="2"), Allowed(("AVX2",), None)) == {"cores": (Why.CORES, "")}
    assert held(differing(isa="SSE41"), Allowed((), 2)) == {"isa": (Why.ISA, "")}


def test_mindone_that_was_edited():
    here = {**HERE, "mindone": "0.5.0 (ab)", "transformers": "4.57.1", "mint_kernels": "harness 8"}
    settings = differing(here, mindone="0.5.0 (cd)", transformers="4.50.0", mint_kernels="harness 7")
    assert held(settings) == {"mindone": (Why.EDITED, "0.5.0"), "mint_kernels": (Why.HARNESS, "")}
    assert held(differing(here, mindone="0.4.0 (cd)")) == {}


def test_what_follows_from_the_mode_is_no_setting_of_its_own():
    here = {**HERE, "mode": "graph", "jit": "level O1", "graph_operators": "harness 2"}
    there = {name: value for name, value in HERE.items() if name != "jit"}
    assert differing_settings(here, there) == (Setting("mode", "graph", "pynative"),)


def test_settings_of_an_npu():
    strict = NPU["profile"].replace("deterministic, HCCL", "deterministic (level 3), HCCL")
    strict = strict.replace("LCCL deterministic", "LCCL deterministic (HCCL strict)")
    settings = differing(NPU, profile=strict, cann="8.2.0", jit="level O2")
    assert settings == (
        Setting("jit", None, "level O2"), Setting("level", "1", "3"), Setting("hccl", "true", "strict"),
        Setting("cann", "8.5.0", "8.2.0"),
    )  # fmt: skip
    assert held(settings) == {"cann": (Why.NPU, "")}
    compiled = {**NPU, "jit": "level O1"}
    assert held(differing_settings(compiled, NPU)) == {}
    without = {name: value for name, value in compiled.items() if name != "mode"}
    assert held(differing_settings(compiled, without)) == {"mode": (Why.UNKNOWN, "")}
    on = differing(NPU, profile=NPU["profile"].replace("HF32 off", "HF32 on"))
    assert list(fixed(on, ALLOWED)) == [Fixed(Setting("hf32", "off", "on"), Why.ALWAYS)]


def test_another_device_is_not_turned_into_this_one():
    settings = differing_settings(HERE, NPU)
    assert [each.name for each in settings] == ["mode", "arch", "device"]
    assert held(settings) == {"arch": (Why.PROCESSOR, ""), "device": (Why.DEVICE, "")}


def test_packages_are_the_last_to_be_turned():
    assert TURNABLE[-4:] == ("numpy", "transformers", "mindone", "mindspore")
