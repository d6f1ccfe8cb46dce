"""How far a run is, in words."""

from __future__ import annotations

from harness.execution.under_way import UnderWay


def step_text(run: UnderWay) -> str:
    """Return which step of a run is finished, as ``step 7 of 50``; '' before the first."""
    if not run.done:
        return ""
    return f"step {run.done}" + (f" of {run.steps}" if run.steps is not None else "")


def left_text(seconds: float | None) -> str:
    """Return an estimate of what is left: ``about 3 min left``; '' if there is none."""
    return "" if seconds is None else f"about {duration_text(seconds)} left"


def under_way_text(run: UnderWay) -> str:
    """Return step, time and estimate of a run: ``step 7 of 50, 12 s, about 3 min left``."""
    return ", ".join(filter(None, (step_text(run), duration_text(run.seconds), left_text(run.left))))


def duration_text(seconds: float) -> str:
    """Return a duration in words, with the precision of an estimate: ``20 s``, ``3 min``, ``1 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
