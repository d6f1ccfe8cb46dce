"""Under another MindSpore release: real drift is within tolerance, and it is said to be across releases.

HARNESS_OTHER_PYTHON names the interpreter that has the other release.
"""

import re

import pytest

from harness.cases.selection import select
from harness.releases.interpreters import inspect_interpreter

pytestmark = pytest.mark.releases

# The factory's output moves with TEST_OFFSET: some releases have the same bits, which need no limits.
SUITE = """\
suite: held
defaults:
  pipeline: pipelines:with_environment
  seed: 0
  steps: 3
cases:
  - id: limited
    tolerance: {across_releases: {max_abs: 1.0e-3, statistics: 1.0e-3}}
  - id: strict
    strict: true
    tolerance: {across_releases: {max_abs: 1.0e-3, statistics: 1.0e-3}}
  - id: without-limits
"""


def test_shipped_suites_are_within_their_limits(shipped, other_python, other_release, other_bits):
    """Those of mindone where it is installed there; a strict case is not compared."""
    mindone = "mindone" in inspect_interpreter(other_python).packages
    tags = [] if mindone else ["-m", "not mindone"]
    found = shipped.compare("suites/", "-v", "--harness-python", other_python, *tags)
    assert found.returncode == 0, found.text
    every = select([str(shipped.root / "suites")]).cases
    cases = {case.name: case for case in every if mindone or "mindone" not in case.tags}
    assert list(found.verdicts) == list(cases)
    for name, verdict in found.verdicts.items():
        assert verdict in (["incomparable"] if cases[name].strict else ["identical", "within"]), found.text
    assert set(found.tiers.values()) == {"across_releases"}
    assert re.search(
        rf"^across releases: {len(cases)} compared \(.*mindspore {other_release} \(\w+\) \| 2\.10\.0 \(",
        found.text,
        re.M,
    )
    if other_bits:
        # The drift is real: it is there, and the limits hold it.
        assert re.search(
            r"ddim\.yaml::two-steps WITHIN \(across releases, [\w. ]+ at \d+% of its limit\)", found.text
        )


def test_what_is_no_rounding_is_drift_there_too(shipped, other_python):
    """Limits for other releases do not hide a fault."""
    shipped.edit_core("pipelines/schedulers/sampling.py", "np.float32(1) if", "np.float32(0.9999) if")
    found = shipped.compare("suites/ddim.yaml::two-steps", "--harness-python", other_python)
    assert found.verdicts == {"ddim/two-steps": "drift"}
    assert "ddim/two-steps: drift (across releases" in found.text


def test_strict_cases_and_cases_without_limits_are_incomparable(project, other_python):
    path = project.suite("held", SUITE)
    project.keep_baselines()
    project.environment["TEST_OFFSET"] = "1e-6"
    found = project.compare("suites/", "--harness-python", other_python)
    assert found.returncode == 1
    assert found.verdicts == {
        "held/limited": "within",
        "held/strict": "incomparable",
        "held/without-limits": "incomparable",
    }, found.text
    told = (
        "the case is strict: it is compared only in the environment of its baseline, and this run is across "
        "releases"
    )
    assert f"skipped: held/strict, {told}" in found.text
    assert "1 failed, 1 passed, 1 skipped" in found.text
    line = path.read_text().splitlines().index("  - id: without-limits") + 1
    told = found.explanation("held/without-limits")
    assert "run harness calibrate suites/held.yaml::without-limits --baseline-dir baselines" in told
    assert f"or set `tolerance.across_releases` at suites/held.yaml:{line}" in told
