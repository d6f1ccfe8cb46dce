"""What names the machine, its user and their folders is taken out of text; what only looks like it stays."""

import platform

import pytest

from harness.foreign_text import LINES, printable
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
        (r"'for:\nalice\n\talice'", r"'for:\n<user>\n\t<user>'"),
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


def test_what_the_fingerprint_has_stays(planted, monkeypatch):
    monkeypatch.setenv("CHIP", "Ascend910B4")
    monkeypatch.setenv("USER", "Linux")
    monkeypatch.setenv("LOGNAME", "lin")
    monkeypatch.setenv("USERNAME", "mindspore")
    facts = ["Linux", "CANN 8.5 of 2026-11-27 for ascend910b4"]
    told = Redaction.of_this_process(facts).text
    text = "Linux with Ascend910B4 and mindspore 2.10.0"
    assert told(f"{text} for lin: hunter2-hunter2") == f"{text} for <user>: <SITE_TOKEN>"
    assert Redaction.of_this_process().text("Linux with Ascend910B4") == "<user> with <CHIP>"


def test_the_name_of_the_chip_may_be_told(planted, monkeypatch):
    monkeypatch.setenv("SOC_VERSION", "Ascend910B4")
    assert Redaction.of_this_process().text("an Ascend910B4") == "an Ascend910B4"


KEY = "-----BEGIN KEY-----\nMIIEvgIBADANBgkq\\hkiG9w0B'AQEFAASC\nab\"cdWq==\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "printed",
    [
        str,
        str.strip,
        repr,
        printable,
        lambda key: printable(key, LINES),
        lambda key: key.replace("\n", "\r\n"),
        lambda key: printable(key[:60]),
        lambda key: repr({"key": key.encode()}).replace("\\\\", "\\"),
    ],
)
def test_a_value_is_taken_out_however_it_is_printed(planted, monkeypatch, printed):
    monkeypatch.setenv("SITE_KEY", KEY)
    told = Redaction.of_this_process().text(f"cannot read {printed(KEY)}, see above")
    assert told.startswith("cannot read ")
    assert told.endswith(", see above")
    for line in KEY.splitlines():
        assert line not in told
    assert "<SITE_KEY>" in told


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://reader:hunter2@index.example/simple", ["hunter2", "reader:hunter2"]),
        ("https://x-access-token:ab12@index.example", ["ab12", "x-access-token"]),
        ("https://token-of-somebody@index.example/a@b", ["token-of-somebody"]),
        ("one https://reader:p@ss-word@a.example two ftp://writer:fourth@b.example", ["p@ss-word", "fourth"]),
    ],
)
def test_who_may_use_a_url_is_taken_out(planted, monkeypatch, url, secrets):
    monkeypatch.setenv("SITE_URL", url)
    told = Redaction.of_this_process().text
    for secret in secrets:
        assert told(f"denied: '{secret}' at index.example/a") == "denied: '<SITE_URL>' at index.example/a"
    assert told(f"at {url}!") == "at <SITE_URL>!"


def test_short_values_and_other_parts_of_a_url_stay(planted, monkeypatch):
    monkeypatch.setenv("SITE_LEVEL", "release")
    monkeypatch.setenv("SITE_URL", "https://reader:abc@index.example")
    text = "release, reader, abc, index.example"
    assert Redaction.of_this_process().text(text) == text


def test_root_and_an_empty_name_are_nobody(monkeypatch):
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER", "HOST", "HOSTNAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("USER", "root")
    monkeypatch.setenv("HOME", "/")
    assert Redaction.of_this_process().text("root cause: / and /root.") in (
        "root cause: / and /root.",
        "root cause: / and <home>.",  # where the system has that as the home of this user
    )
