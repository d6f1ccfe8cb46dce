"""Why facts decide a verdict, or what is worth knowing about them: reasons beside those of figures."""

from __future__ import annotations

from harness.judgement.reasons import Difference, Reason


class ParameterChanged(Reason):
    """A loaded parameter is not that of the recording: ``name``, and ``others`` more.

    The checksums are None on a side that has no parameter of that name.
    """

    name: str
    others: int
    measured: str | None
    baseline: str | None


class NoFacts(Reason):
    """The baseline was recorded without facts, so neither parameters nor constants are compared."""


class NoParameters(Reason):
    """No parameter of the pipeline could be read, so none is compared; ``unreadable`` are those it has."""

    unreadable: tuple[str, ...]


class FactsAdded(Difference):
    """Only the facts, which the stored baseline lacks, are new."""


class OtherParameters(Difference):
    """Loaded parameters differ."""

    names: tuple[str, ...]
