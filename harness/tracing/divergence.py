"""What a replay found: the places that do not compute what the reference did, each judged by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.tracing.difference import Difference

# A cell, what the pipeline's loop hands to its model, or what it makes of the prediction.
Place = Literal["cell", "model input", "latents"]


@dataclass(frozen=True)
class Divergence:
    """One tensor that comes out otherwise, and the cell whose own operations made it.

    ``path``, ``operator`` and ``reference_operator`` are that cell's; they are empty for the pipeline's loop.
    ``tensor`` names the tensor: ``output``, or an argument that the cell hands to the cell ``to``. ``after``
    is the cell it called last before that. ``ancestors`` are the cells around it, outermost first, each with
    its operator. ``dtype`` and ``shape`` are the tensor's, ``changes`` say how the cell's own settings and
    parameters differ from the reference's; ``beyond`` is whether the difference is more than rounding.
    """

    place: Place
    path: str
    operator: str
    reference_operator: str
    tensor: str
    to: str | None
    after: str | None
    ancestors: tuple[tuple[str, str], ...]
    dtype: str
    shape: tuple[int, ...]
    difference: Difference
    changes: tuple[str, ...]
    beyond: bool

    @property
    def model(self) -> str:
        """The name that the pipeline has for the model that the cell is in; empty for the pipeline's loop."""
        return self.path.partition(".")[0]

    @property
    def cell(self) -> str:
        """The cell's path in its model; empty for the model itself, and for the pipeline's loop."""
        return self.path.partition(".")[2]


@dataclass(frozen=True)
class Replay:
    """What one step did, every cell given what the reference's was given.

    ``findings`` are in the order of execution; none is the consequence of another. ``calls`` is the number of
    calls that both sides made, ``operators`` how many of those without cells of their own gave other bits and
    how many there are, by operator. ``missing`` are the paths of cells that only the reference calls,
    ``added`` of those that only this side does. ``latents_judged`` is whether the latents after the step come
    from the reference's prediction and latents.
    """

    step: int
    timestep: int | float
    findings: tuple[Divergence, ...]
    calls: int
    operators: dict[str, tuple[int, int]]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    latents_judged: bool

    @property
    def first(self) -> Divergence | None:
        """The first finding."""
        return self.findings[0] if self.findings else None

    @property
    def first_beyond_rounding(self) -> Divergence | None:
        """The first finding that rounding does not explain."""
        return next((finding for finding in self.findings if finding.beyond), None)
