"""Suites and cases as the rest of the harness sees them: complete, checked, with defaults applied."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.cases.job import JitSettings, Job, SchedulerChoice, SecondCalls
from harness.cases.relations import Relation
from harness.cases.tolerance import Calibrated, Limits, Tolerance
from harness.errors import FailureCause
from harness.foreign_text import printable
from harness.promises import Promise
from harness.remedy import Action, Remedy, Where

# Shared by cases that set none. It cannot change, and ten thousand cases need not create one each.
_TOLERANCE = Tolerance()


@dataclass(frozen=True)
class Case:
    """One thing to run and compare with its baseline.

    ``seeds`` has one seed per image: `seed: 0` and `seeds: [0]` are the same case. ``steps`` is None if a
    pipeline that is not built in has no steps, or takes several numbers of them in ``arguments``.
    ``scheduler`` and ``scheduler_arguments`` are for classes of mindone and diffusers. ``timeout`` is the
    case's own limit for one run, in seconds. ``fails`` is the cause for which the
    case is expected to have no measurement; such a case has no baseline. ``repeat`` is whether every run
    calls the pipeline twice (True), no run does (False), or harness chooses (None).
    ``computed_parameters`` are patterns of the parameters that are computed after loading. ``invariances``
    are what the case promises of relations between two runs of it. ``reference`` is the implementation to
    which the case is also held, and ``reference_factor`` how many times as far from float64 it may be.
    ``line`` and ``column``, from 1, are where the entry starts in ``path``, the suite's file.
    """

    suite: str
    id: str
    pipeline: str
    seeds: tuple[int, ...]
    steps: int | None
    path: Path
    line: int
    column: int
    checkpoint: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    scheduler: str | None = None
    scheduler_arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    dtype: Literal["float32", "float16", "bfloat16", "float64"] = "float32"
    mode: Literal["pynative", "graph"] = "pynative"
    jit: JitSettings | None = None
    tolerance: Tolerance = field(default=_TOLERANCE, hash=False)
    tags: tuple[str, ...] = ()
    strict: bool = False
    isolate: bool = False
    timeout: float | None = None
    keep: Literal["none", "latents"] = "none"
    run: Literal["always", "nightly"] = "always"
    fails: FailureCause | None = None
    repeat: bool | None = None
    computed_parameters: tuple[str, ...] = ()
    invariances: dict[Relation, Promise] = field(default_factory=dict, hash=False)
    batch_consistency: Limits | None = field(default=None, hash=False)
    reference: Literal["diffusers"] | None = None
    reference_factor: float | None = None

    def definition(self) -> dict[str, Any]:
        """Return the fields that determine the result, as JSON values.

        How the case is judged (tolerance, strict, fails, repeat, invariances, references and so on), when and
        in which process it runs, what it is called, and where it is written are excluded. ``singles`` is
        whether each image of the batch is also run on its own. Numbers in ``arguments`` keep their type,
        because a pipeline may treat 5 and 5.0 differently. ``scheduler``, ``{"class": name or None,
        **arguments}``, is present if the case has one, and so is ``jit``.
        """
        chosen = {"class": self.scheduler, **copy.deepcopy(self.scheduler_arguments)}
        return {
            **({"scheduler": chosen} if self.scheduler or self.scheduler_arguments else {}),
            **({"jit": self.jit.settings()} if self.jit else {}),
            "pipeline": self.pipeline,
            "checkpoint": self.checkpoint,
            "seeds": list(self.seeds),
            "steps": self.steps,
            "arguments": copy.deepcopy(self.arguments),
            "dtype": self.dtype,
            "mode": self.mode,
            "keep": self.keep,
            "singles": self.batch_consistency is not None,
        }

    def hash(self) -> str:
        """Return the hex sha256 of the definition as JSON with sorted keys, no spaces and ASCII only."""
        text = json.dumps(self.definition(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def needs_calibration(self) -> bool:
        """Whether the case asks for calibrated limits in any tier in which it is compared."""
        asked = self.tolerance
        elsewhere = () if self.strict else (asked.across_releases, asked.across_devices)
        return any(isinstance(limits, Calibrated) for limits in (asked.same_environment, *elsewhere))

    @property
    def name(self) -> str:
        """The name of the case among all suites, 'suite/id'."""
        return f"{self.suite}/{self.id}"

    def remedy(
        self,
        action: Action,
        *,
        calibrate: bool = False,
        where: Where = Where.HERE,
        revision: str | None = None,
    ) -> Remedy:
        """Return a remedy for this case."""
        return Remedy(action, self.suite, self.id, str(self.path), calibrate, where, revision)

    @property
    def place(self) -> str:
        """Where the case is written, as 'file:line:column'."""
        return f"{printable(str(self.path))}:{self.line}:{self.column}"

    def job(self, second_call: SecondCalls = "never") -> Job:
        """Return the job for a worker to run the case unchanged.

        ``second_call`` is whether a run of this kind calls the pipeline twice, unless ``repeat`` says it.
        """
        if self.repeat is not None and second_call != "never":
            second_call = "always" if self.repeat else "never"
        settings = copy.deepcopy(self.scheduler_arguments)
        scheduler = SchedulerChoice(self.scheduler, settings) if self.scheduler or settings else None
        return Job(
            name=self.name,
            place=self.place,
            base=str(self.path.parent.resolve()),
            root=str(Path.cwd()),
            pipeline=self.pipeline,
            checkpoint=self.checkpoint,
            seeds=self.seeds,
            steps=self.steps,
            arguments=copy.deepcopy(self.arguments),
            scheduler=scheduler,
            dtype=self.dtype,
            mode=self.mode,
            jit=self.jit,
            keep_latents=self.keep == "latents",
            singles=self.batch_consistency is not None,
            isolate=self.isolate,
            timeout=self.timeout,
            second_call=second_call,
            computed_parameters=self.computed_parameters,
        )


@dataclass(frozen=True)
class Suite:
    """One suite file: its name, written at ``line`` and ``column`` (from 1), and its cases in file order."""

    name: str
    path: Path
    cases: tuple[Case, ...]
    line: int
    column: int
    description: str = ""
