"""Workers of cases that need mindone, where it is not installed."""

from pathlib import Path

import pytest
from samples import make_case

from harness.execution.implementation import implementation_of
from harness.execution.runner import Runner
from harness.execution.worker_process import CaseFailed

TESTS = Path(__file__).parent.parent


def test_what_a_pipeline_stands_on():
    assert implementation_of("mindone:DDIMPipeline") == "mindone"
    assert implementation_of("mindone:own.module:make") == "mindone"
    assert implementation_of("ddim") == implementation_of("own.mindone:make") == ""


@pytest.mark.parametrize("name", ["mindone", pytest.param("transformers", marks=pytest.mark.slow)])
def test_without_mindone_its_cases_alone_fail_and_say_what_to_install(tmp_path, monkeypatch, name):
    # What stands for an environment without it: no module of this name is found.
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{name!r}] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Runner(timeout=300) as runner:
        for _ in range(2):
            with pytest.raises(CaseFailed) as error:
                runner.run(make_case(pipeline="mindone:DDIMPipeline", checkpoint=str(tmp_path)).job())
            assert str(error.value).startswith(
                f"suites/guide.yaml:4:5: guide/two-steps: {name} is not installed for "
            )
            assert "pip install 'determinism-harness[mindone]'" in str(error.value)
            assert (
                'leave these cases out (pytest: -m "not mindone"; harness matrix: --without-tag mindone)'
                in str(error.value)
            )
        assert runner.run(make_case().job()).output.shape == (1, 16, 16, 1)
