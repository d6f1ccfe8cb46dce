"""The check of one case, as data: what ran, what it was compared with, and the judgement."""

from __future__ import annotations

from dataclasses import dataclass

from harness.baselines.baseline import Baseline
from harness.baselines.tally import Tally
from harness.errors import HarnessError
from harness.judgement.judgement import Judgement
from harness.judgement.reasons import Repeats
from harness.measurement.measurement import Measurement


@dataclass(frozen=True)
class Check:
    """A judgement, the measurement that was judged, and the baseline it was compared with.

    ``measurement`` is None if the case produced none, ``baseline`` is None if there is none to compare with.
    ``again`` is the result of a second run in a fresh worker; None if the case was not run again. ``soaked``
    are the runs that were compared bit by bit with the baseline; None if there were none.
    """

    judgement: Judgement
    measurement: Measurement | None = None
    baseline: Baseline | None = None
    again: Measurement | HarnessError | None = None
    soaked: Tally | None = None

    @property
    def repeated(self) -> bool:
        """Whether a second run, in a fresh worker, gave the same bits."""
        return any(isinstance(note, Repeats) for note in self.judgement.notes)

    def properties(self) -> list[tuple[str, str]]:
        """Return what a test report stores about the check: verdict, tier, worst figure, statistics, cost."""
        judgement = self.judgement
        pairs = [("verdict", judgement.verdict.value)]
        if judgement.tier is not None:
            pairs.append(("tier", judgement.tier.value))
        if (worst := judgement.worst) is not None:
            pairs += [("worst", worst.name), ("worst.measured", repr(worst.measured))]
            pairs.append(("worst.limit", repr(worst.limit)))
        if judgement.margin is not None:
            pairs.append(("margin", repr(judgement.margin)))
        if self.measurement is not None:
            pairs += [
                (f"statistic.{name}", repr(value)) for name, value in self.measurement.statistics.items()
            ]
            pairs += [(f"seconds.{name}", f"{value:.3f}") for name, value in self.measurement.timings.items()]
            pairs.append(("peak_memory_mb", f"{self.measurement.peak_memory / 2**20:.0f}"))
        return pairs
