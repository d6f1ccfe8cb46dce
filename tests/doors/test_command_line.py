"""The command line as a whole: its commands are where the table says, and are imported when asked for."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from user_project import Project

from harness import cli
from harness.cases.schema import SCHEMA_PATH
from harness.cli import COMMANDS, GROUPS, function_of
from harness.commands.settings import Setting
from harness.errors import HarnessError, UsageError


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], capture_output=True, text=True, check=False
    )


def run_into(stdout, *words, unbuffered):
    """Run with ``stdout``, a descriptor, and with Python's buffer for it or without."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_says_what_the_help_says_of_it(name):
    told = inspect.getdoc(function_of(name))
    assert told is not None
    assert told.partition("\n\n")[0].replace("\n", " ") == COMMANDS[name]


def test_the_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert all(f" {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_has_whole_summaries_in_groups(option):
    done = run(option)
    text = " ".join(done.stdout.split())
    assert all(summary in text for summary in COMMANDS.values())
    assert "…" not in text
    assert "..." not in text.replace("[ARGS]...", "")
    assert all(f"\n{group}:\n" in done.stdout for group in GROUPS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_names_arguments_as_declared(name):
    group = typer.main.get_command(cli.app)
    with group.make_context("harness", [name], resilient_parsing=True) as context:
        command = group.get_command(context, name)
        text = command.get_help(command.context_class(command, parent=context, info_name=name))
    assert "  -h, --help " in text
    assert not re.search("<(str|path|list|int|float)", text)
    assert not re.search(r"[{}]|\.\.\.\.", text.partition("\n\n")[0])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("re", {"record", "reject", "report"}), ("record --dev", {"--device", "--device-id"})],
)
def test_the_shell_can_ask_what_may_come_next(typed, expected):
    words = f"harness {typed}"
    asked = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "harness"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, expected - set(done.stdout.split()), done.stderr) == (0, set(), "")


def test_the_schema_is_printed_as_published():
    assert run("schema").stdout == SCHEMA_PATH.read_text()


def test_a_misspelt_command_is_told_the_one_that_was_meant():
    done = run("verfy", "certificate.json")
    assert done.returncode == 4
    assert "No such command 'verfy'. Did you mean 'verify'?" in done.stderr
    assert run("wibble").returncode == 4


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_version_and_the_help_import_no_command(option):
    assert imported(option, "harness.") == {
        "harness.cli", "harness.commands", "harness.commands.exits", "harness.errors", "harness.execution",
        "harness.execution.stopping", "harness.foreign_text", "harness.remedy",
    }  # fmt: skip
    assert not imported(option, "numpy", "pydantic", "rich.")


def imported(words: str, *beginnings: str) -> set[str]:
    """Return the modules that the command line has imported at the end, of those that begin so."""
    code = (
        f"import sys; from harness.cli import main; sys.argv = ['harness', *{words.split()!r}]\n"
        f"try:\n    main()\nfinally:\n    print(*(m for m in sys.modules if m.startswith({beginnings!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["--version"], ["list", "--help"], ["list", "nowhere/"]])
def test_an_output_that_cannot_be_written_is_one_line(words, unbuffered):
    with Path("/dev/full").open("w") as full:
        done = run_into(full, *words, unbuffered=unbuffered)
    if words == ["list", "nowhere/"]:
        # What prints nothing there has nothing to lose.
        assert (done.returncode, "no such file" in done.stderr) == (4, True)
    else:
        assert done.returncode == 3
        assert done.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_told_nothing(unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    done = run_into(writing, "--version", unbuffered=unbuffered)
    os.close(writing)
    assert (done.returncode, done.stderr) == (3, "")


class Answer(HarnessError):
    answers = True


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (Answer("the case does not repeat"), 1, "error: the case does not repeat"),
        (HarnessError("the worker did not start"), 3, "error: the worker did not start"),
        (UsageError("no such folder"), 4, "no such folder"),
        (PermissionError(13, "Permission denied", "report.json"), 3, "error: report.json: Permission denied"),
        (ZeroDivisionError("a slip"), 3, "error: this is a bug in harness"),
    ],
)
def test_nobody_takes_a_failure_of_harness_for_an_answer(monkeypatch, capsys, raised, code, told):
    def failing(*_):
        raise raised

    monkeypatch.setattr(cli.typer.main, "get_command", failing)
    with pytest.raises(SystemExit) as ending:
        cli.main()
    assert ending.value.code == code
    assert capsys.readouterr().err.splitlines()[-1].startswith(told)


def test_a_limit_of_memory_is_in_gib():
    for given, taken in ((None, None), (1.5, 3 << 29)):
        assert Setting.of(Path("baselines"), "CPU", 0, 600.0, given).workers.memory == taken


@pytest.mark.parametrize("command", ["record", "calibrate", "power", "explain", "gate", "matrix"])
def test_a_limit_of_memory_that_is_none_is_wrong_usage(command, tmp_path):
    done = Project(tmp_path).command(command, "suite.yaml", "--worker-memory", "-1")
    assert done.returncode == 4
    assert "--worker-memory" in done.stderr
