"""The options of the pytest plugin, and what they come to with `[tool.harness]` in the pyproject.toml.

pytest imports this module in every project whose environment has the package, so it imports nothing slow.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.execution.profile import DEVICES
from harness.foreign_text import printable

if TYPE_CHECKING:
    from harness.configuration import Configuration

_DEFAULT_BASELINES = "baselines"
_CONFIGURATION = pytest.StashKey["Configuration"]()
MAX_SECONDS = MAX_GIBIBYTES = 1e6


def seconds(text: str) -> float:
    """Return a time limit; raises ValueError for an invalid one, or one longer than locks can wait."""
    value = float(text)
    if not 0 < value <= MAX_SECONDS:
        raise ValueError(f"{text} is not a number of seconds from 0 to {MAX_SECONDS:g}")
    return value


def gibibytes(text: str) -> int:
    """Return a number of GiB in bytes; raises ValueError for an invalid one."""
    value = float(text)
    if not 0 < value <= MAX_GIBIBYTES:
        raise ValueError(f"{text} is not a number of GiB from 0 to {MAX_GIBIBYTES:g}")
    return int(value * 2**30)


OPTIONS: dict[str, dict[str, Any]] = {
    "--harness-baseline-dir": {
        "metavar": "DIR",
        "help": f"folder of the stored baselines (default: {_DEFAULT_BASELINES} in the current folder)",
    },
    "--harness-device": {
        "choices": DEVICES, "default": "CPU",
        "help": "device to run on (default: CPU); CUDA is for diffusers",
    },
    "--harness-timeout": {
        "type": seconds, "default": 600.0, "metavar": "SECONDS",
        "help": "time limit for one case, including loading; beyond it its worker is killed (default: 600)",
    },
    "--harness-worker-memory": {
        "type": gibibytes, "metavar": "GIB",
        "help": "memory limit of a worker; beyond it the worker is killed and its case fails (default: none)",
    },
    "--harness-python": {
        "metavar": "PYTHON",
        "help": "interpreter of the workers, for example with another MindSpore release (default: this one)",
    },
    "--harness-no-user-code": {
        "action": "store_true",
        "help": "refuse cases whose pipeline is the user's own function; conftest.py files still run",
    },
    "--harness-report": {
        "metavar": "DIR", "help": "write an HTML report of the run and its data into DIR"
    },
    "--harness-markdown": {
        "metavar": "FILE",
        "help": "write a Markdown summary of the run; GitHub Actions gets one automatically",
    },
    "--harness-candidates": {
        "nargs": "?", "const": "", "metavar": "DIR",
        "help": "keep what drifts, and what a case without a usable baseline gives, for harness accept "
        "(default: .candidates in the folder of the baselines)",
    },
    "--harness-sign-key": {
        "metavar": "FILE",
        "help": "with --harness-candidates, run what is kept twice, and sign it with this ed25519 key (a "
        "private key in PEM)",
    },
    "--harness-nightly": {
        "action": "store_true",
        "help": "also run cases with `run: nightly`, which are left out unless selected by node id or -k",
    },
    "--harness-history": {
        "metavar": "FILE",
        "help": "append the run to a history file for `harness history`",
    },
    "--harness-record": {
        "action": "store_true",
        "help": "record what tests check with the fixture `drift`: run each twice, in fresh processes",
    },
    "--harness-reason": {
        "metavar": "TEXT", "help": "with --harness-record, why baselines that exist may change"
    },
}  # fmt: skip
# The short names, unless the project already has an option of that name.
SHORT = ("--baseline-dir", "--device", "--history")


def add_options(parser: pytest.Parser) -> None:
    """Add the options under names that nobody else uses."""
    group = parser.getgroup("harness", "drift of MindSpore diffusion pipelines")
    for name, settings in OPTIONS.items():
        group.addoption(name, **settings)
    # Given by harness itself, to a process that it starts.
    group.addoption("--harness-fresh-run", metavar="DIR", help=argparse.SUPPRESS)
    group.addoption("--harness-lifeline", nargs=3, type=int, help=argparse.SUPPRESS)


def add_short_options(config: pytest.Config, parser: pytest.Parser) -> None:
    """Add the short names that the project's conftest files have not taken."""
    group = parser.getgroup("harness")
    unknown = object()
    for short in SHORT:
        if config.getoption(short, unknown) is unknown:
            name = f"harness{short[1:]}"
            group.addoption(short, dest=name.replace("-", "_"), **OPTIONS[f"--{name}"])


def configure_defaults(config: pytest.Config) -> None:
    """Let `[tool.harness]` in the pyproject.toml of pytest's root replace the defaults of the options."""
    from harness.configuration import read_configuration
    from harness.errors import UsageError

    try:
        found = config.stash[_CONFIGURATION] = read_configuration(config.rootpath)
    except UsageError as error:
        raise pytest.UsageError(printable(str(error))) from None
    for key, value in found.values.items():
        # The folder of baselines need not exist yet, unlike one that is named by an option.
        if f"--harness-{key}" in OPTIONS and key != "baseline-dir":
            value = str(value) if isinstance(value, Path) else value  # xdist sends plain data only
            kind = OPTIONS[f"--harness-{key}"].get("type")
            setattr(config.option, f"harness_{key}".replace("-", "_"), kind(value) if kind else value)


def check(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` for options that make no sense."""
    given = config.getoption("harness_baseline_dir")
    if given and not Path(given).is_dir():
        raise pytest.UsageError(
            printable(f"--baseline-dir {given}: no such folder; `harness record` creates it")
        )
    if python := config.getoption("harness_python"):
        configuration = _configuration(config)
        # What an option says is another object.
        if config.getoption("harness_no_user_code") and python is configuration.values.get("python"):
            raise pytest.UsageError(printable(str(configuration.refused_program("--harness-python"))))
        from harness.execution.runner import interpreter
        from harness.execution.worker_process import RunError

        try:
            interpreter(python)
        except RunError as error:
            raise pytest.UsageError(printable(f"--harness-python {error}")) from None
    if config.getoption("harness_sign_key") and config.getoption("harness_candidates") is None:
        raise pytest.UsageError("--harness-sign-key signs candidates: give --harness-candidates as well")
    if config.getoption("harness_reason") and not config.getoption("harness_record"):
        raise pytest.UsageError(
            "--harness-reason says why a recording changes: give --harness-record as well"
        )


def baselines_of(config: pytest.Config) -> Path:
    """Return the folder of the stored baselines, which need not exist."""
    if given := config.getoption("harness_baseline_dir"):
        return Path(given)
    default = config.invocation_params.dir / _DEFAULT_BASELINES
    return Path(_configuration(config).values.get("baseline-dir", default))


def _configuration(config: pytest.Config) -> Configuration:
    from harness.configuration import Configuration

    # There is none if a conftest.py named this plugin: the options were read before.
    return config.stash.get(_CONFIGURATION, None) or Configuration()
