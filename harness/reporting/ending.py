"""How a pytest run ended."""

from __future__ import annotations

import pytest


def early_end(session: pytest.Session, exitstatus: int) -> str | None:
    """Return why the run ended before all cases had run, and what that means; None where it did not."""
    ended = session.shouldfail or session.shouldstop
    if not ended and exitstatus != pytest.ExitCode.INTERRUPTED:
        return None
    text = str(ended) if isinstance(ended, str) else "interrupted"
    return f"{text}: cases may be missing here"
