"""What `[tool.harness]` in pyproject.toml sets for a command, in place of its options' own defaults."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from harness.commands import options
from harness.configuration import find_configuration

# Where an option of the same name is declared otherwise, it means something else: `harness explain --python`.
_OPTIONS = {
    "baseline-dir": options.BaselineDir,
    "device": options.Device,
    "device-id": options.DeviceId,
    "python": options.Python,
    "timeout": options.Timeout,
    "worker-memory": options.WorkerMemory,
    "no-user-code": options.NoUserCode,
    "history": options.HistoryFile,
    "policy": options.PolicyFile,
}


def configured(command: Callable[..., Any]) -> dict[str, Any]:
    """Return the configured values for the parameters of ``command``, by their names in it."""
    set_there = find_configuration(Path.cwd()).values
    if not set_there:
        return {}
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    return {
        each.name: _as_typed(set_there[key])
        for key, declared in _OPTIONS.items()
        if key in set_there
        for each in parameters
        if each.annotation is declared
    }


def _as_typed(value: Any) -> Any:
    """Return a path as one types it here, because messages and suggested commands repeat it."""
    if not isinstance(value, Path):
        return value
    return os.path.relpath(value) if value.is_relative_to(Path.cwd()) else str(value)


class Configured(TyperCommand):
    """A command whose defaults may come from a file, and whose help names its arguments as declared."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words after the command's name in the first line of its help."""
        arguments = (each for each in self.get_params(ctx) if each.param_type_name == "argument")
        names = [(_name(each), each.required) for each in arguments]
        whole = [name if needed or name.startswith("[") else f"[{name}]" for name, needed in names]
        return ["[OPTIONS]", *whole]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options."""
        found = [(each, each.get_help_record(ctx)) for each in self.get_params(ctx)]
        for kind in ("argument", "option"):
            rows = [
                (_name(each) if kind == "argument" else record[0], record[1])
                for each, record in found
                if record is not None and each.param_type_name == kind
            ]
            if rows:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Refuse to start a program that only the file names if the code of others must not run."""
        source = ctx.get_parameter_source("python")
        if ctx.params.get("no_user_code") and source is not None and source.name == "DEFAULT_MAP":
            raise find_configuration(Path.cwd()).refused_program("--python")
        return super().invoke(ctx)


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())
