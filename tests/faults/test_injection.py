"""Faults in real runs: each one is there, only where it says, and gone with its run."""

import pytest
from faulty_jobs import TESTS, bits, job, write_checkpoint

from harness.execution.messages import Context
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed
from harness.faults.catalogue import FAULTS, FaultNotApplicable

# Where the fault has nothing to change in a single image of one channel by DDIM, a case in which it has.
CASES = {
    "channel-order": {"checkpoint": "three-channels"},
    "channel-swap": {"checkpoint": "three-channels"},
    "shared-generator": {"seeds": (0, 1)},
    "variance-type": {"pipeline": "ddpm"},
}
# What changes beside the output and the latents. `noise-scaled` is not in it: the ledger cannot see it.
LEDGER = {
    "other-seed", "other-bit-generator", "float32-draw", "draw-order", "channel-order", "extra-draw",
    "shared-generator", "eta",
}  # fmt: skip
TIMESTEPS = {"timestep-spacing", "timestep-off-by-one"}
MODEL_FAULTS = [known.name for known in FAULTS if known.family == "model"]


@pytest.fixture(scope="module")
def folder(mindspore, tmp_path_factory):
    """Where the checkpoint with three channels, learned timesteps and zero biases lies."""
    base = tmp_path_factory.mktemp("faults")
    write_checkpoint(base / "three-channels", {"_class_name": "DDPMScheduler"})
    thresholding = {
        "_class_name": "DDPMScheduler",
        "thresholding": True,
        "beta_schedule": "squaredcos_cap_v2",
    }
    write_checkpoint(base / "thresholding", thresholding)
    return base


@pytest.fixture(scope="module")
def runner():
    with Runner(import_paths=[TESTS], timeout=120) as runner:
        yield runner


@pytest.fixture(scope="module")
def run(runner, folder):
    """Run a job and return its measurement; sound ones run once."""
    sound = {}

    def run(fault=None, size=None, **changes):
        case = {"base": str(folder), **changes}
        if fault is not None or case.pop("again", False):
            return runner.run(job(fault, size, **case))
        key = repr(sorted(case.items()))
        if key not in sound:
            sound[key] = runner.run(job(**case))
        return sound[key]

    return run


class TestInAWorkerThatServesAll:
    """Each fault is gone with its run: the sound run repeats after all of them, and nothing adds up."""

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def gone(run):
        cases = [{}, *CASES.values()]
        sound = [bits(run(**case)) for case in cases]
        yield
        assert [bits(run(again=True, **case)) for case in cases] == sound

    @pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.name)
    def test_a_fault_is_noticed(self, run, known):
        case = CASES.get(known.name, {})
        sound, faulty = bits(run(**case)), bits(run(known.name, **case))
        changed = {name for name in sound if faulty[name] != sound[name]}
        expected = {"output"} if known.family == "output" else {"output", "latents"}
        expected |= {"draws"} if known.name in LEDGER else set()
        expected |= {"timesteps"} if known.name in TIMESTEPS else set()
        assert changed == expected

    @pytest.mark.parametrize(
        "known", [k for k in FAULTS if k.sized and k.name != "eta"], ids=lambda k: k.name
    )
    def test_size_0_leaves_the_bits_alone(self, run, known):
        assert bits(run(known.name, 0)) == bits(run())


def test_size_0_of_eta_leaves_the_bits_of_fresh_noise_alone(run):
    case = {"arguments": {"eta": 0.9}}
    assert bits(run("eta", 0, **case)) == bits(run(**case))
    assert bits(run("eta", 0)) == bits(run())
    # Beyond 1 there is no eta.
    assert bits(run("eta", 0.2, **case)) == bits(run(arguments={"eta": 0.9 - 0.2}))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[] if name in ("weight-scaled", "layer-half", "skip-dropped") else pytest.mark.slow
        )
        for name in MODEL_FAULTS
    ],
)
def test_a_fault_of_a_compiled_model_has_the_bits_of_the_same_in_pynative(run, name):
    sound = bits(run(mode="graph"))
    faulty = bits(run(name, mode="graph"))
    assert faulty == bits(run(name))
    assert faulty != sound
    assert bits(run(again=True, mode="graph")) == sound


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["weight-scaled", "norm-eps", "softmax-half", "beta-end", "quantised"])
def test_a_fault_in_half_precision(run, name, dtype):
    sound = bits(run(dtype=dtype))
    assert bits(run(name, dtype=dtype)) != sound
    assert bits(run(again=True, dtype=dtype)) == sound


