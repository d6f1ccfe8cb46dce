"""The bar that shows how far a command is."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from typing_extensions import Self


class ProgressBar:
    """A description, a bar, "3/26", and the time so far: shown within the ``with`` block, then gone."""

    def __init__(self, console: Console, description: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(description, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def update(self, **changes: Any) -> None:
        """Change what is shown: ``description``, ``completed`` or, by so many more, ``advance``."""
        self._progress.update(self._task, **changes)

    def print(self, text: Text) -> None:
        """Print a line that stays, above the bar."""
        self._progress.print(text, soft_wrap=True)
