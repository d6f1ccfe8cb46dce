"""What runner and worker say to each other, and what a worker's interpreter needs for it."""

from __future__ import annotations

import subprocess
import sys

import execnet
import pytest

from harness.errors import FailureCause
from harness.execution.messages import Answer, AnswerKind, Settings
from harness.execution.profile import Profile
from harness.execution.worker import _failure

SETTINGS = Settings(Profile(core=None), "graph", "float16", "mindone", 5.5, "/tmp/naïve.log", ("/a", "/b"))


def through_execnet(data):
    return execnet.loads(execnet.dumps(data))


def test_settings_arrive():
    assert Settings.from_wire(through_execnet(SETTINGS.to_wire())) == SETTINGS


@pytest.mark.parametrize("change", [{"limit": "5"}, {"profile": {"device": "CPU"}}, {"extra": 1}])
def test_settings_that_are_none_are_refused(change):
    with pytest.raises(ValueError, match=r"key|type"):
        Settings.from_wire({**SETTINGS.to_wire(), **change})


@pytest.mark.parametrize("cause", FailureCause)
def test_the_cause_of_a_failure_arrives(cause):
    answer = Answer(AnswerKind.ERROR, "no kernel", cause)
    assert Answer.from_wire(through_execnet(answer.to_wire())) == answer


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (ModuleNotFoundError("No module named 'mindone'"), AnswerKind.ERROR, FailureCause.MISSING_PACKAGE),
        (MemoryError(), AnswerKind.FAILED, FailureCause.OUT_OF_MEMORY),
        (ValueError("boom"), AnswerKind.FAILED, FailureCause.OTHER),
    ],
)
def test_a_failure_is_told_by_the_type_of_its_error(error, kind, cause):
    answer = _failure(error)
    assert (answer.kind, answer.cause) == (kind, cause)


def test_a_worker_needs_none_of_the_packages_of_the_other_side():
    absent = ["pydantic", "yaml", "execnet", "pytest", "rich", "typer", "scipy", "skimage", "sqlite3"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        "import harness.execution.worker, harness.tracing.trace"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
