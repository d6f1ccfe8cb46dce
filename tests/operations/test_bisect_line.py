"""Bisecting a line of versions: the change is found, in few runs, whatever is in its way."""

import dataclasses
import io
import math
from functools import partial

import numpy as np
import pytest
from rich.console import Console
from samples import make_case, make_measurement, refused

from harness.baselines.store import BaselineStore
from harness.errors import HarnessError, UsageError
from harness.judgement.judgement import Verdict
from harness.operations.bisect_releases import ReleaseRange
from harness.operations.compare_runs import compare_runs
from harness.releases.attribution import Attribution, FoundChange, attribute
from harness.releases.bisection import NeitherGoodNorBad, NothingToFind, bisect
from harness.releases.interpreters import Subject
from harness.releases.requirements import Release
from harness.reporting.bisection import show_change
from harness.reporting.commands import Invocation

LIMITS = {"same_environment": {"max_abs": 0.01}}


class Line:
    """Versions 0 to n - 1 whose output is moved by ``moves``; those in ``broken`` do not run."""

    def __init__(self, moves, broken=(), folder=None):
        self.moves, self.broken, self.ran, self.told = moves, broken, [], []
        self.compare = partial(compare_runs, make_case(tolerance=LIMITS), store=BaselineStore(folder))

    def run(self, version):
        self.ran.append(version)
        if version in self.broken:
            raise HarnessError(f"version {version} does not run")
        output = make_measurement().output
        return make_measurement((output + np.float32(self.moves[version])).astype(np.float32))

    def bisect(self, **options):
        return bisect(
            range(len(self.moves)), self.run, self.compare,
            tried=self.told.append, **options,
        )  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 8, 9, 20])
def test_every_place_of_the_change_is_found_in_few_runs(count, tmp_path):
    for first_bad in range(1, count):
        line = Line([0.0] * first_bad + [0.5] * (count - first_bad), folder=tmp_path)
        found = line.bisect()
        assert (found.last_good, found.first_bad) == (first_bad - 1, first_bad)
        assert found.runs == len(line.ran) == len(set(line.ran)) <= math.ceil(math.log2(count)) + 2
        assert found.step.verdict is Verdict.DRIFT
        assert found.untested == ()
        assert [told.version for told in line.told] == line.ran


def test_other_bits_or_drift(tmp_path):
    moves = [0.0, 0.0, 0.001, 0.001, 0.5, 0.5]
    assert Line(moves, folder=tmp_path).bisect().first_bad == 2
    drift = Line(moves, folder=tmp_path).bisect(until_drift=True)
    assert (drift.last_good, drift.first_bad) == (3, 4)
    # A step may pass where it is held to the one before it alone.
    creeping = Line([0.0, 0.006, 0.006, 0.012, 0.012], folder=tmp_path).bisect(until_drift=True)
    assert (creeping.first_bad, creeping.step.verdict, creeping.to_good.verdict) == (
        3, Verdict.WITHIN, Verdict.DRIFT,
    )  # fmt: skip


def test_drift_that_cannot_be_judged(tmp_path):
    line = Line([0.0, 0.5], folder=tmp_path)
    other = {**make_measurement().fingerprint, "mindspore": "2.9.0"}

    def run(version):
        measured = line.run(version)
        return dataclasses.replace(measured, fingerprint=other) if version else measured

    with refused(NeitherGoodNorBad, r"1: incomparable with 0: .* Leave out --drift"):
        bisect([0, 1], run, line.compare, until_drift=True)
    assert bisect([0, 1], run, line.compare).first_bad == 1


def test_what_does_not_run_is_left_out_and_named(tmp_path):
    moves = [0.0, 0.0, 0.0, 0.5, 0.5]
    found = Line(moves, broken={2}, folder=tmp_path).bisect()
    assert (found.last_good, found.first_bad) == (1, 3)
    assert found.untested == ((2, "version 2 does not run"),)
    far = Line(moves, broken={1}, folder=tmp_path).bisect()
    assert (far.last_good, far.first_bad, far.untested) == (2, 3, ())
    for end in (0, 4):
        with pytest.raises(HarnessError, match=f"version {end} does not run"):
            Line(moves, broken={end}, folder=tmp_path).bisect()


def test_nothing_to_find(tmp_path):
    line = Line([0.0, 0.5, 0.0], folder=tmp_path)
    with pytest.raises(NothingToFind, match="2 has the same bits as 0"):
        line.bisect()
    assert len(line.ran) == 2
    with pytest.raises(NothingToFind, match="2 passes when held to 0"):
        Line([0.0, 0.5, 0.001], folder=tmp_path).bisect(until_drift=True)
    with pytest.raises(NothingToFind, match="are the same"):
        Line([0.0], folder=tmp_path).bisect()


