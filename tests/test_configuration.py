"""`[tool.harness]` in pyproject.toml: what it may say, where it is looked for, and what is wrong with it."""

import os
import re

import pytest

from harness import configuration
from harness.configuration import Configuration, find_configuration, read_configuration
from harness.errors import UsageError
from harness.execution.runner import allowed_factories

WHOLE = """\
[project]
name = "mine"

[tool.harness]
baseline-dir = "goldens/of-it"
device = "Ascend"
device-id = 3
python = ".venv/bin/python"
timeout = 20
worker-memory = 1.5
no-user-code = false
history = "/var/lib/history.sqlite"
policy = "../policy.yaml"
factories = ["a.b"]
"""


def told(folder):
    with pytest.raises(UsageError) as error:
        read_configuration(folder)
    return str(error.value)


def test_every_key_is_read_and_paths_are_relative_to_the_file(tmp_path):
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    assert read_configuration(tmp_path) == Configuration(
        tmp_path / "pyproject.toml",
        {
            "baseline-dir": tmp_path / "goldens/of-it",
            "device": "Ascend",
            "device-id": 3,
            "python": str(tmp_path / ".venv/bin/python"),
            "timeout": 20.0,
            "worker-memory": 1.5,
            "no-user-code": False,
            "history": type(tmp_path)("/var/lib/history.sqlite"),
            "policy": tmp_path.parent / "policy.yaml",
            "factories": ("a.b",),
        },
    )


def test_a_bare_name_of_an_interpreter_is_no_path(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\npython = 'python3.12'\n")
    assert read_configuration(tmp_path).values == {"python": "python3.12"}


def test_the_next_file_upwards_that_has_the_table_counts(tmp_path):
    inner = tmp_path / "one" / "two"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\ntimeout = 1\n")
    (tmp_path / "one" / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert find_configuration(inner).file == tmp_path / "pyproject.toml"
    (tmp_path / "one" / "pyproject.toml").write_text("[tool.harness]\ntimeout = 2\n")
    assert find_configuration(inner).values == {"timeout": 2.0}
    # Only the one: what it does not set is not set.
    (inner / "pyproject.toml").write_text("[tool.harness]\n")
    assert find_configuration(inner).values == {}


def test_a_file_above_of_another_user_is_refused(tmp_path, monkeypatch):
    inner = tmp_path / "mine"
    inner.mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\npython = 'evil'\n")
    owners = {tmp_path / "pyproject.toml": os.geteuid() + 1}
    monkeypatch.setattr(configuration, "_owner", lambda path: owners.get(path, os.geteuid()))
    with pytest.raises(UsageError, match="belongs to another user"):
        find_configuration(inner)
    # There, everything is trusted anyway.
    assert find_configuration(tmp_path).values == {"python": "evil"}


def test_a_file_above_of_another_user_that_cannot_be_read_is_left_alone(tmp_path, monkeypatch):
    inner = tmp_path / "mine"
    inner.mkdir()
    file = tmp_path / "pyproject.toml"
    owners = {file: os.geteuid() + 1}
    monkeypatch.setattr(configuration, "_owner", lambda path: owners.get(path, os.geteuid()))
    file.write_text("[tool.harness\n")
    assert find_configuration(inner) == Configuration()
    file.unlink()
    file.mkdir()
    assert find_configuration(inner) == Configuration()
    owners.clear()
    with pytest.raises(UsageError, match=re.escape(str(file))):
        find_configuration(inner)


def test_the_owner_of_a_link_is_who_made_it(tmp_path):
    (tmp_path / "pyproject.toml").symlink_to(tmp_path / "nowhere")
    assert configuration._owner(tmp_path / "pyproject.toml") == os.geteuid()
    assert configuration._owner(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "[tool.other]\n", "[project]\nname = 'x'\n", "[tool.other\n", "\udcff"])
def test_what_is_not_about_harness_is_left_alone(tmp_path, text):
    (tmp_path / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    assert read_configuration(tmp_path) == Configuration()
    assert allowed_factories([tmp_path, tmp_path / "without"]) == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("baseline_dir = 'x'", "[tool.harness] has no key 'baseline_dir'; did you mean 'baseline-dir'?"),
        ("'wi\\u0062ble' = 1", "[tool.harness] has no key 'wi\\u0062ble'; known are baseline-dir, device"),
        ("baseline-dir = 3", "baseline-dir is not the path of a folder"),
        ("baseline-dir = ''", "baseline-dir is not the path of a folder"),
        ("history = ['x']", "history is not the path of a file"),
        ("policy = false", "policy is not the path of a file"),
        ("device = 'GPU'", 'device is not "CPU", "Ascend" or "CUDA"'),
        ("device = ['CPU']", 'device is not "CPU", "Ascend" or "CUDA"'),
        ("device-id = -1", "device-id is not the number of an NPU"),
        ("device-id = true", "device-id is not the number of an NPU"),
        ("python = 3.11", "python is not the path of an interpreter"),
        ('python = "a\\u0000"', "python is not the path of an interpreter"),
        ("timeout = '600'", "timeout is not a number of seconds"),
        ("timeout = nan", "timeout is not a number of seconds"),
        ("timeout = 0", "timeout is not a number of seconds"),
        ("timeout = true", "timeout is not a number of seconds"),
        ("timeout = 1_000_001", "timeout is not a number of seconds from 0.001 to 1000000"),
        ("worker-memory = 2024-01-01", "worker-memory is not a number of GiB"),
        ("no-user-code = 'yes'", "no-user-code is not true or false"),
        ("factories = 'a'", "factories is not a list of modules"),
        ("factories = [1]", "factories is not a list of modules"),
        ("factories = ['a b']", "factories is not a list of modules"),
        ("factories = ['a:b']", "factories is not a list of modules"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, line, message):
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.ruff]\ntimeout = 1\n\n[tool.harness] # mine\n\n  {line}\n"
    )
    found = told(tmp_path)
    assert found.startswith(f"{tmp_path}/pyproject.toml:6: [tool.harness] ")
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[tool]\nharness = ['a']\n", ":2", "tool.harness is not a table"),
        ("tool.harness = 3\n", "", "tool.harness is not a table"),
        ("[tool]\nharness = {timeout = -1}\n", "", "timeout is not a number of seconds"),
        ("[tool.harness\n", "", "cannot be read: "),
        ("# harness\n\udcff", "", "cannot be read: "),
        ("harness = " + "[" * 100_000, "", "cannot be read: "),
        ("# harness\n" + " " * (1 << 20), "", "larger than 1 MiB"),
    ],
    ids=["list", "number", "inline", "not-toml", "not-utf-8", "deep", "large"],
)
def test_a_file_of_another_form_is_one_error(tmp_path, text, place, message):
    file = tmp_path / "pyproject.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    found = told(tmp_path)
    assert found.startswith(f"{file}{place}: ")
    assert message in found


def test_factories_are_those_of_all_files_in_order(tmp_path):
    for name, modules in (("one", '["a", "b.c"]'), ("other", '["d"]')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(f"[tool.harness]\nfactories = {modules}\n")
    folders = [tmp_path / "one", tmp_path / "other", tmp_path / "one", tmp_path / "without"]
    assert allowed_factories(folders) == ("a", "b.c", "d")
