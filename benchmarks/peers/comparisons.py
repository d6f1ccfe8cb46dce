"""Comparisons: what a judge is asked, a run beside the baseline that it should be told from, or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.peers.runs import Runs
from harness.baselines.baseline import Baseline
from harness.cases.case import Case
from harness.faults.catalogue import FAULTS, Fault
from harness.judgement import bits
from harness.measurement.measurement import Array, Measurement


@dataclass(frozen=True)
class Comparison:
    """A run of ``case`` beside its ``baseline``.

    With a ``fault`` in the run a judge should see a difference. Without one the run is sound and of another
    release than the baseline, both named by ``releases``, and a difference is a false alarm.
    """

    case: Case
    baseline: Baseline
    measured: Measurement
    fault: Fault | None = None
    releases: tuple[str, str] | None = None

    @property
    def obtained(self) -> Array:
        """The output of the run."""
        return self.measured.output

    @property
    def expected(self) -> Array:
        """The output of the baseline."""
        return self.baseline.measurement.output

    @property
    def same_bits(self) -> bool:
        """Whether the two outputs are the same, which no test of outputs can tell apart."""
        return bits.same_bits(self.obtained, self.expected)


def with_faults(case: Case, baseline: Baseline, runs: Runs) -> Iterator[Comparison]:
    """Yield ``case`` with each fault of the catalogue that can be put into it, at its reference size."""
    for fault in FAULTS:
        measured = runs.faulty(case, fault)
        if measured is not None:
            yield Comparison(case, baseline, measured, fault=fault)


def across_releases(case: Case, baseline: Baseline, sound: Mapping[str, Measurement]) -> Iterator[Comparison]:
    """Yield every ordered pair of the ``sound`` runs of ``case``, which are by release.

    The first of a pair takes the place of the measurement in ``baseline``; the calibration stays.
    """
    for older in sound:
        for newer in sound:
            if older != newer:
                held_to = replace(baseline, measurement=sound[older])
                yield Comparison(case, held_to, sound[newer], releases=(older, newer))


def faulty(comparisons: Sequence[Comparison]) -> list[int]:
    """Return the positions of the comparisons in which a judge should see a difference."""
    return [index for index, each in enumerate(comparisons) if each.fault is not None]


def sound(comparisons: Sequence[Comparison]) -> list[int]:
    """Return the positions of the comparisons in which a difference is a false alarm."""
    return [index for index, each in enumerate(comparisons) if each.fault is None]
