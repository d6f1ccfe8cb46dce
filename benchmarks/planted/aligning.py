"""What `harness align` says of each planted fault, beside what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.planted.faults import PIPELINE, Fault
from benchmarks.planted.planting import NotPlanted, planted
from harness.cases.selection import one_case
from harness.explanation.hypotheses import kinds
from harness.operations.align import align_with
from harness.operations.alignment import Alignment
from harness.operations.workers import Workers

_KINDS: dict[type[kinds.Mistake], str] = {
    kinds.Factor: "factor",
    kinds.Offset: "offset",
    kinds.ChannelOffset: "bias",
    kinds.ChannelFactor: "channel-factor",
    kinds.Summand: "residual",
    kinds.Permuted: "permuted",
    kinds.Regrouped: "permuted",
    kinds.PartsNotMoved: "permuted",
    kinds.Swapped: "swapped",
    kinds.Reversed: "flipped",
    kinds.Rolled: "flipped",
    kinds.Clipped: "clipped",
    kinds.Unclipped: "clipped",
    kinds.Rounded: "half-precision",
    kinds.RoundedInside: "half-precision",
    kinds.Border: "border",
}
# By what differs in a formula.
_FORMULAS = {
    "function": "activation", "of": "swapped", "eps": "eps", "order": "swapped", "scale": "attention-scale",
    "mask": "mask", "heads": "permuted", "number-of-heads": "attention-scale",
}  # fmt: skip


@dataclass(frozen=True)
class Aligned:
    """What was found of ``fault``; ``problem`` is why nothing was."""

    fault: Fault
    found: Alignment | None = None
    problem: str = ""

    @property
    def noticed(self) -> bool:
        """Whether the case is not aligned."""
        return self.found is not None and self.found.conclusion not in ("aligned", "failed")

    @property
    def component(self) -> str:
        """The component that is named: an attribute of the pipeline, or the pipeline's own code."""
        found = self.found
        if found is not None and found.conclusion == "schedule":
            return _SCHEDULER
        if found is None or found.finding is None:
            return ""
        if found.finding.place == "cell":
            return found.finding.model
        return _SCHEDULER if found.finding.place == "latents" else PIPELINE

    @property
    def placed(self) -> bool:
        """Whether the component and the module are the right ones."""
        if not self.noticed or self.found is None:
            return False
        wanted = self.fault.component
        if self.component != wanted and not (self.component == _SCHEDULER and wanted.endswith(_SCHEDULER)):
            return False
        finding = self.found.finding
        return not self.fault.modules or (finding is not None and self.fault.at(finding.cell))

    @property
    def kind(self) -> str:
        """The hypothesis in the words of the collection; empty if there is none."""
        found = self.found
        return "" if found is None or found.mistake is None else kind_of(found.mistake.mistake)

    @property
    def guessed(self) -> bool:
        """Whether the hypothesis is one that is right to suspect."""
        return self.placed and self.kind in self.fault.hypotheses


_SCHEDULER = "scheduler"


def kind_of(mistake: kinds.Mistake) -> str:
    """Return a mistake in the words of the collection."""
    if isinstance(mistake, kinds.Factor) and abs(mistake.value + 1) < 0.01:
        return "sign"
    if isinstance(mistake, kinds.Lacking):
        return "mask" if any("mask" in name for name in mistake.names) else "other"
    if isinstance(mistake, kinds.Variant):
        return next((_FORMULAS[name] for name in mistake.ours if name in _FORMULAS), "other")
    return _KINDS.get(type(mistake), "other")


def aligned(faults: Iterable[Fault], python: str, torch_python: str, root: Path) -> Iterator[Aligned]:
    """Yield what is found of each fault, planted in the mindone of ``python``."""
    with Workers(python=torch_python).runner() as other:
        for fault in faults:
            path, _, case_id = fault.case.partition("::")
            case = one_case(f"{root / path}::{case_id}")
            try:
                with planted(fault, python) as command, Workers(python=str(command)).runner() as runner:
                    found = align_with(case, runner, other)
            except NotPlanted as error:
                yield Aligned(fault, problem=str(error))
                continue
            problem = "" if found.failure is None else found.failure.message.splitlines()[0]
            yield Aligned(fault, found, problem)
