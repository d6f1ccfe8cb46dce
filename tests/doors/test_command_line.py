"""The command line as a whole: its commands are where the table says, and are imported when asked for."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from harness.cli import COMMANDS


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_says_what_it_does(name):
    module, _, function = COMMANDS[name].partition(":")
    assert inspect.getdoc(getattr(import_module(f"harness.commands.{module}"), function))


def test_the_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert all(f" {name} " in done.stdout for name in COMMANDS)


def test_a_misspelt_command_is_told_the_one_that_was_meant():
    done = run("verfy", "certificate.json")
    assert done.returncode == 4
    assert "No such command 'verfy'. Did you mean 'verify'?" in done.stderr
    assert run("wibble").returncode == 4


def test_the_version_imports_no_command():
    code = (
        "import sys; from harness.cli import main; sys.argv = ['harness', '--version']\n"
        "try:\n    main()\nfinally:\n"
        "    print([name for name in sys.modules if name.startswith('harness.commands.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("\n['harness.commands.exits']\n")
