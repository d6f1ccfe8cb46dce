"""`harness schema`."""

from __future__ import annotations

from harness.cases.schema import SCHEMA_PATH


def schema() -> None:
    """Print the JSON Schema of suites, with which editors complete and check them."""
    print(SCHEMA_PATH.read_text(encoding="utf-8"), end="")
