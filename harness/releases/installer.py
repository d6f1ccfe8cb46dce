"""uv: creates virtual environments, installs packages into them, and lists available releases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from packaging.version import Version
from uv import find_uv_bin

from harness.errors import HarnessError
from harness.releases.requirements import Release

_LAST_LINES = 12


class InstallError(HarnessError):
    """A uv command failed; the message contains the last lines of its output."""


def check_installable(requirements: Sequence[str], overrides: Sequence[str] = ()) -> None:
    """Raise :class:`InstallError` if the package index has no set of packages for ``requirements``.

    ``overrides`` replace what packages require of the packages they name.
    """
    with _overriding(overrides) as options:
        _compile("\n".join(requirements), *options)


def make_environment(folder: Path) -> Path:
    """Create an empty virtual environment with this interpreter's Python; return its interpreter."""
    _uv("venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, str(folder))
    return folder / "bin" / "python"


def install(python: Path, requirements: Sequence[str], overrides: Sequence[str] = ()) -> None:
    """Install ``requirements`` into the environment of ``python``; raises :class:`InstallError`.

    ``overrides`` are as in :func:`check_installable`.
    """
    with _overriding(overrides) as options:
        _uv("pip", "install", "--python", str(python), *options, "--", *requirements)


def releases_between(first: Release, last: Release) -> list[Release]:
    """Return the releases of one package from ``first`` to ``last`` inclusive, in that order.

    uv asks the package index for releases that can be installed with this Python on this machine;
    pre-releases are left out. Raises :class:`InstallError` if the index cannot be asked or lacks one of the
    two.
    """
    low, high = sorted((first, last), key=lambda release: release.order)
    found: list[Release] = []
    bound = f"<={high.version}"
    # uv cannot list releases, so ask for the newest one below the last answer until the oldest is reached.
    while not found or found[-1].order > low.order:
        pinned = _compile(f"{low.package}>={low.version},{bound}", "--no-deps").split("==")
        found.append(Release(low.package, str(Version(pinned[1].split()[0]))))
        bound = f"<{found[-1].version}"
    for wanted, got in ((high, found[0]), (low, found[-1])):
        if wanted.order != got.order:
            raise InstallError(f"{wanted}: the package index has no such release; the next it has is {got}")
    return found if first == high else found[::-1]


@contextmanager
def _overriding(overrides: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield uv's options for ``overrides``."""
    if not overrides:
        yield ()
        return
    # uv only reads them from a file.
    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(overrides))
        file.flush()
        yield "--override", file.name


def _compile(requirements: str, *options: str) -> str:
    return _uv(
        "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--python", sys.executable,
        *options, given=requirements,
    )  # fmt: skip


def _uv(*arguments: str, given: str | None = None) -> str:
    try:
        binary = find_uv_bin()
    except FileNotFoundError:
        raise InstallError("the executable of uv is missing; install uv again: pip install uv") from None
    done = subprocess.run(
        [binary, "--no-progress", *arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        output = "\n".join(f"    {line}" for line in lines)
        raise InstallError(f"uv {' '.join(arguments[:2])} failed; the end of its output:\n{output}")
    return done.stdout
