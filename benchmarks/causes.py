"""How often the first cause, the step, the component and the cell of a drift are named right, as a table.

Usage: python -m benchmarks.causes [GROUP ...] [--kinds NAME ...] [--results FILE] [--write docs/explain.md]

The groups are ``core`` (every fault of the catalogue in the digits model), ``float32`` and ``float16``
(mistakes of :mod:`benchmarks.faulty_pipelines` in mindone's Stable Diffusion). Each mistake is explained
against a sound run, as `harness explain --python` and `--code` do, with the calibration of the sound run, and
what is told is compared with where the mistake is. Each is also judged against the sound run by the limits
across releases. Results are added to FILE, so that groups can run one by one. With --write the table replaces
what stands between the two markers in that file.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between
from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Decoding, Job
from harness.cases.tolerance import Tolerance
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS
from harness.judgement.calibration.envelope import Member, make_calibration
from harness.judgement.judgement import Verdict
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge
from harness.operations.decoding import with_decoder_of
from harness.operations.explain import explain_against_run
from harness.operations.explaining import Explanation
from harness.reporting.causes import cause_line
from harness.tracing.trace import DeepTrace

ROOT = Path(__file__).parents[1]
START, END = "<!-- table: benchmarks/causes.py -->", "<!-- end of table -->"
MEMBERS, STEPS = 5, 3
MODULE = "faulty_pipelines"


@dataclass(frozen=True)
class Place:
    """Where a mistake is: what the first cause must be, and what must be concluded.

    ``first`` are the kinds of cause that are right as the first one, ``named`` is what it must name.
    ``component`` and the pattern ``cell`` are those of the finding, None where there is none to name.
    ``step`` is the step to look into, ``STEPS`` for what follows the last one; None if rounding decides which
    one it is.
    """

    first: tuple[str, ...]
    conclusion: tuple[str, ...]
    step: int | None = None
    component: str | None = None
    cell: str | None = None
    named: str = ""


# In mindone's Stable Diffusion. See benchmarks/faulty_pipelines.py.
PLACES: dict[str, Place] = {
    "parameter-element": Place(
        ("inputs",), ("inputs", "cell"), 0, "unet", "down_blocks.0.resnets.0.conv1", "conv1"
    ),
    "parameter-scaled": Place(
        ("inputs",), ("inputs", "cell"), 0, "unet", "up_blocks.1.resnets.0.conv2", "conv2"
    ),
    "scheduler-constant": Place(("schedule",), ("scheduler",), 1, "scheduler"),
    "table-in-float64": Place(("schedule",), ("scheduler",), None, "scheduler"),
    "timestep": Place(("model input",), ("model input",), 0, "unet", named="timestep"),
    "guidance": Place(("prediction",), ("prediction",), 0, "scheduler", named="model_output"),
    "mask": Place(("model input",), ("model input",), 0, "text_encoder", named="attention_mask"),
    "embeddings": Place(("model input",), ("model input",), 0, "text_encoder"),
    "noise-scale": Place(("model input",), ("initial latents",), 0, "unet", named="sample"),
    "noise-cast": Place(("model input",), ("initial latents",), 0, "unet", named="sample"),
    "state": Place(("repetition",), ("repetition",)),
    "vae-eps": Place(("model",), ("cell", "model"), STEPS, "vae", r"decoder\..*norm\w*", "norm"),
    "vae-scaling": Place(("model",), ("model input",), STEPS, "vae", named="scaling_factor"),
    "denormalise": Place(("output",), ("output",), STEPS, "output"),
    "clamp": Place(("output",), ("output",), STEPS, "output"),
    "uint8": Place(("output",), ("output",), STEPS, "output"),
    "gamma": Place(("output",), ("output",), STEPS, "output"),
}
_MIDDLE = "up_blocks.0.resnets.0"
# The cells of the catalogue's faults in the digits model; see harness.faults.model.
CELLS = {
    "weight-scaled": f"{_MIDDLE}.conv2",
    "bias-zeroed": f"{_MIDDLE}.conv2",
    "layer-half": f"{_MIDDLE}.conv2",
    "norm-groups": f"{_MIDDLE}.norm2",
    "skip-dropped": "up_blocks.1.resnets.0",
    "attention-scale": "mid_block.attentions.0",
    "softmax-half": "mid_block.attentions.0",
    # Everywhere: the first that runs. The approximation is sound for the small values of the embedding.
    "weights-half": "time_embedding.linear_1",
    "norm-eps": "down_blocks.0.resnets.0.norm1",
    "activation-approximated": "down_blocks.0.resnets.0.act",
    "time-embedding-swapped": "time_proj",
    "time-embedding-half": "time_proj",
    "time-embedding-shifted": "time_proj",
}
_PARAMETERS = ("weight-scaled", "bias-zeroed", "weights-half")


def _catalogued(name: str, family: str) -> Place:
    if family == "noise":
        if name == "noise-scaled":
            return Place(("model input",), ("initial latents",), 0, "unet", named="sample")
        return Place(("randomness",), ("randomness",))
    if family == "model":
        first = ("numerics", "inputs") if name in _PARAMETERS else ("numerics",)
        return Place(first, ("cell", "inputs"), 0, "unet", CELLS[name])
    if family == "output":
        return Place(("output",), ("output",))
    if name in ("timestep-spacing", "timestep-off-by-one"):
        return Place(("schedule",), ("schedule",))
    if name == "eta":
        return Place(("randomness",), ("scheduler",), 0, "scheduler")
    step = STEPS - 1 if name == "final-alpha" else None if name == "alpha-of-one-step" else 0
    return Place(("schedule", "numerics"), ("scheduler",), step, "scheduler")


@dataclass(frozen=True)
class Told:
    """What was told of one mistake, and whether each part is right; None where there is nothing to name."""

    caught: bool
    told: str
    first: bool
    step: bool | None
    component: bool | None
    cell: bool | None


class Side:
    """A runner of jobs that ``change`` makes, all in one worker, which answers each sound job once."""

    def __init__(
        self, runner: Runner, change: Callable[[Job], Job], answers: dict[str, Any], *, repeats: bool = True
    ) -> None:
        self._runner, self._change, self._answers, self._repeats = runner, change, answers, repeats

    def run(self, job: Job) -> Any:
        made = replace(self._change(job), isolate=False)
        return self._once("run", made, lambda: self._runner.run(made))

    def trace(self, job: Job, step: int) -> DeepTrace:
        made = self._change(job)
        found: DeepTrace = self._once(f"trace {step}", made, lambda: self._runner.trace(made, step))
        return found

    def replay(self, job: Job, trace: DeepTrace) -> Any:
        made = self._change(job)
        return self._once(f"replay {trace.case} {trace.step}", made, lambda: self._runner.replay(made, trace))

    def _once(self, what: str, job: Job, ask: Callable[[], Any]) -> Any:
        if not self._repeats:
            return ask()
        key = f"{what} {job}"
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("groups", nargs="*", default=["core", "float32", "float16"], metavar="GROUP")
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument("--results", type=Path, default=Path("build/causes.json"))
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    known = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    for group in arguments.groups:
        for name, told in measured(group, arguments.kinds):
            print(f"{group} {name}: {told}", flush=True)
            known.setdefault(group, {})[name] = asdict(told)
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            arguments.results.write_text(json.dumps(known, indent=1))
    table = "\n".join(_lines(known))
    print(table)
    if arguments.write is not None:
        write_between(arguments.write, START, END, table)


def measured(group: str, kinds: Sequence[str] | None = None) -> Iterator[tuple[str, Told]]:
    """Yield what is told of each mistake in ``group``, or of those called ``kinds``."""
    places = PLACES
    if group == "core":
        # Digits have one channel only.
        known = [each for each in FAULTS if each.name not in ("channel-order", "channel-swap")]
        places = {each.name: _catalogued(each.name, each.family) for each in known}
    with (
        Runner(timeout=900, import_paths=[Path(__file__).parent]) as runner,
        tempfile.TemporaryDirectory(prefix="harness-causes-") as folder,
    ):
        subjects: dict[Case, _Subject] = {}
        for name in places if kinds is None else [each for each in kinds if each in places]:
            case = _case(group, name)
            if case not in subjects:
                subjects[case] = _Subject(case, runner, BaselineStore(Path(folder, case.id, case.pipeline)))
            yield name, subjects[case].told(name, places[name])


def _case(group: str, name: str) -> Case:
    """Return the sound case that the mistake ``name`` is put into."""
    fields: dict[str, Any] = {
        "pipeline": "ddim",
        "checkpoint": "builtin:ddpm-digits",
        "arguments": {"eta": 0.0},
    }
    if group != "core":
        checkpoint = ROOT / "suites/mindone/checkpoints/stable-diffusion"
        arguments = {"prompt": "a red fox in the snow", "guidance_scale": 7.5}
        pipeline = f"mindone:{MODULE}:sound"
        fields = {"pipeline": pipeline, "checkpoint": str(checkpoint), "arguments": arguments, "dtype": group}
    elif name == "variance-type":
        fields |= {"pipeline": "ddpm", "arguments": {}}
    seeds = (0, 1) if name == "shared-generator" else (0,)
    return Case(
        suite="causes",
        id=f"{group}-{len(seeds)}",
        seeds=seeds,
        steps=STEPS,
        path=ROOT / "suites/causes.yaml",
        line=1,
        column=1,
        keep="latents",
        tolerance=Tolerance(),
        **fields,
    )


class _Subject:
    """A sound case, calibrated, and what was asked of it so far."""

    def __init__(self, case: Case, runner: Runner, store: BaselineStore) -> None:
        self._case, self._runner, self._store = case, runner, store
        self._answers: dict[str, Any] = {}
        job = case.job()
        base = self._sound.run(replace(job, decodings=(Decoding(members=MEMBERS),)))
        members = [
            Member.of(seed, runner.run(replace(job.member(seed), isolate=False)), base, case.name)
            for seed in range(1, MEMBERS + 1)
        ]
        provenance = Provenance.of(case, reason="", git_commit=None)
        device = device_key(base.fingerprint)
        calibration = make_calibration(members, base, 2.0, case.name)
        self._baseline = Baseline(case.suite, case.id, device, base, provenance, calibration)
        self._store.write(self._baseline)

    @property
    def _sound(self) -> Side:
        return Side(self._runner, lambda job: job, self._answers)

    def told(self, name: str, place: Place) -> Told:
        """Return what is told of the mistake ``name``, whose place is ``place``."""

        def change(job: Job) -> Job:
            if job.pipeline.endswith(":sound"):
                return replace(job, pipeline=job.pipeline.replace("sound", name.replace("-", "_")))
            return job.with_fault(name, None)

        faulty = Side(self._runner, change, {}, repeats=name != "state")
        found = explain_against_run(
            self._case,
            faulty,
            self._sound,
            self._store,
            name="a sound run",
            step=None,  # type: ignore[arg-type]
        )
        # As a check does it, the decoder also decodes what the sound run's was given.
        after = place.step == STEPS
        job = with_decoder_of(self._case.job(), self._baseline) if after else self._case.job()
        verdict = judge(self._case, faulty.run(job), self._baseline, tier=Tier.ACROSS_RELEASES)
        caught = verdict.verdict is Verdict.DRIFT or found.conclusion == "repetition"
        return _scored(found, place, caught=caught)


def _scored(found: Explanation, place: Place, *, caught: bool) -> Told:
    first = found.causes[0] if found.causes else None
    finding, replay = found.finding, found.replay
    component = None
    if finding is not None:
        component = finding.model or (finding.to or finding.place).partition(".")[0]
        component = "scheduler" if component == "latents" else component
    elif found.conclusion == "output":
        component = "output"
    line = cause_line(first) if first else ""
    where = "" if replay is None else f", step {replay.step}"
    cell = "" if finding is None else f", {finding.cell or finding.tensor}"
    right = first is not None and first.kind in place.first and place.named in line
    return Told(
        caught,
        f"{found.conclusion}; {line}{where}, {component}{cell}",
        right and found.conclusion in place.conclusion,
        None if place.step is None else _step_of(found) == place.step,
        None if place.component is None else component == place.component,
        None
        if place.cell is None
        else finding is not None and re.fullmatch(place.cell, finding.cell) is not None,
    )


def _step_of(found: Explanation) -> int | None:
    if found.replay is not None:
        return found.replay.step
    return STEPS if found.conclusion == "output" else None


def _lines(known: dict[str, dict[str, dict[str, Any]]]) -> Iterator[str]:
    yield "| mistakes in | mistakes | caught | first cause | step | component | cell |"
    yield "|---|---|---|---|---|---|---|"
    names = {
        "core": "the digits model (the catalogue)",
        "float32": "mindone's Stable Diffusion, float32",
        "float16": "mindone's Stable Diffusion, float16",
    }
    rows = [(names[group], list(known[group].values())) for group in names if group in known]
    for name, told in [*rows, ("all", [each for _, some in rows for each in some])]:
        shares = [_share([each[key] for each in told]) for key in ("first", "step", "component", "cell")]
        caught = sum(each["caught"] for each in told)
        yield f"| {name} | {len(told)} | {caught} | {' | '.join(shares)} |"
    wrong = [
        f"- {group}, `{name}`{'' if each['caught'] else ' (not caught)'}: {each['told']}"
        for group, some in known.items()
        for name, each in some.items()
        if not each["caught"] or False in (each["first"], each["step"], each["component"], each["cell"])
    ]
    if wrong:
        yield from ("", "Not caught, or not right in everything:", "", *wrong)


def _share(told: Sequence[bool | None]) -> str:
    named = [each for each in told if each is not None]
    return f"{sum(named)} of {len(named)} ({sum(named) / len(named):.0%})" if named else ""


if __name__ == "__main__":
    main()
