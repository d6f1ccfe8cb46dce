"""The benchmark of causes: mistakes in known places are named there, by `harness explain` as it is."""

import pytest

from benchmarks import causes

pytestmark = pytest.mark.mindone


def right(told):
    return [part for part in (told.first, told.step, told.component, told.cell) if part is not None]


def test_a_sample(monkeypatch):
    monkeypatch.setattr(causes, "MEMBERS", 3)
    found = dict(causes.measured("float32", ["timestep", "guidance", "vae-eps"]))
    assert len(found) == 3
    for told in found.values():
        assert all(right(told)), told.told
        assert told.caught, told.told


@pytest.mark.slow
def test_what_is_told_is_held_to_the_place(monkeypatch):
    """The benchmark itself can fail: a mistake that is looked for elsewhere is wrong in every part."""
    monkeypatch.setattr(causes, "MEMBERS", 3)
    monkeypatch.setitem(causes.PLACES, "timestep", causes.PLACES["vae-eps"])
    ((_, told),) = causes.measured("float32", ["timestep"])
    assert right(told) == [False] * 4


@pytest.mark.slow
@pytest.mark.parametrize("group", ["core", "float32", "float16"])
def test_nearly_all_are_named_right(group):
    found = [told for _, told in causes.measured(group)]
    first = [told.first for told in found]
    cells = [told.cell for told in found if told.cell is not None]
    assert sum(first) >= 0.95 * len(first), [told.told for told in found if not told.first]
    assert sum(cells) >= 0.9 * len(cells), [told.told for told in found if told.cell is False]
