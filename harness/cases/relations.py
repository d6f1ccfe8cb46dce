"""The invariances of a case: relations that should hold between two runs of it."""

from __future__ import annotations

from enum import Enum

from harness.cases.wording import quoted, suggestion


class Relation(str, Enum):
    """What may change from one run to the other without changing the result."""

    WARM_PROCESS = "warm-process"
    CASE_ORDER = "case-order"
    BATCH_SIZE = "batch-size"
    BATCH_POSITION = "batch-position"
    BATCH_NEIGHBOURS = "batch-neighbours"
    GENERATOR_LIST = "generator-list"
    GUIDANCE_BATCH = "guidance-batch"
    PROMPT_PADDING = "prompt-padding"
    MEMORY_LAYOUT = "memory-layout"
    FRAGMENTED_MEMORY = "fragmented-memory"
    CORE = "core"
    VISIBLE_CORES = "visible-cores"
    LAUNCH = "launch"
    MODE = "mode"


def check_relation(name: str) -> str:
    """Return ``name`` if it is that of a relation; raises ValueError otherwise."""
    known = [each.value for each in Relation]
    if name not in known:
        raise ValueError(f"unknown relation {quoted(name)}; {suggestion(name, known)}")
    return name
