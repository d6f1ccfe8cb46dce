"""A method is observed in the objects and in the copies that are made of them, and left as it was."""

from __future__ import annotations

import copy
import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from harness.pipelines.methods import Call, observed_method


class Solver:
    """It remembers what it was given, as multistep solvers do."""

    def __init__(self) -> None:
        self.given: list[float] = []

    def step(self, value: float, *, generator: Any = None) -> float:
        self.given.append(value)
        return value / 2


class Other(Solver):
    def step(self, value: float, *, generator: Any = None) -> float:
        return super().step(value) + 1


class Seen:
    def __init__(self) -> None:
        self.calls: list[tuple[int, Any, Any]] = []

    def __call__(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = call.sound(*args, **kwargs)
        self.calls.append((call.place, call.of, result))
        return result


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: each])
@pytest.mark.parametrize("kind", [Solver, Other])
def test_a_copy_is_observed_and_works_in_itself(kind: type[Solver], copied: Any) -> None:
    pipeline = SimpleNamespace(scheduler=kind())
    first, signature = pipeline.scheduler, inspect.signature(pipeline.scheduler.step)
    defined = vars(kind)["step"]
    for number in range(3):
        seen = Seen()
        with observed_method([pipeline.scheduler], "step", seen):
            assert inspect.signature(pipeline.scheduler.step) == signature
            pipeline.scheduler = copied(pipeline.scheduler)
            pipeline.scheduler.given = [*pipeline.scheduler.given]
            made = pipeline.scheduler.step(8.0, generator=None)
        assert seen.calls == [(0, pipeline.scheduler, made)]
        assert pipeline.scheduler.given == [8.0] * (number + 1)
        assert vars(kind)["step"] is defined
        # Nothing observes it afterwards, and no mark of an earlier call is kept for ever.
        pipeline.scheduler.step(1.0)
        assert len(seen.calls) == 1
        pipeline.scheduler.given.pop()
        assert len(getattr(pipeline.scheduler, "_harness_marks", ())) <= 1
    assert vars(first).keys() == {"given"}


def test_others_of_the_class_are_not_observed_and_each_is_known_by_its_place() -> None:
    seen = Seen()
    one, two, own, stranger = Solver(), Other(), Solver(), Solver()
    own.step = lambda value: value  # type: ignore[method-assign, assignment, misc]
    with observed_method([one, two, own], "step", seen):
        results = [each.step(4.0) for each in (stranger, own, two, one)]
    assert results == [2.0, 4.0, 3.0, 2.0]
    # The step of the base class within that of `two` is a part of it.
    assert [(place, of) for place, of, _ in seen.calls] == [(2, own), (1, two), (0, one)]
    assert vars(own).keys() == {"given", "step"}


def test_two_observers_of_the_same_object_each_see_a_call_once() -> None:
    one, inner, outer = Solver(), Seen(), Seen()
    with observed_method([one], "step", inner), observed_method([one], "step", outer):
        copy.deepcopy(one).step(2.0)
    assert (len(inner.calls), len(outer.calls)) == (1, 1)
    assert vars(one).keys() == {"given"}


def test_an_error_leaves_nothing_behind() -> None:
    one, seen = Solver(), Seen()
    with pytest.raises(TypeError), observed_method([one], "step", seen):
        one.step("text")  # type: ignore[arg-type]
    assert vars(one).keys() == {"given"}
    with observed_method([one], "step", seen):
        one.step(2.0)
    assert len(seen.calls) == 1
