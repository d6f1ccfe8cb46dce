"""The calls: each does what the command of its name does, runs nothing in this process, and prints nothing.

The arguments that they share:

``cases``
    Suite files, folders of them, single cases as ``"suites/ddim.yaml::two-steps"``, or what
    :func:`harness.load_suite` returned; one of them or several.
``baseline_dir``
    The folder of the stored baselines.
``device``, ``device_id``
    ``"CPU"`` or ``"Ascend"``, and the number of the NPU.
``python``
    The workers' interpreter, None for this one; for :func:`explain` the other one.
``timeout``, ``worker_memory``
    Seconds that one run of a case may take, and GiB that a worker may take (None for any).
``user_code``
    Whether pipelines that are a user's own functions may run. They are found in the current folder.
``progress``
    Is told what runs and what came of it: a subclass of :class:`harness.Progress`.

They raise :class:`harness.UsageError` for arguments that make no sense, :class:`harness.SuiteError` for
suites that cannot be read, and another :class:`harness.HarnessError` where nothing can be returned: the text
is what the command prints. Ctrl-C raises KeyboardInterrupt. No worker outlives the call.
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
Device = Literal["CPU", "Ascend"]


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
    """Run each case and hold it to its baseline, as pytest does.

    A case that cannot run, or that has no baseline, has the verdict ``error``. Cases with `run: nightly` run,
    too. Its text is why cases did not pass, and pytest's summary.
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
    typed = commands(case, invocation, baseline=found.baseline, tier=judgement.tier)
    return CheckedCase(judgement_text(judgement, causes_of(found), typed), case, found)


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
    """Run each case twice in fresh workers and store what repeats, as `harness record` does.

    Baselines that exist change only with a ``reason``. With ``calibrate`` what is stored is calibrated by
    ``members`` and ``factor``, see :func:`calibrate`; with ``deep_step``, from 0, what every cell did in that
    step is stored for :func:`explain`. ``processes`` is how many members run side by side.
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

    ``members`` are runs with the noise moved by one ulp, of which ``processes`` run side by side; the limits
    are what they move the output by, times ``factor``. An interrupted call goes on where it was.
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
    """Put known faults into each case: which are caught, and how small, as `harness power` does.

    ``faults`` are the names of those to look at, all where there are none; ``quick`` looks at their reference
    sizes alone, one run each. ``processes`` is how many run side by side.
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
    step: int | None = None,
    baseline_dir: StrPath = "baselines",
    device: Device = "CPU",
    device_id: int = 0,
    timeout: float = 600.0,
    worker_memory: float | None = None,
    user_code: bool = True,
    progress: Progress[Any] = SILENT,
) -> ExplainResult:
    """Say why one case drifted, first cause first, as `harness explain` does.

    The case runs here and is held to its baseline, or to a run under the interpreter ``python``. ``step``,
    from 0, is the denoising step to look into.
    """
    with speaking():
        if step is not None:
            check_number("step", step, 0, 2**31, whole=True)
        named = one_chosen(case)
        place = Place.of(
            *(baseline_dir, device, device_id, None, timeout, worker_memory, user_code),
            baselines_needed=python is None,
        )
    other = None if python is None else os.fspath(python)
    with speaking(place.invocation):
        found = explain_case(named, place.workers, place.store, python=other, step=step, progress=progress)
    return ExplainResult(printable(explanation_text(found, place.invocation), LINES), found)


def compare(
    array: object,
    baseline: Baseline | StrPath | object,
    limits: Limits | Mapping[str, Any] | None = None,
) -> CompareResult:
    """Hold one array to another, or to the output of a stored baseline; nothing runs.

    ``array`` is anything that numpy makes an array of real numbers. ``baseline`` is that, too, a
    :class:`Baseline` (such as :attr:`CheckedCase.baseline`), or the path of a baseline's JSON file.
    ``limits`` are those of a suite, as ``{"relative_l2": 1e-6, "ssim": 0.99}``; without them the same bits
    are asked for.

    Another shape or dtype, NaN and Inf are ``drift`` whatever the limits. Raises :class:`UsageError` for what
    cannot be compared at all (bfloat16, complex or masked arrays, NaN in the baseline), and for limits that
    limit nothing.
    """
    with speaking():
        found = compare_arrays(array, baseline, limits)
    return CompareResult(judgement_text(found.judgement), found)


def _measured(cases: tuple[Case, ...], display: RecordingDisplay | PowerDisplay) -> tuple[Case, ...]:
    """Return those of ``cases`` that are not expected to fail; the others are named in the text."""
    left = without_expected_failures(cases)
    show(display.console, *expected_failures_lines(cases))
    return left
