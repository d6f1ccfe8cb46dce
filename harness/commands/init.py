"""`harness init`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.exits import say
from harness.commands.options import File
from harness.commands.settings import write
from harness.operations.first_suite import first_suite
from harness.reporting.first_suite import first_suite_text, written_text


def init(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help="folder in the layout of diffusers, hub:owner/name or builtin:NAME"
        ),
    ],
    output: Annotated[
        File,
        typer.Option("--output", "-o", metavar="FILE", help="suite to write (default: suites/NAME.yaml)"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
) -> None:
    """Write a first suite for a checkpoint, from its configuration alone.

    The suite has a case of two steps, a batch of two images, and a case of as many steps as the pipeline
    takes by default. A Hub repository is pinned to the commit that its revision, or else its main branch, is
    at now.
    """
    place, suite = first_suite(checkpoint, output, replace=force)
    write(place, first_suite_text, suite, place)
    say(written_text(place, suite))
