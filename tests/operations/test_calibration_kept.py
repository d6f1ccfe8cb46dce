"""Members kept on disk: found again for the very same baseline only, and never in the way."""

import dataclasses
import json
import math

import numpy as np
import pytest
import safetensors.numpy
from members import members_of, sampled
from samples import FINGERPRINT, make_baseline, make_case

import harness.operations.members as module
from harness.baselines.store import BaselineStore
from harness.measurement.figures import CheckpointIdentity
from harness.measurement.sealed import decode_sealed, encode_sealed
from harness.operations.members import KeptMembers

BASE = sampled()
BASELINE = make_baseline(measurement=BASE)
FIRST, SECOND = members_of(BASE, [sampled(1), sampled(2)])


@pytest.fixture
def root(tmp_path):
    return tmp_path / "baselines"


@pytest.fixture
def kept(root):
    kept = KeptMembers(root, BASELINE)
    kept.save(FIRST)
    return kept


def file_of(root, seed=1):
    return root / ".members" / "guide" / "two-steps" / "cpu" / f"{seed}.safetensors"


def same(one, other):
    figures = [dataclasses.replace(member, output=None) for member in (one, other)]
    return figures[0] == figures[1] and np.array_equal(one.output, other.output)


def test_a_kept_member_comes_back_to_the_last_bit(root, kept):
    assert file_of(root).exists()
    assert same(KeptMembers(root, BASELINE).load(1), FIRST)
    assert kept.load(2) is None


def test_figures_that_are_infinite_come_back(root):
    (equal,) = members_of(BASE, [sampled(1, size=0.0)])
    assert equal.metrics["psnr"] == math.inf
    kept = KeptMembers(root, BASELINE)
    kept.save(equal)
    assert same(kept.load(1), equal)


def test_a_member_without_steps_comes_back(root):
    base, run = (dataclasses.replace(run, trace=(), latents=None) for run in (BASE, sampled(1)))
    kept = KeptMembers(root, make_baseline(measurement=base))
    (member,) = members_of(base, [run])
    kept.save(member)
    assert same(kept.load(1), member)


def changed_bit(array):
    array = array.copy()
    array.view(np.uint8).reshape(-1)[0] ^= 1
    return array


@pytest.mark.parametrize(
    "other",
    [
        make_baseline(make_case(steps=3), BASE),
        make_baseline(measurement=dataclasses.replace(BASE, output=changed_bit(BASE.output))),
        make_baseline(
            measurement=dataclasses.replace(
                BASE,
                trace=(BASE.trace[0], dataclasses.replace(BASE.trace[1], sha256="0" * 64), BASE.trace[2]),
            )
        ),
        make_baseline(measurement=dataclasses.replace(BASE, fingerprint={**FINGERPRINT, "numpy": "1.25.0"})),
        make_baseline(measurement=dataclasses.replace(BASE, checkpoint=CheckpointIdentity("x", {"a": "b"}))),
    ],
    ids=["definition", "output", "latents", "environment", "weights"],
)
def test_members_of_another_baseline_are_not_found(root, kept, other):
    assert KeptMembers(root, other).load(1) is None


def test_recording_again_with_the_same_bits_finds_them(root, kept):
    assert KeptMembers(root, make_baseline(measurement=BASE, reason="again")).load(1) is not None


def test_members_of_another_version_are_not_found(root, kept, monkeypatch):
    monkeypatch.setattr(module, "__version__", "0.0.0")
    assert KeptMembers(root, BASELINE).load(1) is None


def test_members_of_other_cases_lie_elsewhere(root, kept):
    other = dataclasses.replace(BASELINE, case_id="other")
    KeptMembers(root, other).save(FIRST)
    KeptMembers(root, other).clear()
    assert kept.load(1) is not None
    assert KeptMembers(root, dataclasses.replace(BASELINE, device="ascend910b4")).load(1) is None


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def rename(path):
    path.write_bytes(file_of(path.parents[4], 2).read_bytes())


def without_metadata(path):
    path.write_bytes(safetensors.numpy.save({"output": FIRST.output}))


def with_metadata(text):
    def write(path):
        path.write_bytes(encode_sealed({"output": FIRST.output}, json.loads(text)))

    return write


def without(what):
    def write(path):
        _, (key, figures) = decode_sealed(path.read_bytes())
        arrays = {"other" if what == "output" else "output": FIRST.output}
        figures.pop(what, None)
        path.write_bytes(encode_sealed(arrays, [key, figures]))

    return write


def folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no safetensors at all, but long enough for a header"),
        rename,
        folder,
        without_metadata,
        *map(with_metadata, ["[]", '"text"', "{}", '{"key": 1}', "null", "[1, 2]", "[1, {}]"]),
        *map(without, ["output", "metrics", "steps", "seed"]),
    ],
)
def test_a_file_that_is_not_what_was_kept_is_run_again(root, kept, damage):
    kept.save(SECOND)
    damage(file_of(root))
    assert kept.load(1) is None
    assert same(kept.load(2), SECOND)


def test_a_damaged_file_is_replaced(root, kept):
    truncate(file_of(root))
    kept.save(FIRST)
    assert same(kept.load(1), FIRST)


def test_no_half_written_file_is_left(root, kept):
    assert list(file_of(root).parent.iterdir()) == [file_of(root)]


def test_clearing_leaves_nothing_behind(root, kept):
    kept.save(SECOND)
    kept.clear()
    assert list(root.iterdir()) == []
    kept.clear()


@pytest.mark.parametrize("place", [{"case_id": "other"}, {"suite": "other"}, {"device": "ascend910b4"}])
def test_clearing_leaves_the_members_of_other_cases(root, kept, place):
    other = KeptMembers(root, dataclasses.replace(BASELINE, **place))
    other.save(FIRST)
    kept.clear()
    assert kept.load(1) is None
    assert other.load(1) is not None
    other.clear()
    assert list(root.iterdir()) == []


def test_kept_members_are_no_baselines_and_out_of_version_control(root, kept):
    assert BaselineStore(root).stored() == ()
    assert (root / ".members" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("in_the_way", [".members", ".members/guide", ".members/guide/two-steps/cpu"])
def test_where_nothing_can_be_kept_nothing_fails(root, in_the_way):
    """A file stands where a folder should be, as it does for root, too, whom no permission stops."""
    path = root / in_the_way
    path.parent.mkdir(parents=True)
    path.write_text("")
    kept = KeptMembers(root, BASELINE)
    kept.save(FIRST)
    assert kept.load(1) is None
    kept.clear()
    assert path.read_text() == ""
