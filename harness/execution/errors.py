"""What can be wrong with the environment that a case runs in."""

from __future__ import annotations

from harness.errors import HarnessError


class FingerprintError(HarnessError):
    """A field of the fingerprint cannot be read; a guess would make comparisons lie."""
