"""Trends: which figures changed at which run, and what else changed there."""

import json
from dataclasses import replace

from harness.baselines.git import Commit
from harness.codec import to_json
from harness.explanation.causes import Cause
from harness.explanation.evidence import Changed
from harness.history.history_record import CaseRecord, RunRecord
from harness.history.trends import BITS, MARGIN, Trend, trends
from harness.judgement.reasons import DoesNotRepeat, OtherLatents
from harness.reporting.history_report import step_lines

OLD = CaseRecord(
    "guide", "one", "identical", "c1", margin=0.0, baseline_sha256="b1", output_sha256="o1",
    environment={"mindspore": "2.8.0", "device": "CPU"}, statistics={"mean": 1.0, "std": 2.0, "min": 0.0},
)  # fmt: skip
NEW = replace(
    OLD, margin=0.25, output_sha256="o2", environment={"mindspore": "2.9.0", "device": "CPU"},
    statistics={"mean": 1.5, "std": 2.0 + 1e-9, "min": 0.0},
)  # fmt: skip


def trend_of(*records: CaseRecord | None) -> Trend:
    runs = [
        RunRecord(
            f"2026-11-{number:02}", "0.1.0", "pytest", () if record is None else (record,), number=number
        )
        for number, record in enumerate(records, 1)
    ]
    (found,) = trends(runs)
    return found


def test_a_step_of_several_figures_is_one_with_what_changed_there():
    found = trend_of(OLD, OLD, OLD, NEW, NEW)
    (step,) = found.steps
    assert (step.before.run.number, step.point.run.number) == (3, 4)
    assert [change.figure for change in step.changes] == [MARGIN, "mean", "std", BITS]
    assert [(change.before, change.after) for change in step.changes[:2]] == [(0.0, 0.25), (1.0, 1.5)]
    assert step.surroundings == ("mindspore 2.8.0 -> 2.9.0",)
    assert (found.outliers, found.latest) == ((), ())


def test_what_else_changed_is_all_told_the_commit_last():
    other = replace(NEW, case_hash="c2", baseline_sha256="b2", environment={"device": "CPU", "cann": "8.1"})
    runs = [
        RunRecord("2026-11-01", "0.1.0", "pytest", (OLD,), Commit("a" * 40, dirty=False), number=1),
        RunRecord("2026-11-02", "0.1.0", "pytest", (OLD,), Commit("a" * 40, dirty=False), number=2),
        RunRecord("2026-11-03", "0.2.0", "pytest", (other,), Commit("b" * 40, dirty=True), number=3),
        RunRecord("2026-11-04", "0.2.0", "pytest", (other,), None, number=4),
    ]
    ((step,),) = (trend.steps for trend in trends(runs))
    assert step.surroundings == (
        "cann (absent) -> 8.1",
        "mindspore 2.8.0 -> (absent)",
        "the case was edited",
        "its baseline is another",
        "harness 0.1.0 -> 0.2.0",
        f"commit {'a' * 12} -> {'b' * 12}-dirty",
    )


def test_a_changed_file_of_the_users_own_is_told_first():
    code = {"my_pkg/pipe.py": "1", "my_pkg/gone.py": "1", "weights unet": "1"}
    old = replace(OLD, code=code)
    new = replace(NEW, code={"my_pkg/pipe.py": "2", "new.py": "1", "weights unet": "1"})
    told = ("my_pkg/gone.py is gone", "my_pkg/pipe.py changed", "new.py is new", "mindspore 2.8.0 -> 2.9.0")
    assert trend_of(old, old, new, new).steps[0].surroundings == told
    # An older run says nothing about its code.
    assert trend_of(OLD, OLD, new, new).steps[0].surroundings == told[3:]


def test_the_environments_of_a_matrix_have_levels_of_their_own():
    runs = [
        RunRecord("2026-11-01", "0.1.0", "harness matrix", (record,), subject=subject, number=number)
        for number, (subject, record) in enumerate(
            [(None, OLD), ("2.8.0", OLD), ("2.9.0", NEW), ("2.8.0", OLD), ("2.9.0", NEW)], 1
        )
    ]
    found = trends(runs)
    titles = ["guide/one", "guide/one under 2.8.0", "guide/one under 2.9.0"]
    assert [trend.title for trend in found] == titles
    assert [[point.run.number for point in trend.points] for trend in found] == [[1], [2, 4], [3, 5]]
    assert not any(trend.steps or trend.latest for trend in found)


def test_runs_without_the_case_and_without_figures_are_passed_over():
    failed = CaseRecord("guide", "one", "error", "c1")
    found = trend_of(OLD, None, OLD, failed, NEW, None, NEW)
    (step,) = found.steps
    assert (step.before.run.number, step.point.run.number) == (3, 5)
    assert [point.run.number for point in found.points] == [1, 3, 4, 5, 7]


def test_a_run_that_stands_alone_is_no_step():
    found = trend_of(OLD, OLD, NEW, OLD, OLD)
    assert found.steps == ()
    ((point, figures),) = found.outliers
    assert point.run.number == 3
    assert figures == (MARGIN, "mean", "std", BITS)


def test_the_newest_run_alone_is_told_as_such():
    found = trend_of(OLD, OLD, OLD, NEW)
    assert (found.steps, found.outliers) == ((), ())
    ((point, _),) = found.latest
    assert point.run.number == 4


def test_a_run_that_does_not_repeat_is_called_so_where_it_leaves_its_level():
    chance = Changed(DoesNotRepeat((OtherLatents(1, 500),), 0.1, "identical", (), 0))
    odd = replace(NEW, first_cause=json.dumps(to_json(Cause("repetition", chance))))
    assert (odd.unrepeated, NEW.unrepeated, replace(NEW, first_cause="words").unrepeated) == (
        True,
        False,
        False,
    )
    (line,) = step_lines(trend_of(OLD, OLD, odd, OLD, OLD))
    assert line.endswith("; the case does not repeat")
    (line,) = step_lines(trend_of(OLD, OLD, OLD, odd))
    assert line.endswith("; the case does not repeat")
    (line,) = step_lines(trend_of(OLD, OLD, OLD, NEW))
    assert line.endswith("; the next run shows whether it lasts")
    (step,) = trend_of(OLD, OLD, odd, odd).steps
    assert step.surroundings[0] == "the case does not repeat"


def test_bits_that_never_repeat_have_no_levels():
    records = [
        replace(OLD, output_sha256=f"o{i}", statistics={"mean": 1.0 + (i * 7 % 11) * 1e-9}) for i in range(24)
    ]
    assert trend_of(*records).steps == ()
