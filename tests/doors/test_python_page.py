"""What docs/python.md and its notebook show is run, from the first line to the last."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_runs_and_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    page = (DOCS / "python.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("suites").mkdir()
    names = {"__name__": "python_page"}
    printed = []
    for language, text in blocks:
        if language == "yaml":
            Path("suites/digits.yaml").write_text(text)
        elif language == "python":
            # What was printed before has been compared.
            assert not "".join(printed).strip()
            exec(compile(text, "docs/python.md", "exec"), names)
            printed = [capsys.readouterr().out]
        else:
            assert "".join(printed) == text
            printed = []
    assert not "".join(printed).strip()
