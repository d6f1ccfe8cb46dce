"""The comparison with peers: its rules see what they are said to see, and the page is of this catalogue."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from acceptance_digits import REPOSITORY
from samples import make_baseline, make_calibration, make_case, make_measurement

from benchmarks.peers import judges, runs, tables
from benchmarks.peers.comparisons import Comparison, across_releases
from harness.faults.catalogue import FAULTS
from harness.judgement.tiers import Tier
from harness.judgement.verdicts import judge

IMAGES = np.random.default_rng(0).uniform(0.2, 0.8, (2, 16, 16, 3)).astype(np.float32)


def changed(*index, by=0.1):
    images = IMAGES.copy()
    images[index] += np.float32(by)
    return images


def compared(output, expected=IMAGES, *, fault=FAULTS[0], **fields):
    case = make_case(**fields)
    baseline = make_baseline(case, make_measurement(expected))
    return Comparison(case, baseline, make_measurement(output), fault=fault)


def test_the_corner_is_of_the_first_image_and_last_channel():
    assert judges.corner(IMAGES).shape == (3, 3)
    for seen in ((0, 15, 15, 2), (0, 13, 13, 2)):
        assert judges.largest_in_corner(changed(*seen), IMAGES) == pytest.approx(0.1, abs=1e-6)
        assert judges.norm_of_corner(changed(*seen), IMAGES) > 0.01
    for unseen in ((1, 15, 15, 2), (0, 15, 15, 1), (0, 12, 15, 2), (0, 15, 12, 2)):
        assert judges.largest_in_corner(changed(*unseen), IMAGES) == 0
        assert judges.norm_of_corner(changed(*unseen), IMAGES) == 0


def test_cosine_distance_sees_no_change_of_brightness():
    assert judges.cosine_distance(IMAGES / 2, IMAGES) == pytest.approx(0, abs=1e-6)
    assert judges.cosine_distance(IMAGES[:, ::-1], IMAGES) > 1e-2


def test_whole_images():
    assert judges.mean_pixel(IMAGES + np.float32(1 / 255), IMAGES) == pytest.approx(1, rel=1e-3)
    assert judges.largest(changed(1, 0, 0, 0), IMAGES) == pytest.approx(0.1, rel=1e-3)


def test_dissimilarity_is_that_of_the_worst_image():
    shuffled = IMAGES.copy()
    shuffled[1] = shuffled[1, ::-1]
    assert judges.dissimilarity(IMAGES, IMAGES) == 0
    assert judges.dissimilarity(shuffled, IMAGES) > 0.5


@pytest.mark.parametrize(
    ("name", "fields", "threshold"),
    [
        ("diffusers: slice, fast tests", {"pipeline": "ddim"}, 1e-3),
        ("diffusers: slice, fast tests", {"pipeline": "ddpm"}, 1e-2),
        ("diffusers: slice, slow tests", {}, 1e-2),
        ("diffusers: cosine distance", {}, 1e-4),
        ("mindone: slice, fast tests", {"dtype": "float32"}, 5e-3),
        ("mindone: slice, fast tests", {"dtype": "float16"}, 5e-2),
        ("mindone: mean pixel, slow tests", {}, 20),
        ("SSIM > 0.95", {}, 0.05),
    ],
)
def test_thresholds_of_the_sources(name, fields, threshold):
    (figure,) = [each for each in judges.FIGURES if each.name == name]
    assert figure.threshold(compared(IMAGES, **fields)) == pytest.approx(threshold)


def test_a_figure_fails_from_its_threshold_on_and_as_nan():
    (comparison,) = [compared(IMAGES)]
    for measured, differs in ((0.9, False), (1.0, True), (math.nan, True)):
        figure = judges.Figure("figure", lambda *_, value=measured: value, lambda _: 1.0)
        assert figure.differs([comparison]) == [differs]


def test_assert_allclose_with_its_defaults():
    by_two_ulp = np.nextafter(np.nextafter(IMAGES, np.float32(1)), np.float32(1))
    pair = [compared(IMAGES), compared(by_two_ulp)]
    assert judges.assert_allclose(pair) == [False, True]


def test_harness_is_asked_three_ways():
    limits = {"across_releases": {"max_abs": 0.01}}
    other_noise = dataclasses.replace(make_measurement(IMAGES), ledger=make_measurement(seed=8).ledger)
    asked = [
        compared(IMAGES, tolerance=limits),
        compared(changed(0, 0, 0, 0), tolerance=limits),
        dataclasses.replace(compared(IMAGES, tolerance=limits), measured=other_noise),
    ]
    assert judges.harness(asked) == [False, True, True]
    assert judges.harness_numbers(asked) == [False, True, False]
    assert judges.harness_image(asked) == [False, True, False]


def test_the_final_image_alone_leaves_out_the_latents():
    measured = make_measurement(IMAGES)
    moved = [
        dataclasses.replace(step, sha256="0" * 64, statistics={**step.statistics, "mean": 1.0})
        for step in measured.trace
    ]
    calibrated = dataclasses.replace(compared(IMAGES).baseline, calibration=make_calibration())
    comparison = dataclasses.replace(
        compared(IMAGES), baseline=calibrated, measured=dataclasses.replace(measured, trace=tuple(moved))
    )
    assert judges.harness_numbers([comparison]) == [True]
    assert judges.harness_image([comparison]) == [False]


def test_what_harness_cannot_compare_catches_nothing_and_is_a_false_alarm():
    comparison = compared(changed(0, 0, 0, 0), tolerance={"across_releases": {"max_abs": 0.5}}, strict=True)
    verdict = judge(
        comparison.case, comparison.measured, comparison.baseline, tier=Tier.ACROSS_RELEASES
    ).verdict
    assert verdict.value == "incomparable"
    alarm = dataclasses.replace(comparison, fault=None, releases=("2.8.0", "2.10.0"))
    assert judges.harness([comparison, alarm]) == [False, True]


def test_runs_are_kept_for_their_key_only(tmp_path):
    made = make_measurement(keep=True)
    runs.write(tmp_path / "case" / "run.npz", {"case": "a"}, made)
    read = runs.read(tmp_path / "case" / "run.npz", {"case": "a"})
    assert read.to_wire() == made.to_wire()
    assert runs.read(tmp_path / "case" / "run.npz", {"case": "b"}) is None
    assert runs.read(tmp_path / "other.npz", {"case": "a"}) is None
    assert [path.name for path in (tmp_path / "case").iterdir()] == ["run.npz"]


def test_why_a_fault_cannot_be_put_in_is_kept(tmp_path):
    runs.write(tmp_path / "run.npz", {}, "the model has no attention")
    assert runs.read(tmp_path / "run.npz", {}) == "the model has no attention"


def test_every_ordered_pair_of_releases():
    sound = {name: make_measurement(IMAGES + np.float32(i)) for i, name in enumerate(("a", "b", "c"))}
    pairs = list(across_releases(make_case(), make_baseline(), sound))
    assert len({pair.releases for pair in pairs}) == 6
    for pair in pairs:
        older, newer = pair.releases
        assert pair.expected is sound[older].output
        assert pair.obtained is sound[newer].output


def cells(markdown):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()]


def test_table_of_judges():
    noise, scheduler = FAULTS[0], next(each for each in FAULTS if each.family == "scheduler")
    asked = [compared(IMAGES, fault=each) for each in (noise, noise, scheduler, None, None)]
    header, _, row = cells(tables.by_judge(asked, {"a judge": [True, False, False, True, False]}))
    told = dict(zip(header, row, strict=True))
    assert told == {
        "judge": "a judge",
        "noise": "1 of 1 (50%)",
        "scheduler": "0 of 1 (0%)",
        "model": "—",
        "output": "—",
        "all faults": "1 of 2 (33%)",
        "missed by every case": "1",
        "false alarms": "1 of 2",
    }


def test_table_of_faults():
    asked = [compared(IMAGES, fault=FAULTS[0])] * 3
    _, _, row = cells(tables.by_fault(asked, {"one": [True, False, True], "none": [False] * 3}))
    assert row == ["noise", f"`{FAULTS[0].name}`", "", "3", "2", "—"]


def test_table_of_thresholds():
    values = iter([0.1, 0.2, 0.3, 0.4])
    steps = [compared(IMAGES + np.float32(next(values)), fault=fault) for fault in (*FAULTS[:3], None)]
    asked = [*steps[:2], dataclasses.replace(steps[3], measured=steps[0].measured), steps[2]]
    mean = judges.Figure("mean pixel", judges.mean_pixel, lambda _: 60.0)
    rows = cells(tables.by_threshold(asked, [mean]))
    assert [rows[2][1], rows[2][3]] == ["1 of 3 (33%)", "2 of 3 (67%)"]


def test_a_page_is_written_between_its_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n")
    tables.put_between_markers(page, "new")
    assert page.read_text() == f"before\n{tables.BEGIN}\n\nnew\n\n{tables.END}\nafter\n"
    for text in ("no markers\n", f"{tables.BEGIN}\nno end\n"):
        page.write_text(text)
        with pytest.raises(ValueError, match="no lines"):
            tables.put_between_markers(page, "new")
        assert page.read_text() == text


def test_the_page_has_every_fault_at_its_reference_size():
    """Otherwise the catalogue was changed after the page was made; docs/peers.md says how to make it."""
    page = (REPOSITORY / "docs" / "peers.md").read_text(encoding="utf-8")
    rows = [row for row in cells(page) if len(row) > 2 and row[1].startswith("`")]
    sizes = ["" if each.reference is None else f"{each.reference:g}" for each in FAULTS]
    names = [f"`{each.name}`" for each in FAULTS]
    assert [row[:3] for row in rows] == [
        [each.family, name, size] for each, name, size in zip(FAULTS, names, sizes, strict=True)
    ]
