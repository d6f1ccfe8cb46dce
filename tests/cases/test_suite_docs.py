"""docs/suites.md is true: its examples load (or fail as shown), and it names every key and checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.cases import names
from harness.cases.load import load_suite
from harness.cases.problems import SuiteError
from harness.cases.schema import SCHEMA_PATH
from harness.cases.tolerance import CALIBRATED, Calibrated, Limits, Tolerance
from harness.measurement.statistics import summarise

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")
# A block of YAML, and the block of text that follows it directly where it is an example of errors.
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", PAGE, re.DOTALL)


def test_the_page_has_both_kinds_of_example() -> None:
    assert len(EXAMPLES) == PAGE.count("```yaml") == 7
    assert [bool(errors) for _, errors in EXAMPLES] == [False, False, False, False, False, False, True]


@pytest.mark.parametrize(("suite", "errors"), EXAMPLES, ids=[s.split("\n")[0] for s, _ in EXAMPLES])
def test_an_example_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suite: str, errors: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("suite.yaml")
    path.write_text(suite, encoding="utf-8")
    if not errors:
        load_suite(path)
        return
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    assert str(caught.value) == errors.rstrip("\n")


def test_what_the_page_says_about_merging(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(EXAMPLES[1][0], encoding="utf-8")
    batch, single = load_suite(tmp_path / "s.yaml").cases
    assert (batch.seeds, single.seeds) == ((0, 1), (0,))
    assert single.arguments == {"guidance": 1.0, "size": {"height": 64, "width": 64}}
    assert single.tolerance.across_releases == batch.tolerance.across_releases
    assert single.tolerance.across_devices is None
    assert single.tags == ("mine", "nightly")


def test_the_ids_the_page_gives_for_parametrized_cases(tmp_path: Path) -> None:
    for (suite, _), wanted in zip(
        (EXAMPLES[0], EXAMPLES[2]), ("`(long-[^`]+)`", "(pair-[^ ,]+)"), strict=True
    ):
        (tmp_path / "s.yaml").write_text(suite, encoding="utf-8")
        shown = re.findall(wanted, PAGE)
        assert len(shown) >= 2
        assert [c.id for c in load_suite(tmp_path / "s.yaml").cases if c.id in shown] == shown


def test_what_the_page_says_about_the_forms_of_a_tier(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(EXAMPLES[3][0], encoding="utf-8")
    default, devices, wider, limits = (case.tolerance for case in load_suite(tmp_path / "s.yaml").cases)
    assert default == Tolerance(same_environment="exact", across_releases=Calibrated(), across_devices=None)
    assert devices.across_devices == Calibrated()
    assert wider.across_releases == Calibrated(factor=3.0)
    assert limits.across_releases == Limits(relative_l2=1e-6, statistics={"mean": 1e-5, "channel0.std": 1e-5})
    table = re.findall(r"^\| `(\w+)` \| .* \| `?([\w ]+)`? \| `?([\w ]+)`? \|$", PAGE, re.MULTILINE)
    assert [row for row in table if row[0] in Tolerance.model_fields] == [
        ("same_environment", "exact", "an error"),
        ("across_releases", "calibrated", "calibrated"),
        ("across_devices", "not compared", "not compared"),
    ]


def test_every_statistic_is_on_the_page() -> None:
    names = {re.sub(r"^channel\d+", "channel0", name) for name in summarise(np.ones((1, 2, 2, 3)))}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_key_and_checkpoint_is_on_the_page() -> None:
    schema = json.loads(SCHEMA_PATH.read_text())
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part["properties"]} | {CALIBRATED}
    checkpoints = {f"builtin:{name}" for name in names.BUILTIN_CHECKPOINTS}
    checkpoints |= {f"seeded:{name}" for name in names.SEEDED_CHECKPOINTS}
    assert {name for name in keys | checkpoints if f"`{name}`" not in PAGE} == set()


def test_the_schema_comment_leads_from_suites_to_the_schema() -> None:
    (path,) = re.findall(r"^# .*\$schema=(\S+)", PAGE, re.MULTILINE)
    assert (Path(__file__).parents[2] / "suites" / path).resolve() == SCHEMA_PATH.resolve()
