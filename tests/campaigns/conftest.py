"""Where campaigns count: ``HARNESS_CAMPAIGNS`` names a file that gets one line of JSON for each."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture
def counts(request: pytest.FixtureRequest):
    """What came of each try; written where ``HARNESS_CAMPAIGNS`` says, once the test has passed."""
    counted: Counter[str] = Counter()
    yield counted
    report = os.environ.get("HARNESS_CAMPAIGNS")
    if report and request.session.testsfailed == 0:
        with Path(report).open("a") as file:
            file.write(json.dumps({"test": request.node.nodeid, "counts": counted}, sort_keys=True) + "\n")
