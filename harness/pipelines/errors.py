"""The errors of the pipeline core that a user can act on."""

from harness.errors import FailureCause, HarnessError


class PipelineError(HarnessError):
    """A pipeline cannot be built or called as the case asks."""


class CheckpointError(HarnessError):
    """A checkpoint is missing, damaged, or of a kind the pipeline core does not support.

    Its message names the file and the keys or fields concerned.
    """


class PackageMissing(PipelineError):
    """What a pipeline stands on is not installed for the worker's interpreter."""

    cause = FailureCause.MISSING_PACKAGE
