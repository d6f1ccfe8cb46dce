"""Deep traces beside baselines: ``<device>.deep.safetensors``, tied to the baseline it was recorded for.

They take megabytes per case (64 MB for the full-size UNet) and one command recreates them, so they do not
belong in version control.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.baselines.baseline import Baseline
from harness.baselines.errors import BaselineDamaged, BaselineError, BaselineMissing, shown
from harness.baselines.files import sweep, write_durably
from harness.baselines.store import BaselineStore, deep_trace_path
from harness.cases.case import Case
from harness.foreign_files import ForeignFileError, ForeignFileMissing, read_foreign
from harness.measurement.figures import LARGEST_ARRAYS
from harness.remedy import Action
from harness.tracing.trace import DeepTrace, TraceDamaged


def deep_path(store: BaselineStore, baseline: Baseline) -> Path:
    """Return the file of the deep trace of ``baseline``, whether or not it exists.

    Raises :class:`BaselineError` if a link would lead the path out of the store.
    """
    deep = deep_trace_path(store.path(baseline.suite, baseline.case_id, baseline.device))
    if not deep.resolve().is_relative_to(store.root.resolve()):
        raise BaselineError(f"{shown(deep)}: a symbolic link leads out of {shown(store.root)}; remove it")
    return deep


def write_deep(store: BaselineStore, baseline: Baseline, trace: DeepTrace) -> Path:
    """Store ``trace`` beside ``baseline``, replacing any existing one, and return its file."""
    path = deep_path(store, baseline)
    sweep(path.parent, path.name)
    try:
        write_durably(path, replace(trace, baseline=baseline.identity).to_bytes())
    except OSError as error:
        raise BaselineError(f"{shown(path)}: the deep trace cannot be written: {error}") from None
    return path


def load_deep(store: BaselineStore, case: Case, baseline: Baseline) -> DeepTrace:
    """Return the deep trace of the ``baseline`` of ``case``, with every byte checked.

    Raises :class:`BaselineMissing` if there is none, :class:`BaselineDamaged` if it is not what was recorded,
    and :class:`BaselineError` if it belongs to another baseline.
    """
    path = deep_path(store, baseline)
    again = case.remedy(Action.RECORD_TRACE_AGAIN)
    try:
        trace = DeepTrace.from_bytes(read_foreign(path, limit=LARGEST_ARRAYS))
    except ForeignFileMissing:
        raise BaselineMissing(
            f"{shown(path)}: there is no deep trace", remedy=case.remedy(Action.RECORD_TRACE)
        ) from None
    except ForeignFileError as error:
        raise BaselineDamaged(f"{shown(path)}: {error.reason}", remedy=again) from None
    except TraceDamaged as damage:
        raise BaselineDamaged(f"{shown(path)}: {damage}", remedy=again) from None
    if trace.baseline != baseline.identity:
        raise BaselineError(
            f"{shown(path)}: this deep trace belongs to another baseline, not to {baseline.device}.json "
            "next to it",
            remedy=again,
        )
    return trace
