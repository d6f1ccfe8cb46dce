"""Judge an array on its own, with no case and no environment to choose a tier."""

from __future__ import annotations

from dataclasses import replace

from harness.cases.tolerance import Limits
from harness.judgement import bits
from harness.judgement.hard import form_failures, value_failures
from harness.judgement.judgement import Judgement, Verdict
from harness.judgement.limited import failures
from harness.judgement.metrics import compare
from harness.judgement.rows import Row, metric_rows, statistic_rows
from harness.measurement.measurement import Array
from harness.measurement.statistics import summarise


def judge_arrays(
    context: Judgement, measured: Array, reference: Array, limits: Limits | None, dtype: str | None = None
) -> Judgement:
    """Return ``context`` with the verdict on ``measured``, compared with the finite array ``reference``.

    ``dtype`` is the name of the dtype of their values, if numpy lacks it.

    If ``limits`` is None, the two must have the same bits. A different shape or dtype, an empty array, NaN
    and Inf are ``drift`` whatever the limits.
    """
    hard = form_failures("output", measured, reference) + value_failures("output", measured)
    if hard:
        return replace(context, verdict=Verdict.DRIFT, reasons=tuple(hard))
    if bits.same_bits(measured, reference):
        return replace(context, verdict=Verdict.IDENTICAL)
    rows = [
        *metric_rows(compare(measured, reference, dtype=dtype), limits, measured),
        *statistic_rows(summarise(measured), summarise(reference), limits),
    ]
    if limits is not None:
        failed = tuple(failures("output", rows))
        verdict = Verdict.DRIFT if failed else Verdict.WITHIN
        return replace(context, verdict=verdict, rows=tuple(rows), reasons=failed)
    differing = bits.differing_values(measured, reference)
    rows.insert(0, Row("differing_values", float(differing), 0.0, passed=False))
    change = bits.output_change(measured, reference)
    assert change is not None
    return replace(context, verdict=Verdict.DRIFT, rows=tuple(rows), reasons=(change,))
