"""What can be wrong with a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from harness.errors import HarnessError


class BaselineError(HarnessError):
    """A baseline cannot be read, written or found."""


class NotStorable(BaselineError):
    """A measurement that nothing can be compared with: it has NaN, is empty, or is not of real numbers."""

    answers = True


class BaselineReplaced(BaselineError):
    """The stored baseline is not the one that was to be replaced."""

    answers = True

    @classmethod
    def since(cls, path: Path) -> BaselineReplaced:
        """Return the error about the JSON file ``path``."""
        return cls(
            f"{shown(path)}: another process has written this baseline since; nothing was changed here"
        )


class BaselineUnusable(BaselineError):
    """A case has no baseline that a run can be compared with; ``state`` is one word for the reason."""

    state: ClassVar[Literal["missing", "damaged", "stale"]]

    @property
    def told(self) -> str:
        """What is wrong, including the word for it if there is a baseline at all."""
        return str(self) if self.state == "missing" else f"its baseline is {self.state}: {self}"


class BaselineMissing(BaselineUnusable):
    """No baseline is stored for this case on this device."""

    state = "missing"


class BaselineDamaged(BaselineUnusable):
    """A stored baseline is not what was recorded: truncated, edited, or in another format."""

    state = "damaged"


def shown(path: Path) -> str:
    """Return ``path`` as shown to the user: relative if it is below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
