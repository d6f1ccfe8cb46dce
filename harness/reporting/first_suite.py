"""The text of a first suite, with comments for somebody who has written none."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.foreign_text import printable
from harness.operations.first_suite import FirstSuite

_STRICT = """\
  # Rounding alone moves the output of this pipeline far, so no limit could tell it from a change: a case is
  # compared with its baseline in the same environment only.
  strict: true"""
_BATCH = """\
  # A batch of two images. Each seed has a generator of its own, so each image should be the one that its
  # seed gives alone. To hold the batch to that, add: batch_consistency: {relative_l2: 1.0e-5}"""
_ALONE = (
    "  # No batch here: one generator draws the noise of all images of this pipeline, so no seed decides one."
)


def first_suite_text(suite: FirstSuite, place: Path) -> str:
    """Return the YAML of ``suite``, which will be in the file ``place``."""
    return "\n".join(_lines(suite, shlex.quote(printable(str(place))))) + "\n"


def _lines(suite: FirstSuite, place: str) -> Iterator[str]:
    yield f"# The first suite for {printable(suite.named)}. What to type next:"
    yield f"#   harness record {place}      runs each case twice, and stores it if the bits are the same"
    yield f"#   harness calibrate {place}   measures how far rounding moves each case, for other environments"
    yield f"#   pytest {place}              runs each case and compares it with what is stored"
    yield "# All keys: docs/suites.md. For completion in an editor: harness schema."
    yield f"suite: {json.dumps(suite.name)}"
    yield "defaults:  # for all cases; a case may replace each of them"
    yield f"  pipeline: {suite.pipeline}"
    yield f"  checkpoint: {json.dumps(suite.checkpoint, ensure_ascii=False)}"
    yield "  seed: 0"
    if suite.arguments:
        yield f"  arguments: {_flow(suite.arguments)}  # anything else that the pipeline takes"
    if suite.strict:
        yield _STRICT
    yield "cases:"
    yield "  # The first steps, to know within seconds. A baseline is found by the id, so do not change it."
    yield "  - id: two-steps"
    yield from _case(suite.quick)
    if suite.batch is None:
        yield _ALONE
    else:
        yield _BATCH
        yield "  - id: batch-of-two"
        yield "    seeds: [0, 1]"
        arguments = {**suite.quick.get("arguments", {}), **suite.batch}
        yield from _case({**suite.quick, **({"arguments": arguments} if arguments else {})})
    yield "  # As many steps as the pipeline takes by default. If that is too slow for every run, add"
    yield "  # `run: nightly`, and pytest leaves it out."
    yield "  - id: published-steps"
    yield from _case(suite.published)


def _case(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        yield f"    {name}: {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_flow(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value)


def written_text(place: Path, suite: FirstSuite) -> str:
    """Say what was written, and what to type next."""
    cases = 2 if suite.batch is None else 3
    name = shlex.quote(str(place))
    return f"{place}: {cases} cases for {suite.pipeline}; record their baselines: harness record {name}"
