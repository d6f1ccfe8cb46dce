"""Errors of the pipeline core that a user can act on."""

import difflib
from collections.abc import Iterable

from harness.errors import FailureCause, HarnessError


class PipelineError(HarnessError):
    """A pipeline cannot be built or called in the way the case asks."""


class CheckpointError(HarnessError):
    """A checkpoint is missing, damaged or unsupported; the message names the file and fields concerned."""


class PackageMissing(PipelineError):
    """A package that the pipeline needs is not installed for the worker's interpreter."""

    cause = FailureCause.MISSING_PACKAGE


def with_nearest(given: Iterable[str], known: Iterable[str]) -> str:
    """Return the unknown names in ``given``, each with the most similar one of ``known``."""
    names = list(known)
    nearest = {each: difflib.get_close_matches(each, names, n=1) for each in given}
    return ", ".join(
        f"{each} (did you mean {close[0]}?)" if close else each for each, close in nearest.items()
    )
