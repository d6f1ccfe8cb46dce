"""Pipelines of ``mindone.diffusers``, as they are: found, checked against their checkpoint, loaded.

Nothing of mindone is imported before it is asked for.
"""
