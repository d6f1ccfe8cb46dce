"""Views of cases as a run makes them, from the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from samples import make_baseline, make_calibration, make_case, make_measurement

from harness.baselines.baseline import Baseline
from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.job import Job
from harness.errors import HarnessError
from harness.explanation.causes import root_causes
from harness.measurement.measurement import Measurement
from harness.operations.check import check, expected
from harness.reporting.commands import Invocation, commands
from harness.reporting.html.run import write_report
from harness.reporting.html.view import case_view

# What tries to be markup, to leave its block of data, or to be read as something else.
HOSTILE = (
    "<img src=x onerror=window.hit=1></script><script>window.hit=1</script></script x "
    "<!--<script ]]> {{data}} {{style}} "
    "javascript:window.hit=1 \"onmouseover=window.hit=1 ' & &lt; \u2028 \u202e \x00 \ud800 \U0001f600"
)


class _Gives:
    """A runner that gives what it was made with."""

    def __init__(self, result: Measurement | HarnessError) -> None:
        self._result = result

    def run(self, job: Job) -> Measurement:
        if isinstance(self._result, HarnessError):
            raise self._result
        return self._result


def view_of(
    folder: Path,
    measured: Measurement | HarnessError,
    *,
    case: Case | None = None,
    baseline: Measurement | None = None,
    calibrated: bool = False,
    **fields: Any,
) -> str:
    """The view, as JSON, of ``case`` that gave ``measured`` and was held to ``baseline``."""
    case = case or make_case()
    stored = make_baseline(case, baseline, **fields)
    if calibrated:
        stored = Baseline(**{**stored.__dict__, "calibration": make_calibration()})
    store = BaselineStore(folder / "baselines")
    store.write(stored)
    result = check(case, _Gives(measured), store)
    causes = ()
    if result.measurement is not None and result.baseline is not None:
        causes = root_causes(result.measurement, result.baseline)
    return case_view(
        case,
        result,
        expected(case, result, store),
        commands=commands(case, Invocation(str(store.root))),
        causes=causes,
    )


def data_of(view: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(view, parse_constant=refuse)


def page_of(folder: Path, views: list[str], **run: Any) -> Path:
    """The page of a run of these cases."""
    head = {"date": "2026-01-01T00:00:00+00:00", "harness": "0.1.0", "problems": [], **run}
    (folder / "report").mkdir(exist_ok=True)
    return write_report(folder / "report", head, views)


def moved(by: float, shape: tuple[int, ...] = (1, 8, 8, 3), dtype: Any = np.float32) -> tuple[Any, Any]:
    """An image, and the same with one value moved by ``by``."""
    image = np.random.default_rng(5).random(shape).astype(dtype)
    other = image.copy()
    other[(0,) * len(shape)] += by
    return image, other


def sampled(output: Any, **fields: Any) -> Measurement:
    return make_measurement(output, **fields)
