"""`explain --knobs` on planted causes: runs are stand-ins that compute what their settings say.

The same causes with real workers: test_knobs_run.py.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from samples import FINGERPRINT, make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.staleness import BaselineStale
from harness.baselines.store import BaselineStore
from harness.cases.job import JitSettings, Job
from harness.errors import HarnessError, Interrupted, UsageError
from harness.execution.profile import known_isas
from harness.operations import turning
from harness.operations.knobs import Foreseen, SettingsFound, explain_settings
from harness.operations.progress import Progress
from harness.operations.workers import Workers
from harness.releases.installer import InstallError
from harness.releases.interpreters import Subject
from harness.releases.settings import Allowed, Setting
from harness.reporting.settings import foreseen_text, settings_json, settings_text

HERE = {
    "isa": "AVX2", "cores": "1", "launches": "blocking", "mode": "pynative",
    "numpy": "1.26.4", "mindspore": "2.10.0 (aa)",
}  # fmt: skip
THERE = {
    "isa": "SSE41", "cores": "2", "launches": "asynchronous", "mode": "graph",
    "numpy": "1.25.0", "mindspore": "2.9.0 (bb)",
}  # fmt: skip
BUILDS = {"2.10.0": "aa", "2.9.0": "bb"}
ALLOWED = Allowed(("SSE41", "AVX", "AVX2"), 2)
CASE = make_case(tolerance={"across_devices": {"max_abs": 1e-3}})
OUTPUT = make_measurement().output
Settings = dict[str, str]


def fingerprint(settings: Settings) -> Settings:
    pinned = "one core" if settings["cores"] == "1" else "not pinned"
    profile = f"cpu: oneDNN ISA at most {settings['isa']}, {pinned}, {settings['launches']} launches"
    return {**FINGERPRINT, **{k: v for k, v in settings.items() if k != "launches"}, "profile": profile}


@dataclass(frozen=True)
class Planted(Workers):
    """Workers whose runs compute ``effect`` of their settings; ``ran`` has the settings of each run."""

    effect: Callable[[Settings], float] = lambda _: 0.0
    ran: list[Settings] = field(default_factory=list)

    def runner(self):
        return _Runner(self)


class _Runner:
    def __init__(self, workers: Planted) -> None:
        self.workers = workers

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, job: Job):
        own = self.workers
        packages = PYTHONS[own.python or sys.executable]
        conditions = job.conditions
        launches = "asynchronous" if conditions is not None and conditions.asynchronous else "blocking"
        settings = {
            "isa": own.isa or "AVX2", "cores": str(own.cores), "launches": launches, "mode": job.mode,
            "numpy": packages["numpy"],
            "mindspore": f"{packages['mindspore']} ({BUILDS[packages['mindspore']]})",
        }  # fmt: skip
        own.ran.append(settings)
        output = OUTPUT + np.float32(own.effect(settings))
        return make_measurement(output, fingerprint=fingerprint(settings))


PYTHONS: dict[str, dict[str, str]] = {}
OWN = {"numpy": "1.26.4", "mindspore": "2.10.0", "safetensors": "0.4"}


@pytest.fixture(autouse=True)
def interpreters(monkeypatch):
    """This interpreter, and those that environments are made of; the list has what was made."""
    PYTHONS.clear()
    PYTHONS[sys.executable] = OWN
    made = []

    def ensure(self, specifications, progress):
        (wanted,) = specifications
        made.append(str(wanted))
        pins = dict(each.split("==") for each in (str(wanted.release), *wanted.overrides))
        PYTHONS[f"made {wanted}"] = pins
        return [Subject("made", f"made {wanted}", pins, made=True)]

    def inspect(python):
        return Subject(python, python, PYTHONS[python])

    monkeypatch.setattr(turning, "inspect_interpreter", inspect)
    monkeypatch.setattr(turning.Environments, "ensure", ensure)
    monkeypatch.setattr(turning.Environments, "find", lambda self, specification: None)
    return made


class Told(Progress):
    def __init__(self) -> None:
        self.foreseen: list[Foreseen] = []
        self.names: list[str] = []

    def finished(self, result: Foreseen) -> None:
        self.foreseen.append(result)

    def started(self, name: str) -> None:
        self.names.append(name)


@pytest.fixture
def explained(tmp_path):
    """Explain from HERE a baseline with the settings ``there``, whose output is moved by ``effect``."""

    def explain(effect, there=THERE, *, case=CASE, progress=None, moved=0.0, **how) -> SettingsFound:
        store = BaselineStore(tmp_path / "baselines")
        recorded = replace(case, mode=there["mode"])
        output = OUTPUT + np.float32(effect(there) + moved)
        store.write(make_baseline(recorded, make_measurement(output, fingerprint=fingerprint(there))))
        workers = Planted(effect=effect)
        found = explain_settings(
            case, workers, store, environments=tmp_path / "environments", allowed=ALLOWED,
            progress=progress or Told(), **how,
        )  # fmt: skip
        explain.ran = workers.ran
        return found

    return explain


def one(name):
    return lambda settings: 0.1 * (settings[name] == THERE[name])


def both(*names):
    return lambda settings: 0.1 * all(settings[name] == THERE[name] for name in names)


WORDS = {
    "isa": "the instruction set (ISA) alone: with SSE41",
    "cores": "the visible cores alone: with 2 cores",
    "launches": "the launch mode alone: with asynchronous launches",
    "mode": "the mode alone: in graph mode",
    "numpy": "numpy alone: with numpy 1.25.0",
    "mindspore": "MindSpore alone: with MindSpore 2.9.0",
}


@pytest.mark.parametrize("name", list(WORDS))
def test_each_single_cause_among_six_settings(explained, name):
    found = explained(one(name))
    assert (found.conclusion, found.bits.alone, found.explained) == ("alone", (name,), True)
    text = settings_text(found)
    assert text.splitlines()[0].endswith(f": {WORDS[name]} the bits are those of the baseline"), text
    # As it is, twice; each alone; all together: no combination runs twice.
    assert explained.ran[:2] == [HERE, HERE]
    rest = explained.ran[2:]
    assert rest == [*({**HERE, each: THERE[each]} for each in THERE), THERE]
    assert (found.here.verdict.value, found.of(name).verdict.value) == ("drift", "identical")


@pytest.mark.parametrize("pair", [("isa", "cores"), ("launches", "numpy"), ("mode", "mindspore")])
def test_a_pair_that_works_only_together(explained, pair):
    found = explained(both(*pair))
    assert (found.conclusion, found.bits.together, found.bits.smallest) == ("together", pair, True)
    text = settings_text(found)
    assert ", only together: " in text.splitlines()[0]
    assert "note: no smaller set of settings does the same, so none of them can be left out" in text
    assert len(explained.ran) == len({tuple(each.values()) for each in explained.ran}) + 1


def test_a_pair_of_which_either_is_enough(explained):
    # The drift needs both settings of here, so turning back one of them ends it.
    found = explained(
        lambda settings: 0.1 * (settings["cores"] == "1" and settings["launches"] == "blocking")
    )
    assert found.bits.alone == ("cores", "launches")
    told = "the visible cores alone, or the launch mode alone: with 2 cores, or with asynchronous launches"
    assert f"{told} the bits are those of the baseline" in settings_text(found)


def test_a_difference_that_does_not_matter(explained):
    found = explained(one("cores"), {**HERE, "isa": "SSE41"})
    assert (found.conclusion, found.explained, len(explained.ran)) == ("nothing", False, 2)
    assert "nothing differs: the bits here are those of the baseline" in settings_text(found)


def test_settings_that_work_against_each_other(explained):
    found = explained(
        lambda settings: 0.1 * ((settings["isa"] == "SSE41") != (settings["cores"] == "2")),
        {**HERE, "isa": "SSE41", "cores": "1"},
        moved=0.0,
    )
    assert found.bits.alone == ("isa",)
    # The baseline's effect is moved by one of the two, and not by both.
    found = explained(
        lambda settings: 0.0 if settings == {**HERE, "isa": "SSE41"} else 0.1,
        {**HERE, "isa": "SSE41", "cores": "2"},
        moved=-0.1,
    )
    assert (found.bits.alone, found.bits.all_of_them) == (("isa",), False)
    told = "note: all settings together do not do the same: they work against each other"
    assert told in settings_text(found)


def test_none_of_the_settings(explained):
    found = explained(lambda settings: 0.0, moved=0.1)
    assert (found.conclusion, found.explained) == ("none", False)
    assert (found.bits.all_of_them, found.verdicts.all_of_them) == (False, False)
    first, *rest = settings_text(found).splitlines()
    told = "not the settings that can be turned back: none of them brings the bits of the baseline. "
    assert first.endswith(f"{told}The cause is the pipeline's code, or what cannot be turned back")
    assert "all that can be turned back, together: other bits, drift" in rest
    assert "note: harness explain without --knobs says where the difference begins" in rest


def test_a_setting_that_ends_the_drift_but_does_not_bring_the_bits(explained):
    # As on another model of the CPU: the rest is rounding.
    found = explained(one("launches"), moved=1e-5)
    assert (found.conclusion, found.bits.found, found.verdicts.alone) == ("alone", False, ("launches",))
    text = settings_text(found)
    assert ": the launch mode alone: with asynchronous launches the case passes" in text
    assert (
        "note: no setting brings the bits of the baseline; these end the drift by the case's limits" in text
    )
    assert "other bits, within" in text
    together = explained(both("launches", "cores"), moved=1e-5)
    assert together.verdicts.together == ("cores", "launches")
    # What ran for the bits is not run again for the verdict.
    assert len(explained.ran) == len({tuple(each.values()) for each in explained.ran}) + 1


def test_all_runs_are_judged_by_the_limits_between_the_two_environments(explained):
    """The same tier for all: else turning the cores back would change the limits, and so the verdict."""
    case = make_case(tolerance={"across_devices": {"max_abs": 1e-3}, "across_releases": {"max_abs": 0.5}})
    there = {**HERE, "cores": "2", "numpy": "1.25.0"}
    found = explained(lambda settings: 0.0, there, case=case, moved=0.1)
    assert found.tier.value == "across_devices"
    assert found.of("cores").verdict.value == "drift"


def test_what_this_system_does_not_allow_is_named(explained):
    there = {**THERE, "isa": "AVX512_CORE", "cores": "8", "cpu_model": "another"}
    found = explained(one("isa"), there)
    lines = settings_text(found).splitlines()
    (isa,) = [line for line in lines if "(ISA)" in line]
    assert isa.endswith("cannot be turned back: this processor does not have it; its widest is AVX2")
    (cores,) = [line for line in lines if line.startswith("  visible cores")]
    assert cores.endswith("cannot be turned back: this process may run on 2 of them")
    assert any(line.endswith("cannot be turned back: it belongs to the processor") for line in lines)
    assert [each.name for each in found.settings] == ["launches", "mode", "numpy", "mindspore"]


def test_nothing_can_be_turned_back(explained):
    there = {**HERE, "isa": "AVX512_CORE"}
    found = explained(lambda settings: 0.1 * (settings["isa"] == "AVX512_CORE"), there)
    assert (found.conclusion, found.explained, len(explained.ran)) == ("fixed", False, 2)
    assert settings_text(found).splitlines()[0].endswith(": nothing that differs can be turned back here")


def test_no_setting_differs_but_the_bits_do(explained):
    found = explained(lambda settings: 0.0, HERE, moved=0.1)
    assert (found.conclusion, len(explained.ran)) == ("fixed", 2)
    told = "no setting differs, so none is the cause: the bits differ in the same environment"
    assert told in settings_text(found)


def test_a_case_that_does_not_repeat(explained):
    runs = iter(range(100))
    found = explained(lambda settings: 0.1 * next(runs))
    assert (found.conclusion, found.explained) == ("repetition", False)
    assert len(explained.ran) == 2
    assert "the case does not repeat, so no setting can be told from chance" in settings_text(found)


def test_a_release_that_cannot_be_had(explained, monkeypatch):
    asked = []

    def ensure(self, specifications, progress):
        asked.extend(specifications)
        raise InstallError("there is no such release")

    monkeypatch.setattr(turning.Environments, "ensure", ensure)
    explained(one("cores"), {**HERE, "cores": "2", "numpy": "1.25.0"})
    # Alone, and together with the cores: what cannot be had is asked for once.
    assert len(asked) == 1
    asked.clear()
    found = explained(one("cores"))
    assert found.bits.alone == ("cores",)
    assert {each.setting.name: each.told for each in found.fixed} == dict.fromkeys(
        ("numpy", "mindspore"), "there is no such release"
    )
    assert "cannot be turned back: there is no such release" in settings_text(found)
    assert len(asked) == len(set(asked)) == 3
    # Two of the others are found without them.
    found = explained(both("isa", "mode"))
    assert found.bits.together == ("isa", "mode")
    told = "the instruction set (ISA), the visible cores, the launch mode and the mode, together: the bits of"
    assert told in settings_text(found)


def test_environments_are_made_like_this_one(explained, interpreters):
    explained(one("numpy"))
    assert interpreters == [
        "mindspore==2.10.0 with numpy==1.25.0 with safetensors==0.4",
        "mindspore==2.9.0 with numpy==1.26.4 with safetensors==0.4",
        "mindspore==2.9.0 with numpy==1.25.0 with safetensors==0.4",
    ]


def test_packages_that_a_pipeline_of_the_user_needs(explained, interpreters):
    explained(one("numpy"), {**HERE, "numpy": "1.25.0"}, extras=["einops"])
    assert interpreters == ["mindspore==2.10.0 with einops with numpy==1.25.0 with safetensors==0.4"]
    with pytest.raises(UsageError, match=r"--with '\?' is not a requirement"):
        explained(one("numpy"), {**HERE, "numpy": "1.25.0"}, extras=["?"])


def test_only_cases_of_mindone_get_its_packages(explained, interpreters, monkeypatch):
    more = {"mindone": "0.5.0", "transformers": "4.57.1", "tokenizers": "0.22"}
    monkeypatch.setitem(PYTHONS, sys.executable, {**OWN, **more})
    there = {**HERE, "numpy": "1.25.0"}
    explained(one("numpy"), there)
    honest = fingerprint
    monkeypatch.setitem(
        globals(), "fingerprint", lambda settings: {**honest(settings), "mindone": "0.5.0 (ab)"}
    )
    explained(one("numpy"), there)
    assert interpreters == [
        "mindspore==2.10.0 with numpy==1.25.0 with safetensors==0.4",
        "mindspore==2.10.0 with mindone==0.5.0 with numpy==1.25.0 with safetensors==0.4 "
        "with tokenizers==0.22 with transformers==4.57.1",
    ]


def test_a_build_that_no_index_has(explained, interpreters):
    found = explained(one("cores"), {**THERE, "mindspore": "local (bb)"})
    (held,) = found.fixed
    assert (held.setting.name, held.why.value) == ("mindspore", "failed")
    assert "'mindspore==local' is not a release" in held.told
    assert found.bits.alone == ("cores",)


def test_settings_of_an_npu_are_turned_back_by_their_variables(tmp_path):
    """Not on an NPU: what the job of such a run asks for."""
    case = make_case(mode="graph", jit=JitSettings(level="O1"))
    here = {**FINGERPRINT, "mode": "graph"}
    settings = (
        Setting("jit", "level O1", None), Setting("level", "1", "3"), Setting("hccl", "true", "strict"),
    )  # fmt: skip
    recorded = make_baseline(replace(case, jit=None))
    turning_back = turning.Turning(case, recorded, Planted(), here, settings, None)
    job = turning_back.job({"level": "3", "hccl": "strict"})
    assert job.conditions.variables == {"HARNESS_DETERMINISTIC_LEVEL": "3", "HCCL_DETERMINISTIC": "strict"}
    assert job.jit == JitSettings(level="O1")
    job = turning_back.job({"jit": None})
    assert (job.mode, job.jit, job.conditions) == ("graph", None, None)


def test_what_this_system_allows(monkeypatch):
    allowed = turning.allowed_here()
    assert set(allowed.isas) <= set(known_isas())
    assert allowed.cores == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert turning.allowed_here().cores is None


@pytest.mark.parametrize(
    ("isa", "cap"),
    [("SSE41", "SSE41"), ("AVX2", "AVX2"), ("ADVANCED_SIMD", "ADVANCED_SIMD"), ("SVE_256", "SVE_512")],
)
def test_the_cap_that_leaves_an_instruction_set(isa, cap):
    assert turning.cap_of(isa) == cap


def test_interpreters_that_are_given_are_used(explained, interpreters):
    PYTHONS["old numpy"] = {**OWN, "numpy": "1.25.0"}
    PYTHONS["both old"] = {"numpy": "1.25.0", "mindspore": "2.9.0"}
    assert explained(one("numpy"), others=["old numpy", "both old"]).bits.alone == ("numpy",)
    assert interpreters == ["mindspore==2.9.0 with numpy==1.26.4 with safetensors==0.4"]


def test_against_another_interpreter(explained, interpreters):
    PYTHONS["other"] = {"numpy": "1.25.0", "mindspore": "2.9.0"}
    found = explained(one("mindspore"), python="other")
    assert found.reference == "a run under other (MindSpore 2.9.0)"
    assert [each.name for each in found.settings] == ["numpy", "mindspore"]
    assert "MindSpore alone: with MindSpore 2.9.0 the bits are those of the reference" in settings_text(found)
    # For both, the interpreter is there.
    assert len(interpreters) == 2


def test_against_another_interpreter_by_the_stored_calibration(explained, tmp_path):
    PYTHONS["other"] = {"numpy": "1.25.0", "mindspore": "2.10.0"}
    case = make_case()
    workers = Planted(effect=one("numpy"))
    store = BaselineStore(tmp_path / "baselines")
    found = explain_settings(case, workers, store, python="other", allowed=ALLOWED)
    assert found.here.verdict.value == "incomparable"
    store.write(replace(make_baseline(case), calibration=make_calibration()))
    found = explain_settings(case, workers, store, python="other", allowed=ALLOWED)
    assert found.here.verdict.value == "drift"


def test_a_run_without_the_settings_that_were_asked_for_counts_as_none(explained):
    # An environment that has another numpy than its metadata says.
    PYTHONS["wrong"] = {**OWN, "numpy": "1.25.0"}
    there = {**HERE, "numpy": "1.25.0", "isa": "SSE41"}

    class Wrong(dict):
        def __getitem__(self, name):
            return "1.24.0" if name == "numpy" else super().__getitem__(name)

    PYTHONS["wrong"] = Wrong(PYTHONS["wrong"])
    found = explained(one("isa"), there, others=["wrong"])
    assert "numpy is 1.24.0 in this run, and was to be 1.25.0" in str(found.of("numpy").error)
    assert found.bits.alone == ("isa",)
    assert "no result: numpy is 1.24.0 in this run, and was to be 1.25.0" in settings_text(found)


def test_a_setting_that_moves_another_one_counts_as_none(explained, monkeypatch):
    honest = _Runner.run

    def run(self, job):
        measured = honest(self, job)
        libc = "another" if self.workers.isa else "this"
        return replace(measured, fingerprint={**measured.fingerprint, "libc": libc})

    monkeypatch.setattr(_Runner, "run", run)
    found = explained(one("isa"))
    assert "libc is another in this run, but this without the change" in str(found.of("isa").error)
    assert not found.bits.found


def test_a_case_that_fails_with_a_setting(explained):
    def effect(settings):
        if settings["mode"] == "graph" and settings["cores"] == "1":
            raise HarnessError("it does not compile")
        return both("mode", "cores")(settings)

    found = explained(effect)
    assert found.bits.together == ("cores", "mode")
    assert "no result: it does not compile" in settings_text(found)
    # What does not run might have done it.
    assert "note: no smaller set of settings that runs does the same" in settings_text(found)


def test_the_runs_are_limited(explained):
    found = explained(both("isa", "mindspore"), most=3)
    assert (found.conclusion, found.explained, len(found.tried)) == ("undecided", False, 3)
    assert "not decided in 3 runs: allow more with --max-runs" in settings_text(found)
    assert "not tried" in settings_text(found)
    found = explained(both("isa", "mindspore"), most=8)
    assert found.conclusion == "together"
    told = "note: a smaller set may do the same: the search ended early, allow more runs with --max-runs"
    assert told in settings_text(found)


def test_what_is_foreseen(explained):
    told = Told()
    explained(one("cores"), progress=told, most=20)
    (foreseen,) = told.foreseen
    assert (foreseen.least, foreseen.most, foreseen.made) == (7, 20, ("numpy", "mindspore"))
    text = foreseen_text(replace(foreseen, seconds=9.4))
    assert "; 7 to 20 runs of about 9 s; environments to make (2.8 GB each) for: numpy, MindSpore" in text
    assert "guide/two-steps with isa, cores, launches, mode, numpy, mindspore turned back" in told.names
    told = Told()
    explained(one("cores"), {**HERE, "cores": "2"}, progress=told)
    assert (
        foreseen_text(replace(told.foreseen[0], seconds=9))
        == "to turn back: the visible cores; 1 run of about 9 s"
    )


def test_a_baseline_of_another_case(explained, tmp_path):
    edited = replace(CASE, steps=3)
    store = BaselineStore(tmp_path / "baselines")
    store.write(make_baseline(CASE))
    with pytest.raises(BaselineStale, match="steps: 2 -> 3"):
        explain_settings(edited, Planted(), store, allowed=ALLOWED)


def test_an_interrupt_while_an_environment_is_made(explained, monkeypatch, tmp_path):
    folders = []

    def ensure(self, specifications, progress):
        folders.append(self.root / specifications[0].name)
        (folders[0] / "venv").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(turning.Environments, "ensure", ensure)
    with pytest.raises(Interrupted, match="nothing was written but environments that are complete"):
        explained(one("numpy"))
    assert folders[0].parent == tmp_path / "environments"
    assert list(folders[0].parent.iterdir()) == []


def test_an_interrupt(explained):
    def effect(settings):
        if settings["isa"] == "SSE41" and settings["cores"] == "1":
            raise KeyboardInterrupt
        return one("cores")(settings)

    with pytest.raises(Interrupted, match="nothing was written but environments that are complete"):
        explained(effect)


def test_json(explained):
    found = json.loads(settings_json(explained(both("isa", "cores"), {**THERE, "cpu_model": "another"})))
    assert (found["conclusion"], found["explained"], found["tier"]) == ("together", True, "across_devices")
    assert found["bits"] == {
        "alone": [], "together": ["isa", "cores"], "all_of_them": True, "smallest": True, "complete": True,
    }  # fmt: skip
    assert found["settings"][0] == {"name": "isa", "here": "AVX2", "there": "SSE41"}
    assert found["fixed"] == [
        {"name": "cpu_model", "here": "a processor", "there": "another", "why": "processor", "told": ""}
    ]
    assert found["tried"][0] == {"turned": ["isa"], "same": False, "verdict": "drift", "error": None}
    assert found["verdicts"] is None


def test_a_wrong_interpreter_is_wrong_usage(explained, monkeypatch):
    def inspect(python):
        raise UsageError(f"{python}: no such interpreter")

    monkeypatch.setattr(turning, "inspect_interpreter", inspect)
    with pytest.raises(UsageError, match="no such interpreter"):
        explained(one("cores"), others=["nowhere"])
