"""A project allows installed factories in its pyproject.toml."""

import pytest

from harness.errors import UsageError
from harness.execution.factories import allowed_factories


def test_modules_are_those_of_all_files_in_order(tmp_path):
    for name, modules in (("one", '["a", "b.c"]'), ("other", '["d"]')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(f"[tool.harness]\nfactories = {modules}\n")
    folders = [tmp_path / "one", tmp_path / "other", tmp_path / "one", tmp_path / "without"]
    assert allowed_factories(folders) == ("a", "b.c", "d")


@pytest.mark.parametrize("text", ["", "[tool.other]\n", "[tool.harness]\n", "[project]\nname = 'x'\n"])
def test_without_the_key_nothing_is_allowed(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert allowed_factories([tmp_path]) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.harness]\nfactories = 'a'\n", "is not a list of modules"),
        ("[tool.harness]\nfactories = [1]\n", "is not a list of modules"),
        ("[tool.harness]\nfactories = ['a b']\n", "is not a list of modules"),
        ("[tool.harness]\nfactories = ['a:b']\n", "is not a list of modules"),
        ("[tool]\nharness = ['a']\n", "is not a list of modules"),
        ("tool = 3\n", "cannot be read"),
        ("[tool.harness\n", "cannot be read"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_that_says_anything_else_is_refused_by_name(tmp_path, text, message):
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError) as error:
        allowed_factories([tmp_path])
    assert message in str(error.value)
    assert str(file) in str(error.value)
