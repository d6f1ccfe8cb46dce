"""The findings of a replay: the places that do not compute what the reference did, each judged on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from harness.tracing.difference import Difference

# A cell, what the pipeline passes to its model, what it passes to its scheduler's step, the latents that this
# step makes of that, or, after the last step, the output that is made of what the cells give.
Place = Literal["cell", "model input", "scheduler input", "latents", "output"]

# How much larger a difference has to be for another one to count for nothing beside it.
DWARFED = 10.0


@dataclass(frozen=True)
class Divergence:
    """One tensor that differs, and the cell whose own operations caused the difference.

    ``path``, ``operator`` and ``reference_operator`` describe that cell and are empty for the pipeline's
    loop. ``tensor`` names the tensor: ``output``, or an argument that the cell passes to the cell ``to``.
    ``after`` is the last cell that it called before that. ``ancestors`` are the enclosing cells, outermost
    first, each with its operator. ``dtype`` and ``shape`` describe the tensor. ``changes`` say how the cell's
    own settings and parameters differ from the reference's. ``limit`` is the relative L2 that rounding
    explains, and ``beyond`` is whether the difference is more than that. ``leading`` is whether the tensor is
    the first argument of the call, which for a denoiser are the latents and for a scheduler's step is the
    prediction. ``lacking`` are the tensors that the reference passes and this side does not.
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
    limit: float
    beyond: bool
    leading: bool = False
    lacking: tuple[str, ...] = ()

    def goes_before(self, main: Divergence | None) -> bool:
        """Whether to look at this finding rather than at ``main``, the one so far."""
        return self.beyond and (main is None or self.dwarfs(main))

    def dwarfs(self, other: Divergence) -> bool:
        """Whether this difference is so much larger that ``other`` counts for nothing beside it."""
        sizes = [
            math.inf if each.difference.form is not None else each.difference.relative_l2
            for each in (self, other)
        ]
        return sizes[0] > DWARFED * sizes[1]

    @property
    def model(self) -> str:
        """The pipeline's name for the model that contains the cell; empty for the pipeline's loop."""
        return self.path.partition(".")[0]

    @property
    def cell(self) -> str:
        """The cell's path in its model; empty for the model itself and for the pipeline's loop."""
        return self.path.partition(".")[2]


@dataclass(frozen=True)
class Replay:
    """The result of replaying one step with the reference's input for every cell.

    ``findings`` are in execution order, and none is a consequence of another. ``calls`` is the number of
    calls that both sides made. ``operators`` counts, by operator, the calls of cells without child cells: how
    many gave different bits, and how many there are. ``missing`` are the paths of cells that only the
    reference calls, ``added`` those that only this side calls. ``latents_judged`` is whether the latents
    after the step come from the reference's prediction and latents. ``after_last`` is whether it is no step,
    but all that follows the last one. ``observed`` has :attr:`main` as both sides saw it
    (:class:`harness.tracing.observed.Observed`), in bytes.
    """

    step: int
    timestep: int | float
    findings: tuple[Divergence, ...]
    calls: int
    operators: dict[str, tuple[int, int]]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    latents_judged: bool
    after_last: bool = False
    observed: bytes | None = None

    @property
    def main(self) -> Divergence | None:
        """The finding to look at first: the first beyond rounding that none after it dwarfs.

        A finding dwarfs an earlier one if its relative L2 is more than ten times as large. Two
        implementations of one function may differ by more than rounding, which is not to hide a mistake
        further on.
        """
        found: Divergence | None = None
        for each in self.findings:
            if each.goes_before(found):
                found = each
        return found

    @property
    def most_sensitive(self) -> Divergence | None:
        """The finding with the largest difference, though rounding explains it."""
        return max(self.findings, key=lambda each: each.difference.relative_l2, default=None)

    @property
    def first(self) -> Divergence | None:
        """The first finding."""
        return self.findings[0] if self.findings else None

    @property
    def first_beyond_rounding(self) -> Divergence | None:
        """The first finding that rounding cannot explain."""
        return next((finding for finding in self.findings if finding.beyond), None)
