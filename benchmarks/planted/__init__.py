"""Faults from the history of diffusers and mindone, planted in mindone's installed code, one at a time."""