def parted(good, bad, sensitive, *, can_vary=True, named=(), together=()):
    """Attribute a change that the packages in ``sensitive`` make; returns what was found and was tried.

    Those in ``together`` run in one version alone.
    """
    subjects = tuple(Subject("", "", packages) for packages in (good, bad))
    tried = []

    def measured(packages):
        return make_measurement(seed=sum(2**i for i, name in enumerate(sensitive) if packages[name] == "2"))

    def run_with(pins):
        tried.append(dict(pins))
        packages = {**bad, **pins}
        if len({packages[name] for name in together}) > 1:
            raise HarnessError("cannot be imported")
        return measured(packages)

    found = attribute(
        "mindspore", subjects, (measured(good), measured(bad)), run_with if can_vary else None, named
    )
    return found, tried


def test_the_part_that_changed_the_output():
    one, two = {"mindspore": "1", "numpy": "1", "scipy": "1"}, {"mindspore": "2", "numpy": "2", "scipy": "2"}
    alone, tried = parted(one, {**one, "mindspore": "2"}, ["mindspore"])
    assert (alone.part, tried, alone.runs) == ("mindspore", [], 0)
    found, tried = parted(one, two, ["mindspore"])
    assert (found.part, tried) == ("mindspore", [{"numpy": "1", "scipy": "1"}])
    assert found.others == ("numpy: 1 -> 2", "scipy: 1 -> 2")
    found, tried = parted(one, two, ["scipy"])
    assert (found.part, found.runs, len(tried)) == ("scipy", 3, 3)
    found, tried = parted(one, {**two, "scipy": "1"}, ["numpy"])
    assert (found.part, found.runs) == ("numpy", 1)
    assert parted(one, two, ["mindspore", "numpy"])[0].part is None
    found, tried = parted(one, two, ["numpy"], can_vary=False)
    assert (found.part, tried) == (None, [])
    assert "mindspore, or numpy, scipy" in found.text


def test_parts_that_do_not_run_apart():
    one = {"mindspore": "1", "mindone": "1", "numpy": "1", "transformers": "1"}
    two = dict.fromkeys(one, "2")
    pair = ["mindone", "transformers"]
    found, tried = parted(one, two, ["mindone"], together=pair)
    assert (found.part, found.runs, len(tried)) == (None, 4, 4)
    assert found.text == (
        "not mindspore, for with the good side's mindone, numpy, transformers there is no change; "
        "apart they do not run: cannot be imported"
    )
    # Of what runs apart it is told all the same, and of what runs with none of the others nothing.
    assert parted(one, two, ["numpy"], together=pair)[0].part == "numpy"
    assert parted(one, two, ["mindspore"], together=pair)[0].part == "mindspore"
    found, tried = parted(one, two, ["mindone"], together=["mindspore", "mindone"])
    assert (found.part, len(tried)) == (None, 1)
    assert found.text.startswith("mindspore, or mindone, numpy, transformers: no run with one part varied")


def test_packages_that_compute_nothing_are_named_not_varied():
    good, bad = {"mindspore": "1", "psutil": "1", "new": "1"}, {"mindspore": "2", "psutil": "2", "added": "1"}
    found, tried = parted(good, bad, ["mindspore"])
    assert (found.part, tried, found.others) == ("mindspore", [], ("psutil: 1 -> 2",))
    # One that is on one side alone cannot be varied, and is named.
    found, tried = parted(good, {**bad, "scipy": "1"}, ["mindspore"])
    assert (found.part, tried, found.others) == ("mindspore", [], ("psutil: 1 -> 2", "scipy: absent -> 1"))
    found, tried = parted(good, bad, ["psutil"], named=["psutil"])
    assert (found.part, tried) == ("psutil", [{"psutil": "1"}])


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("mindspore", "with mindspore==2.8.0"),
        ("numpy", "from mindspore==2.7.0 to mindspore==2.8.0"),
        (None, "from mindspore==2.7.0 to mindspore==2.8.0"),
    ],
)
def test_a_release_is_not_blamed_for_what_came_with_it(part, place, tmp_path):
    found = Line([0.0, 0.5], folder=tmp_path).bisect()
    ends = {"last_good": Release("mindspore", "2.7.0"), "first_bad": Release("mindspore", "2.8.0")}
    console = Console(file=io.StringIO(), width=200)
    change = FoundChange(make_case(), dataclasses.replace(found, **ends), Attribution(part, "why"))
    show_change(console, change, Invocation())
    assert console.file.getvalue().splitlines()[0] == f"guide/two-steps changed {place}"


def line_of(good, bad, *between):
    ends = (Release("mindspore", good), Release("mindspore", bad))
    releases = tuple(Release("mindspore", version) for version in between)
    line = ReleaseRange(*ends, releases).line(None, lambda text: None)
    return [release.version for release in line.releases]


def test_the_line_that_is_given():
    assert line_of("2.7.0", "2.10.0", "2.9.0", "2.8.0", "2.7.0") == ["2.7.0", "2.8.0", "2.9.0", "2.10.0"]
    # Where the later release is the good one.
    assert line_of("2.10.0", "2.7.0", "2.9.0") == ["2.10.0", "2.9.0", "2.7.0"]
    with pytest.raises(UsageError, match=r"mindspore==2\.6\.0 is not between"):
        line_of("2.7.0", "2.10.0", "2.6.0")
    with pytest.raises(UsageError, match="are different packages"):
        ReleaseRange(Release("a", "1"), Release("b", "1")).line(None, lambda text: None)
