"""What docs/pipelines.md shows is run: the code, the suite, and the pipeline through the command line."""

import re
from pathlib import Path

from harness.cases.load import load_suite

PAGE = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_built_in_pipeline_outside_the_harness(mindspore):
    code = next(block for block in blocks("python") if "from_pretrained" in block)
    names = {}
    exec(compile(code, "docs/pipelines.md", "exec"), names)
    assert names["images"].std() > 0


def test_the_suite_of_the_page_is_valid(tmp_path):
    (text,) = blocks("yaml")
    path = tmp_path / "guide.yaml"
    path.write_text(text)
    (case,) = load_suite(path).cases
    assert case.checkpoint.startswith("hub:google/ddpm-cifar10-32@")


def test_the_pipeline_of_the_page_is_recorded_and_passes(project):
    code = next(block for block in blocks("python") if "def factory" in block)
    (project.root / "mine.py").write_text(code)
    project.suite(
        "small", "suite: small\ncases:\n  - {id: a, pipeline: 'mine:factory', seeds: [0, 1], steps: 2}\n"
    )
    project.record()
    assert project.pytest().returncode == 0
