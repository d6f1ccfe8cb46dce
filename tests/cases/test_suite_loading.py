"""What a correct file becomes: defaults, parametrize, order, positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cases.case import Suite
from harness.cases.load import check_unique_names, load_suite
from harness.cases.names import MAX_NAME
from harness.cases.problems import SuiteError
from harness.cases.tolerance import Calibrated, Limits, TierLimits, Tolerance


def load(tmp_path: Path, text: str, name: str = "suite.yaml") -> Suite:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_suite(path)


FULL = """\
# A comment
suite: full
description: every key
defaults:
  checkpoint: builtin:ddpm-digits
  tolerance: {across_releases: {relative_l2: 1e-6}}
cases:
  - id: single
    pipeline: ddim
    seed: 7
    steps: 2
    arguments: {eta: 0.5, name: [1, {deep: null}]}
    dtype: float16
    mode: graph
    tolerance:
      same_environment: {max_abs: 0}
      across_devices: {psnr: 60, statistics: {mean: 1.0e-5}}
    tags: [nightly]
    strict: true
    keep: latents
  - id: batch
    pipeline: ddpm
    seeds: [0, 18446744073709551615]
    steps: 50
    batch_consistency: {relative_l2: 1.0E-6}
"""


def test_every_key_arrives_in_the_case(tmp_path: Path) -> None:
    suite = load(tmp_path, FULL)
    assert (suite.name, suite.description, suite.line, suite.column) == ("full", "every key", 2, 8)
    single, batch = suite.cases
    assert (single.suite, single.id, single.pipeline, single.steps) == ("full", "single", "ddim", 2)
    assert (single.seeds, single.checkpoint) == ((7,), "builtin:ddpm-digits")
    assert single.arguments == {"eta": 0.5, "name": [1, {"deep": None}]}
    assert (single.dtype, single.mode, single.keep) == ("float16", "graph", "latents")
    assert (single.tags, single.strict) == (("nightly",), True)
    assert single.tolerance == Tolerance(
        same_environment=Limits(max_abs=0.0),
        across_releases=Limits(relative_l2=1e-6),
        across_devices=Limits(psnr=60.0, statistics={"mean": 1e-5}),
    )
    assert (single.path, single.line, single.column) == (suite.path, 8, 5)
    assert (batch.seeds, batch.line) == ((0, 2**64 - 1), 21)
    assert batch.batch_consistency == Limits(relative_l2=1e-6)


def test_what_is_not_written_has_the_documented_value(tmp_path: Path) -> None:
    text = "suite: s\ncases: [{id: a, pipeline: my.package:make, seed: 0, steps: 1}]"
    (case,) = load(tmp_path, text).cases
    assert (case.checkpoint, case.arguments, case.dtype, case.mode) == (None, {}, "float32", "pynative")
    assert (case.tags, case.strict, case.keep, case.batch_consistency) == ((), False, "none", None)
    assert case.tolerance == Tolerance()
    assert (case.tolerance.same_environment, case.tolerance.across_releases) == ("exact", Calibrated())
    assert case.tolerance.across_devices is None


@pytest.mark.parametrize("tier", list(Tolerance.model_fields))
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("exact", "exact"),
        ("calibrated", Calibrated(factor=None)),
        ("{calibrated: {}}", Calibrated(factor=None)),
        ("{calibrated: {factor: 3}}", Calibrated(factor=3.0)),
        ("{calibrated: {factor: 1}}", Calibrated(factor=1.0)),
        ("{max_abs: 1e-6}", Limits(max_abs=1e-6)),
    ],
)
def test_every_tier_takes_every_form(tmp_path: Path, tier: str, written: str, expected: TierLimits) -> None:
    (case,) = merged(tmp_path, "seed: 0", f"tolerance: {{{tier}: {written}}}").cases
    assert getattr(case.tolerance, tier) == expected
    # From Python, the value itself.
    assert getattr(Tolerance.model_validate({tier: expected}), tier) == expected


def test_the_tier_across_releases_is_never_none(tmp_path: Path) -> None:
    (case,) = merged(tmp_path, "seed: 0", "tolerance: {across_releases: null}").cases
    assert case.tolerance.across_releases == Calibrated()
    assert Tolerance.model_validate({"across_releases": None}).across_releases == Calibrated()


def merged(tmp_path: Path, defaults: str, case: str) -> Suite:
    base = f"suite: s\ndefaults: {{pipeline: 'a:b', steps: 2, {defaults}}}\ncases: [{{id: c, {case}}}]"
    return load(tmp_path, base)


@pytest.mark.parametrize(
    ("defaults", "case", "seeds"),
    [
        ("seed: 1", "seeds: [2, 3]", (2, 3)),
        ("seeds: [2, 3]", "seed: 1", (1,)),
        ("seed: 1", "seed: 2", (2,)),
        ("seeds: [4]", "keep: none", (4,)),
    ],
)
def test_the_seeds_of_the_case_replace_those_of_the_defaults(
    tmp_path: Path, defaults: str, case: str, seeds: tuple[int, ...]
) -> None:
    (only,) = merged(tmp_path, defaults, case).cases
    assert only.seeds == seeds


def test_arguments_merge_one_level_deep(tmp_path: Path) -> None:
    defaults = "seed: 0, arguments: {eta: 0.1, size: {h: 1, w: 2}}"
    (case,) = merged(tmp_path, defaults, "arguments: {size: {h: 3}, more: true}").cases
    assert case.arguments == {"eta": 0.1, "size": {"h": 3}, "more": True}


def test_tolerance_merges_by_whole_tier_and_null_takes_a_tier_back(tmp_path: Path) -> None:
    defaults = (
        "seed: 0, tolerance: {same_environment: {max_abs: 1}, across_releases: {max_abs: 1, psnr: 30}, "
        "across_devices: {max_abs: 2}}"
    )
    case = "tolerance: {across_releases: {psnr: 40}, across_devices: null}"
    (only,) = merged(tmp_path, defaults, case).cases
    assert only.tolerance == Tolerance(
        same_environment=Limits(max_abs=1.0), across_releases=Limits(psnr=40.0), across_devices=None
    )


@pytest.mark.parametrize(
    ("defaults", "case", "expected"),
    [
        ("{relative_l2: 1e-6}", "null", Calibrated()),
        ("{relative_l2: 1e-6}", "calibrated", Calibrated()),
        ("{calibrated: {factor: 3}}", "calibrated", Calibrated()),
        ("{calibrated: {factor: 3}}", "{psnr: 40}", Limits(psnr=40.0)),
        ("calibrated", "exact", "exact"),
    ],
)
def test_a_calibrated_tier_is_replaced_and_replaces_whole(
    tmp_path: Path, defaults: str, case: str, expected: TierLimits
) -> None:
    tolerance = "tolerance: {{across_releases: {}}}"
    (only,) = merged(tmp_path, f"seed: 0, {tolerance.format(defaults)}", tolerance.format(case)).cases
    assert only.tolerance == Tolerance(across_releases=expected)
    (same,) = merged(tmp_path, f"seed: 0, {tolerance.format(case)}", "keep: none").cases
    assert same.tolerance == Tolerance(across_releases=expected)


def test_tags_add_up_without_repeats(tmp_path: Path) -> None:
    (case,) = merged(tmp_path, "seed: 0, tags: [nightly, big]", "tags: [big, mine]").cases
    assert case.tags == ("nightly", "big", "mine")


def test_the_computed_parameters_of_a_case_replace_those_of_the_defaults(tmp_path: Path) -> None:
    defaults = "seed: 0, computed_parameters: ['unet/*', 'vae/*']"
    (case,) = merged(tmp_path, defaults, "keep: none").cases
    assert case.computed_parameters == case.job().computed_parameters == ("unet/*", "vae/*")
    for own in ((), ("text/?.weight",)):
        (case,) = merged(tmp_path, defaults, f"computed_parameters: {list(own)}").cases
        assert case.computed_parameters == own


def test_defaults_of_one_case_do_not_leak_into_another(tmp_path: Path) -> None:
    text = """\
