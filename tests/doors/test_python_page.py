"""What docs/python.md and its notebook show is run, from the first line to the last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_runs_and_prints_what_it_shows(tmp_path, monkeypatch, capsys):
    # What is generated below has its own test.
    page = (DOCS / "python.md").read_text().partition("<!-- generated")[0]
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


@pytest.mark.slow
def test_the_notebook_runs_and_shows_tables_and_pictures(tmp_path, monkeypatch):
    import nbclient
    import nbformat

    # Else jupyter_core warns of the folders that it will use one day.
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    # The kernel leaves nothing in the home of whoever runs the tests.
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    notebook = nbformat.read(DOCS / "python.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # What it shows belongs to whoever runs it.
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = []
    for cell in code:
        # One result each, and nothing printed.
        (output,) = cell.outputs
        assert output.output_type == "execute_result"
        shown.append(output.data)
    names, recorded, checked, compared, explained = shown
    assert names["text/plain"] == "['digits/one', 'digits/two']"
    assert recorded["text/plain"] == "<RecordResult: passed>"
    assert [page["text/html"].count("<img ") for page in (recorded, checked, compared)] == [3, 3, 6]
    assert checked["text/html"].count(">identical</td>") == 2
    assert compared["text/plain"] == "<CompareResult: not passed>"
    assert re.search(r'<th scope="row">relative_l2</th><td>0.001</td><td>≤ 1e-06</td>', compared["text/html"])
    assert "nothing differs" in explained["text/html"]
