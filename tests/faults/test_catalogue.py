"""The catalogue of faults: what it promises of every entry, and what it says of a name that is not there."""

import math
import re
import subprocess
import sys

import pytest

from harness.errors import HarnessError
from harness.faults.catalogue import FAULTS, fault


def test_every_fault_is_described_once():
    assert len({known.name for known in FAULTS}) == len(FAULTS) >= 28
    for known in FAULTS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", known.name)
        assert known.title
        assert fault(known.name) is known


def test_every_family_is_there():
    assert {known.family for known in FAULTS} == {"noise", "scheduler", "model", "output"}


@pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.name)
def test_sizes_are_in_order(known):
    if known.sized:
        assert 0 < known.smallest < known.reference <= known.largest < math.inf
        assert known.unit
    else:
        assert (known.smallest, known.largest, known.unit) == (0, 0, "")


def test_no_size_is_the_reference():
    assert fault("brightness").checked_size(None) == fault("brightness").reference
    assert fault("brightness").checked_size(0) == 0
    assert fault("other-seed").checked_size(None) is None


@pytest.mark.parametrize("size", [-1e-9, 1.5, math.nan, math.inf])
def test_a_size_that_a_fault_cannot_have(size):
    with pytest.raises(HarnessError, match=r"brightness: its size is .*give 0 to 1"):
        fault("brightness").checked_size(size)


def test_a_size_for_a_fault_that_has_none():
    with pytest.raises(HarnessError, match=r"other-seed: it has no size, but is given 1\.0"):
        fault("other-seed").checked_size(1.0)


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(HarnessError, match="did you mean brightness"):
        fault("brightnes")
    with pytest.raises(HarnessError, match=r"known are other-seed, .*quantised"):
        fault("xyz")


def test_the_parent_needs_no_mindspore():
    code = "import sys, harness.faults.catalogue, harness.faults.output; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
