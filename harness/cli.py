"""Front door 2: the command line `harness`."""

from __future__ import annotations

import errno
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import harness
from harness.commands.exits import FAILED, USAGE, Ending, end
from harness.errors import HarnessError, UsageError

# Where each command is: the module below harness.commands, and the function in it.
COMMANDS = {
    "record": "record:record",
    "calibrate": "record:calibrate",
    "power": "power:power",
    "explain": "explain:explain",
    "doctor": "doctor:doctor",
    "report": "report:report",
    "list": "listing:list_cases",
    "matrix": "matrix:matrix",
    "bisect": "bisect:bisect",
    "environments": "environments:environments",
    "gate": "gate:gate",
    "verify": "verify:verify",
    "history": "history:history",
}


class _Commands(TyperGroup):
    """The commands, each imported when it is asked for: most need much that the others do not."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in COMMANDS:
            if close := get_close_matches(cmd_name, COMMANDS, n=1):
                ctx.fail(f"No such command '{cmd_name}'. Did you mean '{close[0]}'?")
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        alone.command(name=cmd_name)(getattr(import_module(f"harness.commands.{module}"), function))
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        return command


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
    help="Record, calibrate, list and check the baselines of MindSpore diffusion pipelines.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; exits 0 passed, 1 failed, 4 wrong usage or a suite that cannot be read."""
    try:
        _run()
    except OSError as error:
        # Whoever opens a file says which; what has no name is where the output goes.
        if error.filename is not None:
            raise
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:
            sys.exit(FAILED)
        end(f"error: the output cannot be written: {error.strerror}", FAILED)


def _run() -> None:
    try:
        app()
    except UsageError as error:
        end(str(error), USAGE)
    except HarnessError as error:
        end(f"error: {error}", FAILED)
    except Ending:
        raise
    except SystemExit as leaving:
        # The parser of the command line says 2 for wrong usage; here that is 4, as in pytest.
        sys.exit(USAGE if leaving.code == 2 else leaving.code)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()
