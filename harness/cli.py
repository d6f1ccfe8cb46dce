"""Front door 2: the command line `harness`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import harness
from harness.cases import SuiteError
from harness.commands.doctor import doctor
from harness.commands.explain import explain
from harness.commands.listing import list_cases
from harness.commands.options import FAILED, USAGE, end
from harness.commands.power import power
from harness.commands.record import calibrate, record
from harness.commands.report import report
from harness.errors import HarnessError, UsageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Record, calibrate, list and check the baselines of MindSpore diffusion pipelines.",
)
for command in (record, calibrate, power, explain, doctor, report):
    app.command()(command)
app.command(name="list")(list_cases)


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
        app()
    except (SuiteError, UsageError) as error:
        end(str(error), USAGE)
    except HarnessError as error:
        end(f"error: {error}", FAILED)
    except SystemExit as leaving:
        # The parser of the command line says 2 for wrong usage; here that is 4, as in pytest.
        sys.exit(USAGE if leaving.code == 2 else leaving.code)
