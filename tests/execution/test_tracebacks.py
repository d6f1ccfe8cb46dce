"""Which frames of a failure are shown: a user's own, or all where the harness itself failed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.execution.tracebacks import raised_by_operator, told
from harness.measurement.statistics import summarise
from harness.pipelines.calling import Signature, call_pipeline, of_images
from harness.pipelines.factory import UserCode, find_factory, make_pipeline


def failing(*_: Any, generator: Any = None) -> None:
    raise ZeroDivisionError("the user's own")


def call(pipeline: Callable[..., Any]) -> None:
    signature = Signature("own", pipeline)
    call_pipeline(signature, pipeline, [None], steps=None, arguments={}, after_step=summarise)


def seen(function: Callable[[], Any]) -> str:
    with pytest.raises(Exception) as error:
        function()
    return told(error.value)


@pytest.mark.parametrize(
    "enter", [lambda: call(failing), lambda: make_pipeline("x:y", failing, None, "float32", "pynative")]
)
def test_of_a_users_failure_the_frames_of_harness_are_left_out(enter: Callable[[], Any]) -> None:
    shown = seen(enter)
    assert shown.startswith(f'Traceback (most recent call last):\n  File "{__file__}", line ')
    assert "in failing" in shown
    assert shown.endswith("ZeroDivisionError: the user's own\n")
    assert "harness" not in shown.replace(__file__, "")


def test_what_a_module_raises_when_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_that_fails.py").write_text("1 / 0\n")
    (tmp_path / "own_that_is_no_python.py").write_text("def make(:\n")
    shown = seen(lambda: find_factory("own_that_fails:make", "none", UserCode(("/",))))
    first = (
        f'Traceback (most recent call last):\n  File "{tmp_path / "own_that_fails.py"}", line 1, in <module>'
    )
    assert shown.startswith(first)
    shown = seen(lambda: find_factory("own_that_is_no_python:make", "none", UserCode(("/",))))
    assert shown.startswith(f'  File "{tmp_path / "own_that_is_no_python.py"}", line 1\n')


def test_of_the_harness_own_failure_every_frame_is_shown() -> None:
    def calling_back(generator: Any) -> None:
        summarise(None)  # type: ignore[arg-type]

    shown = seen(lambda: summarise(None))  # type: ignore[arg-type]
    assert "in seen" in shown
    assert "in summarise" in shown
    # A pipeline that is built in is the harness' own, too.
    shown = seen(lambda: make_pipeline("ddim", of_images, None, "float32", "pynative"))
    assert "in make_pipeline" in shown
    assert "in of_images" in shown
    # Entered from a user's code, it is shown from there on.
    shown = seen(lambda: call(calling_back))
    assert "in calling_back" in shown
    assert "in summarise" in shown
    assert "in call_pipeline" not in shown


@pytest.mark.parametrize(
    ("module", "kind", "operator"),
    [
        ("mindspore.ops.functional_overload", RuntimeError, True),
        ("mindspore.ops.functional_overload", ValueError, False),
        ("harness.kernels.arithmetic", RuntimeError, True),
        ("harness.pipelines.calling", RuntimeError, False),
        ("mindspore_of_mine", RuntimeError, False),
    ],
)
def test_an_operator_that_fails_is_told_from_other_failures_by_type_and_place(module, kind, operator) -> None:
    space: dict[str, Any] = {"__name__": module, "kind": kind}
    exec("def div():\n    raise kind('Trunc should have 1 outputs, but got 2.')", space)
    with pytest.raises(kind) as error:
        space["div"]()
    assert raised_by_operator(error.value) is operator