@pytest.mark.parametrize(
    ("name", "case", "reason"),
    [
        ("weights-half", {"dtype": "float16"}, "computes in half precision already"),
        ("layer-half", {"dtype": "float16"}, "computes in half precision already"),
        ("time-embedding-half", {"dtype": "float16"}, "computes in half precision already"),
        ("weights-half", {"dtype": "bfloat16"}, "computes in half precision already"),
        ("channel-order", {}, "no noise .* of more than one channel"),
        ("channel-swap", {}, "one channel"),
        ("shared-generator", {}, "takes a batch"),
        ("variance-type", {}, "only DDPM has it, the pipeline runs DDIMScheduler"),
        ("eta", {"pipeline": "ddpm"}, "only DDIM has it"),
        ("final-alpha", {"pipeline": "ddpm"}, "only DDIM has it"),
        ("timestep-spacing", {"steps": 1000}, "1000 timesteps are the same by every rule"),
        ("timestep-off-by-one", {"steps": 1000}, "visits every training timestep"),
        ("attention-scale", {"checkpoint": "three-channels"}, "no attention"),
        ("softmax-half", {"checkpoint": "three-channels"}, "no attention"),
        ("bias-zeroed", {"checkpoint": "three-channels"}, "no bias"),
        ("time-embedding-swapped", {"checkpoint": "three-channels"}, "no sines and cosines"),
        ("time-embedding-shifted", {"checkpoint": "three-channels"}, "no sines and cosines"),
        ("clip-sample", {"checkpoint": "thresholding"}, "thresholds in its place"),
        ("beta-end", {"checkpoint": "thresholding"}, "no beta_end"),
    ],
)
def test_a_case_without_what_the_fault_would_change_says_so(run, name, case, reason):
    with pytest.raises(FaultNotApplicable, match=f"suite/case: {name}: .*{reason}"):
        run(name, **case)


def test_a_fault_that_is_not_applicable_costs_no_worker_and_changes_nothing(run, runner):
    sound = bits(run())
    pid = runner._workers[Context("pynative", "float32")].pid
    for name, case in (
        ("timestep-off-by-one", {"steps": 1000}),
        ("channel-order", {}),
        ("eta", {"pipeline": "ddpm"}),
    ):
        with pytest.raises(FaultNotApplicable):
            run(name, **case)
    assert bits(run(again=True)) == sound
    assert runner._workers[Context("pynative", "float32")].pid == pid


def test_a_run_that_breaks_off_leaves_a_sound_scheduler(run):
    sound = bits(run())
    with pytest.raises(CaseFailed, match="num_inference_steps is 1001"):
        run("beta-end", steps=1001)
    assert bits(run(again=True)) == sound


USERS = {"pipeline": "pipelines_for_tests:sound", "checkpoint": None, "base": str(TESTS)}


@pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.name)
def test_a_users_pipeline_takes_faults_of_its_noise_and_its_output(run, known):
    sound = bits(run(**USERS))
    if known.family in ("scheduler", "model"):
        with pytest.raises(FaultNotApplicable, match=r"has no unet|no scheduler of a known kind"):
            run(known.name, **USERS)
    elif known.name in ("channel-order", "channel-swap", "shared-generator"):
        with pytest.raises(FaultNotApplicable):
            run(known.name, **USERS)
    else:
        assert bits(run(known.name, **USERS))["output"] != sound["output"]
        assert bits(run(again=True, **USERS)) == sound


def test_the_images_run_one_by_one_have_the_fault_too(run):
    batch = {"seeds": (0, 1), "singles": True}
    sound = run(**batch)
    for name in ("other-seed", "beta-end", "weight-scaled", "brightness", "shared-generator"):
        faulty = run(name, **batch)
        apart = abs(faulty.output - faulty.singles).max()
        if name == "shared-generator":
            # Alone, each image has its own generator: this is what a limit on batch consistency is for.
            assert faulty.singles.tobytes() == sound.singles.tobytes()
            assert apart > 0.1
        else:
            assert faulty.singles.tobytes() != sound.singles.tobytes()
            assert apart < 1e-5


def test_a_calibration_member_can_have_a_fault_but_not_of_its_noise(run):
    member, faulty = run(perturbation=1), run("beta-end", perturbation=1)
    assert member.ledger == faulty.ledger
    assert member.output.tobytes() != faulty.output.tobytes()
    with pytest.raises(CaseFailed, match="other-seed: the noise is perturbed already"):
        run("other-seed", perturbation=1)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("beta-ned", None, "did you mean beta-end"),
        ("beta-end", -1.0, "give 0 to 1"),
        ("other-seed", 1.0, "no size"),
    ],
)
def test_a_fault_that_is_not_in_the_catalogue(run, name, size, message):
    with pytest.raises(CaseFailed, match=message):
        run(name, size)
