"""The CI run in which something was measured, as far as its environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A run of GitHub Actions: its repository as ``owner/name``, its address, and the commit's hash."""

    repository: str
    run: str
    commit: str

    @classmethod
    def here(cls) -> Origin | None:
        """Return the CI run that this process is part of, or None outside CI.

        Sources: docs.github.com/actions/reference/workflows-and-actions/variables.
        """
        names = ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_SHA")
        repository, run, commit = (os.environ.get(name, "") for name in names)
        if os.environ.get("GITHUB_ACTIONS") != "true" or not repository:
            return None
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return cls(repository, f"{server}/{repository}/actions/runs/{run}", commit)
