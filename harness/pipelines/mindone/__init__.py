"""Pipelines of ``mindone.diffusers``, as they are: found, checked against their checkpoint, loaded.

Nothing of mindone is imported before it is asked for.
"""

from harness.pipelines.mindone.classes import PREFIX, check_installed, code_version

__all__ = ["PREFIX", "check_installed", "code_version"]
