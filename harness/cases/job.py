"""The job: what a worker is asked to do.

The worker's side uses nothing else of :mod:`harness.cases`. Any interpreter that has MindSpore imports this
module, so it needs only Python's standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.codec import from_json, to_json
from harness.errors import HarnessError

# Whether a pipeline is called a second time in the same process, to see whether it gives the same bits.
SecondCalls = Literal["never", "if cheap", "always"]


class JobError(HarnessError):
    """What a worker received is not a job of this version of harness."""


@dataclass(frozen=True)
class SchedulerChoice:
    """The scheduler that replaces the checkpoint's: a diffusers class, or None for the same class.

    ``settings`` override the configuration of the checkpoint's scheduler.
    """

    name: str | None = None
    settings: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class JitSettings:
    """How a case in graph mode is compiled; None leaves a setting as MindSpore has it.

    ``level`` is O0, O1 or O2, from no fusion to compiling the whole graph. ``exec_order`` is bfs or dfs.
    ``infer_boost`` replaces operators with faster ones for inference. Only an NPU takes notice of them.
    """

    level: str | None = None
    exec_order: str | None = None
    infer_boost: bool | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``mindspore.jit``, which knows O2 as its backend GE."""
        given: dict[str, Any] = {}
        if self.level is not None:
            given |= {"backend": "GE"} if self.level == "O2" else {"jit_level": self.level}
        if self.exec_order is not None:
            given["exec_order"] = self.exec_order
        if self.infer_boost is not None:
            given["infer_boost"] = "on" if self.infer_boost else "off"
        return given

    def name(self) -> str:
        """Return the settings as one line, for the fingerprint."""
        return ", ".join(
            f"{name} {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in self.settings().items()
        )

    def settings(self) -> dict[str, Any]:
        """Return what is set, by the names that a case has for it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class FaultRequest:
    """A fault of the catalogue at a size; None is the fault's reference size."""

    name: str
    size: float | None = None


@dataclass(frozen=True)
class DeepStep:
    """A denoising step, from 0, whose cells are watched.

    ``reference`` has the bytes of the deep trace that the step is replayed against. It is None to record one.
    """

    step: int
    reference: bytes | None = None


@dataclass(frozen=True)
class Decoding:
    """What the decoder runs on once more, by itself, after the case's own run.

    ``arrays`` has a baseline's ``decoder_input`` and ``output`` as safetensors, and ``recipes`` are those by
    which the output follows from the decoder's result. Without ``arrays``, ``members`` copies of the run's
    own input, each moved by one ulp, are decoded instead. ``device`` are the fields of a fingerprint that
    name the device for which this is asked, any if there are none.
    """

    arrays: bytes | None = None
    recipes: tuple[str, ...] = ()
    members: int = 0
    device: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Conditions:
    """What a run should not depend on; the defaults are those of any other run.

    ``blocks`` are sizes in bytes: before the run, so much memory is taken in turn, and every second block is
    given back. ``core`` is another core to run on. ``strided`` is whether the noise that is drawn is not
    contiguous in memory, ``listed`` whether a single generator is given in a list, and ``halved`` whether
    denoising models get the two halves of a doubled batch, with and without guidance, one after the other.
    The others are of a worker's whole process: the environment variables that it gets, and whether it
    launches operators without waiting for each.
    """

    blocks: tuple[int, ...] = ()
    core: int | None = None
    strided: bool = False
    listed: bool = False
    halved: bool = False
    variables: dict[str, str] = field(default_factory=dict, hash=False)
    asynchronous: bool = False


@dataclass(frozen=True)
class Job:
    """One case to run, optionally with a perturbation, a fault or a deep step.

    ``name`` is 'suite/case' and ``place`` is 'file:line:column', for messages about the case. ``base`` is the
    absolute path of the suite's folder, to which the paths of checkpoints and files are relative. ``root`` is
    the absolute path of the folder in which harness runs. Files must be below one of the two.
    ``keep_latents`` is whether the latents of every step are kept. ``singles`` is whether each image of the
    batch is also run on its own. ``perturbation`` is the seed of a calibration member's signs. ``unit`` is
    the dtype by one unit of which the member's noise is moved, if that is not the case's own; without a
    ``perturbation`` the noise is rounded to it. ``isolate`` is whether the case gets its own worker.
    ``timeout`` is its own time limit in seconds, if it has one. ``decodings`` are what the decoder may do
    by itself afterwards: it does the first that is for its device. ``second_call`` is whether its
    pipeline is called once more with the same seeds, which is no part of what is measured.
    ``computed_parameters`` are patterns of the parameters of which sketches are taken. ``jit`` is how a
    pipeline in graph mode is compiled, if the case says so. ``bits_only`` is whether hashes are asked for in
    place of a measurement, and ``conditions`` are those under which it runs.
    """

    name: str
    place: str
    base: str
    root: str
    pipeline: str
    checkpoint: str | None
    seeds: tuple[int, ...]
    steps: int | None
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    scheduler: SchedulerChoice | None = None
    dtype: str = "float32"
    mode: str = "pynative"
    jit: JitSettings | None = None
    keep_latents: bool = False
    singles: bool = False
    perturbation: int | None = None
    unit: str | None = None
    fault: FaultRequest | None = None
    deep: DeepStep | None = None
    decodings: tuple[Decoding, ...] = ()
    isolate: bool = False
    timeout: float | None = None
    second_call: SecondCalls = "never"
    computed_parameters: tuple[str, ...] = ()
    bits_only: bool = False
    conditions: Conditions | None = None

    @property
    def all_steps(self) -> int | None:
        """The number of steps of the batch, of each image that also runs on its own, and of a second call.

        A second call that is made only if it is cheap does not count. None if the number is unknown.
        """
        calls = 1 + len(self.seeds) * self.singles + (self.second_call == "always")
        return None if self.steps is None else self.steps * calls

    def member(self, seed: int | None, unit: str | None = None) -> Job:
        """Return the job of one calibration member, or, with None, of the unperturbed run beside it."""
        changed = replace(self, keep_latents=True, singles=False, second_call="never")
        return replace(changed, perturbation=seed, unit=unit)

    def for_bits(self, conditions: Conditions) -> Job:
        """Return the job that asks for nothing but the hashes of a run under ``conditions``."""
        plain = replace(self, keep_latents=False, singles=False, decodings=(), second_call="never")
        return replace(plain, bits_only=True, conditions=conditions)

    def alone(self) -> Job:
        """Return the job that runs in a fresh worker of its own."""
        return replace(self, isolate=True)

    def with_fault(self, name: str, size: float | None) -> Job:
        """Return the job with a fault of the catalogue in it; its pipeline is called once."""
        return replace(self, fault=FaultRequest(name, size), second_call="never")

    def looking_into(self, step: int, reference: bytes | None = None) -> Job:
        """Return the job that watches the cells of one step, which requires PyNative."""
        return replace(self, mode="pynative", jit=None, deep=DeepStep(step, reference))

    def to_wire(self) -> dict[str, Any]:
        """Return the job as plain data that can cross a process boundary."""
        wire: dict[str, Any] = to_json(self)
        return wire

    @classmethod
    def from_wire(cls, wire: Any) -> Job:
        """Rebuild the job from the data of :meth:`to_wire`.

        Raises :class:`JobError` for a missing or unknown key and for a value of the wrong type.
        """
        try:
            return from_json(cls, wire)
        except ValueError as error:
            raise JobError(f"a worker was sent a job that it cannot read: {error}") from None
