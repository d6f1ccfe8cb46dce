"""Workers on aarch64, emulated: what their fingerprint says, and which baseline their cases are held to."""

import subprocess

import pytest
from acceptance_digits import REPOSITORY

from harness.execution.runner import Runner
from harness.execution.worker_process import RunError

pytestmark = pytest.mark.emulation


@pytest.fixture(scope="module")
def described(aarch64_python):
    """What workers say on a Neoverse-N1, on an A64FX, which has SVE, and there without the profile's cap."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for cpu, isa in (("neoverse-n1", None), ("a64fx", None), ("a64fx", "SVE_512")):
            patch.setenv("QEMU_CPU", cpu)
            with Runner(python=aarch64_python, isa=isa) as runner:
                found[cpu, isa] = runner.describe()
    return found


def test_the_fingerprint_is_that_of_the_processor_that_is_imitated(described):
    neoverse, a64fx, uncapped = (each.fingerprint for each in described.values())
    assert (neoverse["arch"], neoverse["isa"], neoverse["cores"]) == ("aarch64", "ADVANCED_SIMD", "1")
    assert neoverse["subnormals"] == "taken for zero"
    assert neoverse["cpu_model"] == ("CPU implementer 0x41, CPU variant 0x4, CPU part 0xd0c, CPU revision 1")
    different = {name for name in neoverse if neoverse[name] != a64fx[name]}
    assert different == {"cpu_model"}
    assert uncapped["isa"] == "SVE_512"


def test_the_cap_gives_one_answer_with_and_without_sve(described):
    neoverse, a64fx, uncapped = (each.canaries for each in described.values())
    assert neoverse == a64fx
    changed = {name for name in neoverse if neoverse[name] != uncapped[name]}
    assert changed == {"matmul", "batch_matmul"}


def test_a_cap_of_x86_is_refused_there(aarch64_python):
    with (
        Runner(python=aarch64_python, isa="AVX2") as runner,
        pytest.raises(RunError, match="oneDNN has no ISA AVX2 on aarch64; it has ADVANCED_SIMD, SVE_512"),
    ):
        runner.describe()


def test_its_own_baseline_comes_before_that_of_x86(shipped, aarch64_python):
    arguments = ("suites/ddim.yaml::two-steps", "--harness-python", aarch64_python)
    shipped.environment["QEMU_CPU"] = "neoverse-n1"
    found = shipped.compare(*arguments)
    assert found.verdicts == {"ddim/two-steps": "identical"}, found.text
    shipped.environment["QEMU_CPU"] = "a64fx"
    found = shipped.compare(*arguments)
    assert found.tiers == {"ddim/two-steps": "across_releases"}
    assert found.verdicts["ddim/two-steps"] in ("identical", "within"), found.text
    for file in (shipped.root / "baselines" / "ddim" / "two-steps").glob("cpu-aarch64.*"):
        file.unlink()
    found = shipped.compare(*arguments)
    assert (found.verdicts, found.tiers) == (
        {"ddim/two-steps": "within"},
        {"ddim/two-steps": "across_devices"},
    ), found.text


def test_tests_of_the_package_run_there(aarch64_python):
    done = subprocess.run(
        [aarch64_python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/judgement/test_tiers.py"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_finding_about_aarch64_holds(aarch64_python):
    command = [aarch64_python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "slow", "-k", "aarch64"]
    done = subprocess.run(
        [*command, "tests/pipelines/test_findings.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
