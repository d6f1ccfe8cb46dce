"""The errors of the pipeline core that a user can act on."""

import difflib
from collections.abc import Iterable

from harness.errors import FailureCause, HarnessError


class PipelineError(HarnessError):
    """A pipeline cannot be built or called as the case asks."""


class CheckpointError(HarnessError):
    """A checkpoint is missing, damaged or not supported; the text names the file and the fields concerned."""


class PackageMissing(PipelineError):
    """What a pipeline stands on is not installed for the worker's interpreter."""

    cause = FailureCause.MISSING_PACKAGE


def with_nearest(given: Iterable[str], known: Iterable[str]) -> str:
    """Return the names ``given``, which are none of ``known``, each with the one of these most like it."""
    names = list(known)
    nearest = {each: difflib.get_close_matches(each, names, n=1) for each in given}
    return ", ".join(
        f"{each} (did you mean {close[0]}?)" if close else each for each, close in nearest.items()
    )
