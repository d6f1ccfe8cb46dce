"""What runner and worker say to each other, and what a worker's interpreter needs for it."""

from __future__ import annotations

import subprocess
import sys

import execnet
import pytest

from harness.codec import from_json, to_json
from harness.errors import FailureCause
from harness.execution.messages import Answer, AnswerKind, Context, Settings
from harness.execution.profile import Profile
from harness.execution.worker import _failure

SETTINGS = Settings(
    Profile("Ascend", 2, "AVX512_CORE", core=5),
    Context("graph", "float16", "mindone"),
    5.5,
    ("/naïve", "/b"),
    ("a.b",),
)


def through_execnet(data):
    return execnet.loads(execnet.dumps(data))


def test_settings_arrive():
    assert from_json(Settings, through_execnet(to_json(SETTINGS))) == SETTINGS


@pytest.mark.parametrize("change", [{"limit": "5"}, {"profile": {"device": "CPU"}}, {"extra": 1}])
def test_settings_that_are_none_are_refused(change):
    with pytest.raises(ValueError, match=r"key|type"):
        from_json(Settings, {**to_json(SETTINGS), **change})


@pytest.mark.parametrize("cause", FailureCause)
def test_the_cause_of_a_failure_arrives(cause):
    answer = Answer(AnswerKind.ERROR, "no kernel", cause)
    assert from_json(Answer, through_execnet(to_json(answer))) == answer


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
