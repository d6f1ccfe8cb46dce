"""Foreseeable problems, reported before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.baselines.current import unusable
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.names import MINDONE
from harness.errors import HarnessError
from harness.releases.interpreters import Subject


@dataclass(frozen=True)
class Foresight:
    """What prevents cases from being run, or from being judged by a calibration.

    ``needing`` are the mindone cases if mindone is not installed in the environments ``lacking``.
    ``no_folder`` is the folder of baselines if it does not exist and a case needs it. ``unjudged`` are the
    cases that ask for calibrated limits, each with what is wrong with the baseline from which these would be
    taken. The cases are still compared, as equal bits need no limits.
    """

    needing: tuple[Case, ...] = ()
    lacking: tuple[Subject, ...] = ()
    no_folder: Path | None = None
    unjudged: tuple[tuple[Case, HarnessError], ...] = ()


def foresee(cases: Sequence[Case], store: BaselineStore, subjects: Sequence[Subject] = ()) -> Foresight:
    """Return the problems to expect when ``cases`` run under ``subjects``."""
    calibrated = [case for case in cases if case.needs_calibration]
    no_folder = store.root if calibrated and not store.root.is_dir() else None
    wrong = [] if no_folder else [(case, told) for case in calibrated if (told := _wrong(case, store))]
    needing = tuple(case for case in cases if any(lacks_mindone(case, each) for each in subjects))
    lacking = tuple(each for each in subjects if needing and MINDONE not in each.packages)
    return Foresight(needing, lacking, no_folder, tuple(wrong))


def lacks_mindone(case: Case, subject: Subject) -> bool:
    """Whether ``case`` needs mindone, and ``subject`` does not have it."""
    return case.pipeline.startswith(f"{MINDONE}:") and MINDONE not in subject.packages


def _wrong(case: Case, store: BaselineStore) -> HarnessError | None:
    try:
        return unusable(case, store)
    except HarnessError as error:
        return error
