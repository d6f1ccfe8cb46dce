"""What names the machine, its user and their folders is taken out of text; what only looks like it stays."""

import platform

import pytest

from harness.operations.redaction import Redaction

WORDS = {"alice": "<user>", "/data/homes/alice": "<home>", "npu-07.example.com": "<host>", "npu-07": "<host>"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("alice@npu-07.example.com:~$", "<user>@<host>:~$"),
        ("NPU-07: Alice's process", "<host>: <user>'s process"),
        ("/data/homes/alice/env/bin/python", "<home>/env/bin/python"),
        ("/mnt/data/homes/alice/x", "/mnt<home>/x"),
        ("alice_venv, venv-alice", "<user>_venv, venv-<user>"),
        ("malice, alices, npu-070", "malice, alices, npu-070"),
        ("'/home/bob/models': /Users/carol", "'<home>/models': <home>"),
        ("/homes, /home/", "/homes, /home/"),
    ],
)
def test_text(text, left):
    assert Redaction(WORDS).text(text) == left


def test_nothing_to_take_out_leaves_a_text_as_it_is():
    assert Redaction({}).text("alice at npu-07") == "alice at npu-07"


def test_json_values_are_redacted_at_any_depth_and_keys_stay():
    found = Redaction(WORDS).data({"alice": ["alice", {"a": ("npu-07", 1, None, True)}]})
    assert found == {"alice": ["<user>", {"a": ["<host>", 1, None, True]}]}


@pytest.fixture
def planted(monkeypatch, tmp_path):
    for name in ("USERNAME", "SUDO_USER", "HOST"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "disk" / "carla").mkdir(parents=True)
    (tmp_path / "users").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("USER", "carla")
    monkeypatch.setenv("LOGNAME", "carla.logged")
    monkeypatch.setenv("HOSTNAME", "cluster-9.example.com")
    monkeypatch.setenv("HOME", str(tmp_path / "users" / "carla"))
    monkeypatch.setenv("SITE_TOKEN", "hunter2-hunter2")
    monkeypatch.setenv("ASCEND_HOME_PATH", "/usr/local/Ascend/latest")
    monkeypatch.setenv("ASCEND_COPY", "/usr/local/Ascend/latest")
    return tmp_path


def test_this_process_knows_who_runs_it_and_where(planted):
    told = Redaction.of_this_process().text
    assert told("carla, carla.logged") == "<user>, <user>"
    assert told("on cluster-9.example.com or cluster-9") == "on <host> or <host>"
    assert told(f"{planted}/users/carla/x {planted}/disk/carla/y") == "<home>/x <home>/y"
    assert platform.node() == "localhost" or told(f"at {platform.node()}!") == "at <host>!"


def test_values_of_variables_are_taken_out_but_for_the_known_ones(planted):
    told = Redaction.of_this_process().text
    assert told("denied for hunter2-hunter2") == "denied for <SITE_TOKEN>"
    assert told("/usr/local/Ascend/latest/bin") == "/usr/local/Ascend/latest/bin"


def test_root_and_an_empty_name_are_nobody(monkeypatch):
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER", "HOST", "HOSTNAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("USER", "root")
    monkeypatch.setenv("HOME", "/")
    assert Redaction.of_this_process().text("root cause: / and /root.") in (
        "root cause: / and /root.",
        "root cause: / and <home>.",  # where the system has that as the home of this user
    )
