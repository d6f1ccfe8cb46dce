"""Suites that nobody would write, by the thousand: each is a suite or one error with a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from cases.test_suite_fuzz import CaseEntry, load, trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("many", [pytest.param(10_000, marks=pytest.mark.slow), 100])
def test_any_suite(tmp_path: Path, counts, many: int) -> None:
    entries = st.dictionaries(st.sampled_from(sorted(CaseEntry.model_fields)), trees, max_size=8)

    @settings(max_examples=many, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(entries, trees, st.booleans())
    def read(case: dict[str, Any], defaults: Any, complete: bool) -> None:
        whole = {"id": "a", "pipeline": "x:y", "seed": 0, "steps": 1}
        cases = [{**whole, **case}] if complete else [case]
        counts["suites"] += 1
        load(tmp_path, yaml.safe_dump({"suite": "s", "defaults": defaults, "cases": cases}).encode())

    read()
