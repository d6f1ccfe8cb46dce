"""Front door 2: the command line `harness`."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

import harness
from harness.commands.exits import BROKEN, SIGNALLED, USAGE, code_of, end
from harness.errors import HarnessError, Interrupted, UsageError
from harness.execution.stopping import ENDING, heeding
from harness.foreign_text import LINES, printable

# The commands by group, with the first words of their docstrings, so that none is imported for the help.
GROUPS = {
    "Suites and baselines": {
        "init": "Write a first suite for a checkpoint, from its configuration alone.",
        "record": "Refresh baselines: run each case twice in fresh workers and store the cases that repeat.",
        "calibrate": (
            "Measure tolerances: move each case's noise by one ulp and store how far the output moves."
        ),
        "list": "List the cases and the state of their baselines: ok, missing, stale, damaged or orphan.",
        "show": "Show stored baselines: pictures, statistics, origin, calibration and power.",
        "review": "Show what waits to be accepted, worst first, and in a terminal ask about each.",
        "accept": "Make baselines of candidates, which are measurements that record or pytest kept.",
        "reject": "Remove candidates, so that they no longer wait.",
    },
    "Where a drift comes from": {
        "explain": "Explain why a case drifted: the causes, and the first cell that computes something else.",
        "align": "Compare cases of mindone with diffusers: where the port first computes something else.",
        "judge-dump": "Judge two dumps of msprobe, and name the first cell that differs beyond rounding.",
        "bisect": "Find the first release, or with --repo the first commit, that changed a case's output.",
        "matrix": "Run the suites under several releases and compare each pair of results.",
        "environments": "List or remove the environments that harness matrix and harness bisect created.",
        "history": "Chart each case's figures over the runs of a history, and show lasting changes.",
        "report": "Write the HTML page of a run again from its report.json.",
    },
    "Before a release": {
        "invariance": "Run cases again with one thing changed that should not matter, and compare both runs.",
        "soak": "Repeat cases under settings that should not matter, and prove how rarely a run deviates.",
        "power": "Inject known faults into each case, and report which are caught and down to which size.",
        "gate": "Run every case, decide by a policy whether to release, and certify the decision.",
        "verify": "Check a certificate: its seal, signer, decision and files; optionally run cases again.",
    },
    "This machine and your editor": {
        "schema": "Print the JSON Schema of suites, with which editors complete and check them.",
        "atlas": "Measure single operators at shapes of real models, or compare two such atlases.",
        "cost": "Measure what each setting of the profile costs: time and memory with it and without it.",
        "doctor": "Print the profile, the fingerprint, the devices, and any problems with this machine.",
    },
}
COMMANDS = {name: summary for group in GROUPS.values() for name, summary in group.items()}
# The parser's usage error: click's class, of which some versions of typer have their own copy.
_Misused: Any = typer.BadParameter.__base__
# Commands that are not the function of the same name in the module of the same name.
_ELSEWHERE = {
    "calibrate": "record:calibrate",
    "judge-dump": "judge_dump:judge_dump",
    "list": "listing:list_cases",
    "accept": "review:accept",
    "reject": "review:reject",
}


def function_of(name: str) -> Any:
    """Return the function that is the command ``name``, imported now."""
    module, _, function = _ELSEWHERE.get(name, f"{name}:{name}").partition(":")
    return getattr(import_module(f"harness.commands.{module}"), function)


class _Commands(TyperGroup):
    """The commands, each imported on demand, as most have large dependencies of their own."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in COMMANDS:
            if close := get_close_matches(cmd_name, COMMANDS, n=1):
                ctx.fail(f"No such command '{cmd_name}'. Did you mean '{close[0]}'?")
            return None
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        from harness.commands.configured import Configured, configured

        function = function_of(cmd_name)
        settings = {"default_map": configured(function)}
        alone.command(name=cmd_name, cls=Configured, context_settings=settings)(function)
        command = typer.main.get_command(alone)
        assert isinstance(command, TyperCommand)
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the summaries, without the commands."""
        width = max(map(len, COMMANDS)) + 2
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width - 2), summary) for name, summary in group.items()])


_LONGEST_NAME = 300
# Set by the shell that asks what could come next.
_COMPLETION = "_HARNESS_COMPLETE"

app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 110, "help_option_names": ["-h", "--help"]},
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
    """Run the command line.

    Exit codes: 0 passed, 1 failed, 2 unknown because something did not run, 3 harness itself failed, 4 wrong
    usage or an unreadable suite, 128 plus the signal's number if a signal ended it (130 for Ctrl-C).
    """
    # Nearly everything that imports and parsing allocate is kept, so frequent collections only cost time.
    gc.set_threshold(200_000)
    # Otherwise pydantic searches the metadata of every installed package for plug-ins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As on stderr: do not fail on a character that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with heeding(signal.SIGINT, *ENDING):
            _run()
    except OSError as error:
        # An error without a file name is about stdout.
        if error.filename is not None:
            # A name that is too long is wrong usage, not a failure of the system.
            code = USAGE if error.errno == errno.ENAMETOOLONG else BROKEN
            end(f"error: {str(error.filename)[:_LONGEST_NAME]}: {error.strerror}", code)
        # Flushing the rest of the buffer would fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:
            sys.exit(BROKEN)
        end(f"error: the output cannot be written: {error.strerror}", BROKEN)
    except Exception:  # noqa: BLE001
        # Python would exit with 1, which has a meaning here.
        end(
            f"{traceback.format_exc()}error: this is a bug in harness; please report it with the lines above",
            BROKEN,
        )


def _run() -> None:
    try:
        if _COMPLETION in os.environ:
            app(prog_name="harness")
        # Not app(), which sets its own exit codes for signals.
        command = typer.main.get_command(app)
        with command.make_context("harness", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        sys.exit(leaving.exit_code)
    except _Misused as error:
        error.message = printable(error.message, LINES)
        error.show()
        sys.exit(USAGE)
    except UsageError as error:
        end(str(error), USAGE)
    except HarnessError as error:
        end(f"error: {error}", code_of(error))
    except KeyboardInterrupt as stop:
        _interrupted(Interrupted("", stop))
    except Interrupted as interrupted:
        _interrupted(interrupted)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _interrupted(interrupted: Interrupted) -> NoReturn:
    """Say which signal it was, unless Ctrl-C, and what is left behind; exit with the signal's code."""
    words = [signal.Signals(interrupted.number).name] if interrupted.number != signal.SIGINT else []
    words += filter(None, [str(interrupted)])
    end(": ".join(["interrupted", *words]), SIGNALLED + interrupted.number)
