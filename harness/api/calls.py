"""The calls. Each does the work of the command of the same name, in worker processes, and prints nothing.

The calls share these arguments:

``cases``
    One or several of: a suite file, a folder of suites, a single case such as
    ``"suites/ddim.yaml::two-steps"``, or a suite returned by :func:`harness.load_suite`.
``baseline_dir``
    The folder of the stored baselines.
``device``, ``device_id``
    ``"CPU"``, ``"Ascend"`` or, for diffusers, ``"CUDA"``, and the number of the NPU or GPU.
``python``
    The Python interpreter of the workers. None stands for the current one. For :func:`explain`, it is the
    interpreter of the run to compare with.
``timeout``, ``worker_memory``
    The longest time, in seconds, that one run of a case may take, and the most memory, in GiB, that a worker
    may use. None means no limit.
``user_code``
    Whether pipelines that are a user's own functions may run. They are found in the current folder.
``progress``
    An object of a subclass of :class:`harness.Progress`; its methods are called as cases run.

The calls raise :class:`harness.UsageError` for invalid arguments, :class:`harness.SuiteError` for suites that
cannot be read, and another :class:`harness.HarnessError` if there is nothing to return. The message is what
the command prints. Ctrl-C raises KeyboardInterrupt. No worker outlives the call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from harness.api.choosing import Cases, Chosen, chosen, one_chosen
from harness.api.place import Both, Place, check_number, printed, speaking, transcript
from harness.api.results import (
    CalibrateResult,
    CheckedCase,
    CheckResult,
    CompareResult,
    ExplainResult,
    PowerResult,
    RecordResult,
)
from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.cases.selection import without_expected_failures
from harness.cases.tolerance import Limits
from harness.explanation.causes import causes_of
from harness.foreign_text import LINES, printable
from harness.judgement.check import Check
from harness.operations.calibrate import Settings
from harness.operations.calibrate import calibrate as calibrate_cases
from harness.operations.check import check_all
from harness.operations.compare_arrays import compare_arrays
from harness.operations.explain import explain as explain_case
from harness.operations.power import chosen_faults
from harness.operations.power import power as measure_power
from harness.operations.progress import SILENT, Progress
from harness.operations.record import record as record_cases
from harness.reporting.commands import Invocation, commands
from harness.reporting.explanation import explanation_text
from harness.reporting.power import PowerDisplay, show_power
from harness.reporting.recording import (
    RecordingDisplay,
    expected_failures_lines,
    show_calibrations,
    show_recording,
    show_vacuous,
)
from harness.reporting.summary import summary_lines
from harness.reporting.tables import show
from harness.reporting.terminal import judgement_text

StrPath: TypeAlias = "str | os.PathLike[str]"
Device = Literal["CPU", "Ascend", "CUDA"]


def check(
    cases: Cases,
    *,
    baseline_dir: StrPath = "baselines",
    device: Device = "CPU",
    device_id: int = 0,
    python: StrPath | None = None,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    progress: Progress[Any] = SILENT,
) -> CheckResult:
    """Run each case and compare it with its baseline, as pytest does.

    A case that cannot run, or that has no baseline, gets the verdict ``error``. Cases with `run: nightly` are
    included. The text of the result says why cases did not pass, and ends with pytest's summary.
    """
    with speaking():
        named = chosen(cases)
        place = Place.of(baseline_dir, device, device_id, python, timeout, worker_memory, user_code)
    with speaking(place.invocation):
        checks = check_all(named, place.workers, place.store, progress)
    checked = [_checked(*each, place.invocation) for each in zip(named, checks, strict=True)]
    failures = [each.text for each in checked if not each.passed]
    summary = map(printable, summary_lines([each.judgement for each in checks]))
    return CheckResult("\n\n".join([*failures, "\n".join(summary)]), tuple(checked))


def _checked(case: Case, found: Check, invocation: Invocation) -> CheckedCase:
    judgement = found.judgement
    causes = causes_of(found)
    typed = commands(case, invocation, baseline=found.baseline, tier=judgement.tier, causes=causes)
    return CheckedCase(judgement_text(judgement, causes, typed), case, found)


def record(
    cases: Cases,
    *,
    baseline_dir: StrPath = "baselines",
    reason: str | None = None,
    calibrate: bool = False,
    members: int = Settings.members,
    factor: float = Settings.factor,
    deep_step: int | None = None,
    device: Device = "CPU",
    device_id: int = 0,
    python: StrPath | None = None,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    processes: int = 1,
    progress: Progress[Any] = SILENT,
) -> RecordResult:
    """Run each case twice in fresh workers and store the results that repeat, as `harness record` does.

    An existing baseline is replaced only if a ``reason`` is given. With ``calibrate``, the stored cases are
    also calibrated; ``members``, ``factor`` and ``processes`` are those of :func:`calibrate`. With
    ``deep_step``, counted from 0, the output of every cell in that step is stored for :func:`explain`.
    """
    with speaking():
        if deep_step is not None:
            check_number("deep_step", deep_step, 0, 2**31, whole=True)
        settings = Settings(members, factor)
        place = Place.of(
            baseline_dir, device, device_id, python, timeout, worker_memory, user_code, processes
        )
        display = RecordingDisplay(transcript(), place.invocation)
        named = _measured(chosen(cases), display)
    with speaking(place.invocation):
        found = record_cases(
            named,
            place.workers,
            place.store,
            Both((display, progress)),
            reason=reason,
            ask=lambda: None,
            calibration=settings if calibrate else None,
            deep_step=deep_step,
        )
    show_recording(display.console, found, place.invocation)
    return RecordResult(printed(display.console), found)


def calibrate(
    cases: Cases,
    *,
    baseline_dir: StrPath = "baselines",
    members: int = Settings.members,
    factor: float = Settings.factor,
    device: Device = "CPU",
    device_id: int = 0,
    python: StrPath | None = None,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    processes: int = 1,
    progress: Progress[Any] = SILENT,
) -> CalibrateResult:
    """Measure the tolerance of each case and store it, as `harness calibrate` does.

    ``members`` is the number of runs whose initial noise is moved by one unit in the last place;
    ``processes`` of them run at the same time. Each limit is the largest deviation among the members, times
    ``factor``. An interrupted call resumes where it stopped.
    """
    with speaking():
        settings = Settings(members, factor)
        place = Place.of(
            *(baseline_dir, device, device_id, python, timeout, worker_memory, user_code, processes),
            baselines_needed=True,
        )
        display = RecordingDisplay(transcript(), place.invocation)
        named = _measured(chosen(cases), display)
    with speaking(place.invocation):
        found = calibrate_cases(named, place.workers, place.store, settings, Both((display, progress)))
    show_calibrations(display.console, found)
    show_vacuous(display.console, found.vacuous)
    return CalibrateResult(printed(display.console), found)


def power(
    cases: Cases,
    *,
    baseline_dir: StrPath = "baselines",
    faults: Sequence[str] = (),
    quick: bool = False,
    device: Device = "CPU",
    device_id: int = 0,
    python: StrPath | None = None,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    processes: int = 1,
    progress: Progress[Any] = SILENT,
) -> PowerResult:
    """Inject known faults into each case and measure which ones it catches, as `harness power` does.

    ``faults`` names the faults to inject; by default, all of them. The smallest size that is caught is
    searched for, unless ``quick`` is set: each fault then runs once, at its reference size. ``processes`` is
    the number of runs at the same time.
    """
    with speaking():
        examined = chosen_faults([faults] if isinstance(faults, str) else faults)
        place = Place.of(
            *(baseline_dir, device, device_id, python, timeout, worker_memory, user_code, processes),
            baselines_needed=True,
        )
        display = PowerDisplay(transcript(), place.invocation)
        named = _measured(chosen(cases), display)
    both = Both((display, progress))
    with speaking(place.invocation):
        found = measure_power(named, place.workers, place.store, examined, quick=quick, progress=both)
    show_power(display.console, found)
    return PowerResult(printed(display.console), found)


def explain(
    case: Chosen,
    *,
    python: StrPath | None = None,
    code: str | None = None,
    step: int | None = None,
    baseline_dir: StrPath = "baselines",
    device: Device = "CPU",
    device_id: int = 0,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    progress: Progress[Any] = SILENT,
) -> ExplainResult:
    """Explain why one case drifted, first cause first, as `harness explain` does.

    The case runs on this machine and is compared with its baseline, or with a run under the interpreter
    ``python``, or of the project's own code at the git revision ``code``. ``step``, counted from 0, is the
    denoising step whose cells are compared.
    """
    with speaking():
        if step is not None:
            check_number("step", step, 0, 2**31, whole=True)
        named = one_chosen(case)
        place = Place.of(
            *(baseline_dir, device, device_id, None, timeout, worker_memory, user_code),
            baselines_needed=python is None and code is None,
        )
    other = None if python is None else os.fspath(python)
    with speaking(place.invocation):
        found = explain_case(
            named, place.workers, place.store, python=other, code=code, step=step, progress=progress
        )
    return ExplainResult(printable(explanation_text(found, place.invocation), LINES), found)


def compare(
    array: object,
    baseline: Baseline | StrPath | object,
    limits: Limits | Mapping[str, Any] | None = None,
) -> CompareResult:
    """Compare one array with another, or with the output of a stored baseline. Nothing runs.

    ``array`` is anything that numpy can convert to an array of real numbers. ``baseline`` is another such
    array, a :class:`Baseline` (for example :attr:`CheckedCase.baseline`), or the path of a baseline's JSON
    file. ``limits`` has the form of a suite's limits, such as ``{"relative_l2": 1e-6, "ssim": 0.99}``.
    Without limits, the bits must be the same.

    An array of bfloat16 is compared in float32, which has all of its values. A different shape or dtype, NaN
    and Inf are ``drift``, whatever the limits. Raises :class:`UsageError` for arrays that cannot be compared
    (complex or masked arrays, NaN in the baseline), and for limits
    that limit nothing.
    """
    with speaking():
        found = compare_arrays(array, baseline, limits)
    return CompareResult(judgement_text(found.judgement), found)


def _measured(cases: tuple[Case, ...], display: RecordingDisplay | PowerDisplay) -> tuple[Case, ...]:
    """Return those of ``cases`` that are not expected to fail; the others are named in the text."""
    left = without_expected_failures(cases)
    show(display.console, *expected_failures_lines(cases))
    return left