suite: s
defaults: {pipeline: 'a:b', steps: 2, seed: 0, arguments: {x: 1}, tags: [t]}
cases:
  - {id: one, arguments: {y: 2}, tags: [u], steps: 3}
  - {id: two}
"""
    one, two = load(tmp_path, text).cases
    assert (one.arguments, one.tags, one.steps) == ({"x": 1, "y": 2}, ("t", "u"), 3)
    assert (two.arguments, two.tags, two.steps) == ({"x": 1}, ("t",), 2)


def test_parametrize_expands_in_a_fixed_order(tmp_path: Path) -> None:
    lists = "mode: [pynative, graph], dtype: [float16], steps: [2, 50], seed: [0, 1]"
    suite = merged(tmp_path, "seeds: [5, 6], dtype: float32", f"parametrize: {{{lists}}}")
    assert [case.id for case in suite.cases] == [
        f"c-seed{seed}-steps{steps}-float16-{mode}"
        for seed in (0, 1)
        for steps in (2, 50)
        for mode in ("pynative", "graph")
    ]
    last = suite.cases[-1]
    assert (last.seeds, last.steps, last.dtype, last.mode) == ((1,), 50, "float16", "graph")
    assert {case.line for case in suite.cases} == {3}


def test_parametrize_over_batches(tmp_path: Path) -> None:
    suite = merged(tmp_path, "seed: 9", "parametrize: {seeds: [[0, 1], [7]]}")
    assert [(c.id, c.seeds) for c in suite.cases] == [
        ("c-seeds0_1", (0, 1)),
        ("c-seeds7", (7,)),
    ]


def test_parametrize_over_checkpoints_schedulers_and_arguments(tmp_path: Path) -> None:
    lists = (
        "arguments.prompt: [a red fox in the snow], arguments.eta: [1, 1.0, -0.5], "
        "scheduler_arguments: [{}, {solver_order: 2}], "
        "scheduler: [DPMSolverMultistepScheduler, DDIMScheduler], checkpoint: [checkpoints/a]"
    )
    suite = merged(
        tmp_path,
        "seed: 0, arguments: {eta: 9, guidance: 7}, scheduler_arguments: {beta_end: 0.1}",
        f"pipeline: 'mindone:SomePipeline', parametrize: {{{lists}}}",
    )
    assert [case.id for case in suite.cases] == [
        f"c-checkpoints-a-{scheduler}-{settings}-{eta}-prompt-a-red-fox-in-the-snow"
        for scheduler in ("dpm-solver-multistep", "ddim")
        for settings in ("none", "solver_order2")
        for eta in ("eta1", "eta1.0", "eta-0.5")
    ]
    last = suite.cases[-1]
    assert (last.checkpoint, last.scheduler) == ("checkpoints/a", "DDIMScheduler")
    assert last.arguments == {"eta": -0.5, "guidance": 7, "prompt": "a red fox in the snow"}
    assert last.scheduler_arguments == {"beta_end": 0.1, "solver_order": 2}
    assert suite.cases[0].scheduler_arguments == {"beta_end": 0.1}


def test_ids_that_would_be_too_long_end_in_a_hash(tmp_path: Path) -> None:
    batches = [list(range(50)), [*range(49), 99]]
    cases = merged(tmp_path, "seed: 0", f"parametrize: {{seeds: {batches}}}").cases
    first, second = (case.id for case in cases)
    assert first[:-6] == second[:-6] == f"c-seeds{'_'.join(map(str, range(50)))}"[: MAX_NAME - 7] + "-"
    assert len(first) == MAX_NAME
    assert first != second


@pytest.mark.parametrize(
    ("value", "in_the_id"),
    [
        ("true", "x-true"),
        ("null", "x-null"),
        ("1e-06", "x1e-06"),
        ("1e+30", "x1e30"),
        ("'UPPER case.'", "x-upper-case"),
        ("{file: a/b.png}", "x-file-a-b.png"),
        ("[64, 48]", "x-64-48"),
        # What an id cannot hold or has no room for is told apart by a hash, whatever the other values are.
        ("狐狸", "x-0a93e4"),
        ("a prompt that is long and has words", "x-a-prompt-that-is-f0c425"),
    ],
)
def test_how_the_value_of_an_argument_reads_in_an_id(tmp_path: Path, value: str, in_the_id: str) -> None:
    (case,) = merged(tmp_path, "seed: 0", f"parametrize: {{arguments.x: [{value}]}}").cases
    assert case.id == f"c-{in_the_id}"


def test_scalars_follow_yaml_1_2(tmp_path: Path) -> None:
    values = "[1e-6, 1E3, .5, 010, 0x10, 0o17, yes, on, 12:30, 2024-01-01, 1_000, '5', ~, True, =]"
    (case,) = merged(tmp_path, "seed: 0", f"arguments: {{values: {values}}}").cases
    expected = [
        1e-6,
        1000.0,
        0.5,
        10,
        16,
        15,
        "yes",
        "on",
        "12:30",
        "2024-01-01",
        "1_000",
        "5",
        None,
        True,
        "=",
    ]
    assert case.arguments["values"] == expected
    assert [type(v) for v in case.arguments["values"]] == [type(v) for v in expected]


def test_anchors_and_aliases_are_read(tmp_path: Path) -> None:
    text = """\
suite: s
defaults: {pipeline: 'a:b', steps: 2, seed: 0}
cases:
  - {id: one, arguments: &shared {x: [1, 2]}}
  - {id: two, arguments: *shared}
"""
    one, two = load(tmp_path, text).cases
    assert one.arguments == two.arguments == {"x": [1, 2]}


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff" + FULL).name == "full"


def test_a_missing_checkpoint_folder_is_left_to_the_run(tmp_path: Path) -> None:
    (case,) = merged(tmp_path, "seed: 0", "pipeline: ddim, checkpoint: no/such/folder").cases
    assert case.checkpoint == "no/such/folder"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = load(tmp_path, FULL, "one.yaml"), load(tmp_path, "\n" + FULL, "two.yaml")
    check_unique_names([one, one])
    with pytest.raises(SuiteError) as caught:
        check_unique_names([one, two])
    message = f"the suite's name 'full' is taken by {one.path}:2; rename one of the two"
    assert str(caught.value) == f"{two.path}:3:8: {message}"
