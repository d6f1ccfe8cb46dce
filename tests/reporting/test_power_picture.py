"""The picture: a panel per case, and marks where the record has them."""

import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from harness.errors import UsageError
from harness.faults.catalogue import FAULTS, fault
from harness.judgement.power.case_power import CasePower, FaultPower, PowerReport
from harness.reporting.power_picture import check_drawable, power_figure, power_picture

SIZED = [each.name for each in FAULTS if each.sized]


def power(name, outcome="caught", **fields):
    known = fault(name)
    return FaultPower(known.name, known.family, known.reference, known.unit, outcome, **fields)


def case(name, *faults, **fields):
    return CasePower("ddim", name, device="cpu", faults=faults, vacuous=False, **fields)


def report(*cases):
    return PowerReport.of(cases, FAULTS, quick=False)


def svg(*cases):
    return power_picture(report(*cases), ".svg").decode()


def drawn(*cases):
    return power_figure(report(*cases))


def marks(axes):
    """Marker, place on the scale and face colour of every mark in the first row."""
    return [
        (line.get_marker(), line.get_xdata()[0], line.get_markerfacecolor())
        for line in axes.lines
        if line.get_marker() not in ("None", "")
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (power("beta-end", numbers_from=True, caught_from=1e-5, missed_at=9e-6), [("o", 1e-3, "#0072B2")]),
        (power("eta", by="ledger", numbers_alone=True, caught_from=1e-6), [("D", 1e-4, "#0072B2")]),
        (power("gamma", numbers_alone=True), [("o", 1.0, "#CC79A7")]),
        (
            power("norm-eps", "missed", caught_from=90.0, missed_at=80.0, numbers_from=True),
            [("X", 1, "black"), ("o", 10, "white")],
        ),
        (power("norm-eps", "missed", missed_at=1e4), [("X", 1.0, "black")]),
        (power("norm-eps", "not applicable"), []),
        (power("norm-eps", "failed"), []),
    ],
)
def test_a_fault_is_marked_where_its_detection_begins(found, expected):
    axes = drawn(case("a", found)).axes[0]
    got = marks(axes)
    assert [(marker, face) for marker, _, face in got] == [(marker, face) for marker, _, face in expected]
    assert [place for _, place, _ in got] == pytest.approx([place for _, place, _ in expected])
    low, high = axes.get_xlim()
    assert all(low < place < high for _, place, _ in got)


def test_the_scale_holds_every_size_of_every_fault():
    low, high = drawn(case("a", *map(power, SIZED))).axes[0].get_xlim()
    for known in map(fault, SIZED):
        assert low < known.smallest / known.reference
        assert known.largest / known.reference < high


def test_every_case_examined_has_a_panel_with_its_count():
    cases = [case(f"case-{number:02}", *map(power, SIZED)) for number in range(13)]
    refused = CasePower("ddim", "refused", refusal="is stale")
    figure = drawn(*cases, refused)
    used = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title("left") for axes in used] == [f"ddim/case-{number:02}" for number in range(13)]
    assert {axes.get_title("right") for axes in used} == {f"{len(SIZED)} of {len(SIZED)}"}
    width, height = figure.get_size_inches()
    # A page of A4.
    assert width <= 8.27
    assert height <= 11.69


def test_labels_name_the_fault_its_reference_and_its_family():
    axes = drawn(case("a", power("beta-end"), power("gamma"))).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["beta-end  0.01", "gamma  0.01"]
    assert [label.get_color() for label in axes.get_yticklabels()] == ["#0072B2", "#CC79A7"]
    # The first fault of the catalogue is the top row.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_no_label_is_cut_off_and_none_covers_another():
    """Everything written lies within the page; the title, the legend and the panels do not overlap."""
    figure = drawn(*(case(f"fifty-steps-{n}", *map(power, SIZED)) for n in range(4)))
    page = figure.bbox
    boxes = [axes.get_tightbbox() for axes in figure.axes if axes.axison]
    legend, title = figure.legends[0].get_window_extent(), figure.texts[0].get_window_extent()
    for box in (*boxes, legend, title):
        assert page.x0 <= box.x0
        assert box.x1 <= page.x1
        assert page.y0 <= box.y0
        assert box.y1 <= page.y1
    assert title.y0 >= legend.y1 - 1
    assert legend.y0 >= max(box.y1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_both_formats_and_the_same_bytes_each_time():
    one = case("a", power("gamma", numbers_alone=True))
    assert svg(one) == svg(one)
    assert re.search(r"<svg[^>]*width=", svg(one))
    image = imread(io.BytesIO(power_picture(report(one), ".PNG")))
    assert image.shape[2] == 4
    assert np.unique(image.reshape(-1, 4), axis=0).shape[0] > 10


def test_a_report_without_a_case_that_was_examined_is_still_a_picture():
    assert "<svg" in svg(CasePower("ddim", "a", refusal="is stale"))
    assert "<svg" in svg(case("a", power("pixel-shift")))


def test_other_formats_are_wrong_usage():
    check_drawable(Path("a.PNG"))
    for name in ("a.jpg", "a", "png"):
        with pytest.raises(UsageError, match=r"\.png or \.svg"):
            check_drawable(Path(name))


def test_a_picture_without_matplotlib_is_refused_before_anything_runs(tmp_path):
    """As where the extra is not installed; the suite that is named is not there, and not looked for."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "sys.argv = ['harness', 'power', 'suites/', '--picture', 'power.png']\n"
        "from harness.cli import main; main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == "--picture needs matplotlib; run pip install 'determinism-harness[picture]'\n"
