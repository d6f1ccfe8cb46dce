"""Settings in force: a process that is pinned, and one whose settings were changed afterwards."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.execution.in_force import NotEstablished, settings_in_force

PINNED = """
import json, os
import harness
from harness.execution.in_force import settings_in_force, unpinned

cores = os.sched_getaffinity(0)
without = settings_in_force()
harness.pin()
harness.pin()
import mindspore as ms

def attempt(function):
    try:
        return function()
    except harness.HarnessError as error:
        return str(error).splitlines()[0]

told = {"without": without, "pinned": settings_in_force(), "other": attempt(lambda: harness.pin("Ascend"))}
ms.set_context(mode=ms.GRAPH_MODE)
ms.set_deterministic(True)
told["graph"] = settings_in_force()
with unpinned():
    told["unpinned"] = sorted(os.sched_getaffinity(0)) == sorted(cores), os.environ.get("ONEDNN_MAX_CPU_ISA")
told["again"] = settings_in_force() == told["graph"]
if len(cores) > 1:
    os.sched_setaffinity(0, cores)
    told["cores"] = attempt(settings_in_force)
    os.sched_setaffinity(0, {min(cores)})
os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE"
told["isa"] = attempt(settings_in_force)
print("told:" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def told():
    done = subprocess.run([sys.executable, "-c", PINNED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.partition("told:")[2])


def test_a_pinned_process_has_the_fingerprint_of_a_worker(told):
    pinned = told["pinned"]
    assert pinned["cores"] == "1"
    assert pinned["profile"] == "cpu: oneDNN ISA at most AVX2, one core, blocking launches"
    assert (pinned["mode"], pinned["deterministic"]) == ("pynative", "OFF")
    assert (told["graph"]["mode"], told["graph"]["deterministic"]) == ("graph", "ON")
    assert "already" in told["other"]


def test_a_process_without_mindspore_needs_no_pin(told):
    without = told["without"]
    assert without["cores"] == str(len(os.sched_getaffinity(0)))
    assert without["mode"] == "eager"
    assert "mindspore" not in without


def test_what_a_pinned_process_starts_can_find_what_it_found(told):
    assert told["unpinned"] == [True, os.environ.get("ONEDNN_MAX_CPU_ISA")]
    assert told["again"]


@pytest.mark.parametrize("used", ["cuda", "npu", "xpu", None])
def test_torch_on_an_accelerator_is_not_torch_on_the_cpu(monkeypatch, used):
    kinds = {name: SimpleNamespace(is_initialized=lambda name=name: name == used) for name in ("cuda", "npu")}
    if used == "xpu":
        kinds["xpu"] = SimpleNamespace(is_initialized=lambda: True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(**kinds))
    # Another test may have imported it, without pin.
    monkeypatch.delitem(sys.modules, "mindspore", raising=False)
    if used is None:
        assert settings_in_force()["device"] == "CPU"
        return
    with pytest.raises(NotEstablished, match=rf"torch has used an accelerator \({used}\)"):
        settings_in_force()


def test_settings_that_were_changed_afterwards_are_not_established(told):
    assert "ONEDNN_MAX_CPU_ISA is not AVX2" in told["isa"]
    if len(os.sched_getaffinity(0)) > 1:
        assert "cores are visible, not one" in told["cores"]
