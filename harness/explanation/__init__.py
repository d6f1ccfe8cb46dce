"""Why a case drifted: the environment, its inputs, its random draws, then the first step that moved."""

from harness.explanation.causes import Cause, root_causes

__all__ = ["Cause", "root_causes"]
