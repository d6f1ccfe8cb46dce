"""The atlases of the documentation: complete, small, and saying what they are there to say."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.atlas_table import lines, release, stored
from harness.atlas.comparing import compare
from harness.atlas.result import State
from harness.atlas.table import entries

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def atlases():
    return {release(each): each for each in stored()}


def test_there_is_one_of_each_release_and_each_is_whole(atlases):
    assert list(atlases) == ["2.7.0", "2.8.0", "2.9.0", "2.10.0"]
    for path in (DOCS / "atlas").glob("*.json"):
        assert path.stat().st_size < 1_000_000
    definitions = {each.name: each.definition for each in entries()}
    for each in atlases.values():
        # An entry that was changed needs new atlases, and a new one as well.
        assert {result.name: result.definition for result in each.results} == definitions
        assert each.complete
        measured = list(each.measured())
        assert len({result.operator for result in measured}) >= 200
        assert all(result.processes == 2 and result.runs >= 4 for result in measured)


def test_all_environments_are_the_same_but_for_the_release(atlases):
    for earlier, later in pairwise(atlases.values()):
        assert set(compare(earlier, later).differences) == {"mindspore"}


def test_what_changed_at_2_9_0_is_the_convolution(atlases):
    found = compare(atlases["2.8.0"], atlases["2.9.0"])
    assert next(iter(found.classes)) == "conv2d 3x3"
    assert "exp" not in found.classes
    same = [compare(atlases[one], atlases[other]) for one, other in (("2.7.0", "2.8.0"), ("2.9.0", "2.10.0"))]
    assert all("conv2d 3x3" not in each.classes for each in same)


def test_references_agree_across_releases_where_the_bits_do(atlases):
    first, last = (atlases[name].by_name() for name in ("2.7.0", "2.10.0"))
    pairs = [(first[name], last[name]) for name in first if first[name].sha256 == last[name].sha256]
    assert len(pairs) > 500
    assert all(one.exactness == other.exactness for one, other in pairs if one.state is State.MEASURED)


def test_the_tables_of_the_page_are_those_of_the_files(atlases):
    assert "\n".join(lines(list(atlases.values()))) in (DOCS / "atlas.md").read_text()
