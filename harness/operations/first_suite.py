"""A first suite for a checkpoint: which pipeline runs it, with which arguments and how many steps."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cases.discovery import SUFFIXES
from harness.cases.names import MAX_NAME
from harness.errors import UsageError
from harness.operations.destination import check_destination
from harness.pipelines import mindone
from harness.pipelines.calling import Signature
from harness.pipelines.checkpoints import ResolvedCheckpoint, resolve
from harness.pipelines.published import (
    BUILTIN,
    DESCRIBING,
    called_as,
    pipeline_of,
    runs_builtin,
)

PROMPTS = ("a red fox in the snow", "a house in the forest")
FOLDER = Path("suites")
_QUICK = 2
# Where a pipeline gives none itself.
_USUAL = 50
_STEPS = "num_inference_steps"
# What a pipeline works on besides a prompt. They are optional in many signatures that need one of them.
_WORKED_ON = ("image", "mask_image", "video", "control_image", "control_video", "conditioning_frames")
_CAN_BE_RUN = (
    "harness init writes suites for DDIMPipeline and DDPMPipeline with a UNet2DModel, and for the classes of "
    "mindone that need nothing but a prompt. For any other pipeline write the suite yourself: give the case "
    "its `arguments`, or name a function of your own as `pipeline: package.module:factory`"
)


@dataclass(frozen=True)
class FirstSuite:
    """What is in the suite. ``checkpoint`` is as the suite names it, ``named`` as it was asked for.

    ``quick`` and ``published`` are the fields of the two cases that say how many steps there are; ``batch``
    has the arguments of a batch of two, or is None if the pipeline takes one image alone. ``strict`` is
    whether rounding moves the output too far for a comparison across environments.
    """

    name: str
    named: str
    checkpoint: str
    pipeline: str
    quick: Mapping[str, Any]
    published: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    batch: Mapping[str, Any] | None = None
    strict: bool = False


def first_suite(named: str, output: Path | None, *, replace: bool = False) -> tuple[Path, FirstSuite]:
    """Return a first suite for the checkpoint ``named``, and the file to write it to.

    ``named`` is a folder in the layout of diffusers, relative to the current folder, ``hub:owner/name`` with
    or without a revision, ``builtin:NAME`` or ``seeded:NAME``. No weights are read or fetched. The file is
    ``output`` (default: below ``suites``, named after the checkpoint); the name of the suite is its stem.

    Raises UsageError for a file that exists and is not to be replaced, and for a pipeline that
    would need more than a prompt; :class:`harness.pipelines.errors.CheckpointError` for an unusable
    checkpoint.
    """
    given = named
    if named.startswith("hub:") and "@" not in named:
        given = f"{named}@main"
    place = output or FOLDER / f"{_suite_name(_own_name(named))}.yaml"
    if os.path.lexists(place) and not replace:
        raise UsageError(
            f"{place} exists; nothing was written. Name another file with -o, or replace it with --force"
        )
    if place.suffix not in SUFFIXES:
        raise UsageError(f"{place}: the name of a suite ends in .yaml or .yml; name another file with -o")
    found = resolve(given, Path.cwd(), files=DESCRIBING)
    checkpoint = named
    if found.revision is not None:
        # A commit stays what it is, and a branch does not.
        checkpoint = f"{given.partition('@')[0]}@{found.revision}"
    elif found.folder is not None and not named.startswith("builtin:"):
        relative = os.path.relpath(found.folder, place.parent)
        checkpoint = f"./{relative}" if ":" in relative else relative
    if not checkpoint.isprintable():
        raise UsageError(f"{named!r}: a suite cannot name this path; rename the folder")
    suite = _suite(_suite_name(place.stem), named, checkpoint, found)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{place}: cannot be written: {error.strerror}; name another file with -o") from None
    check_destination(place)
    return place, suite


def _own_name(named: str) -> str:
    kind, colon, name = named.partition(":")
    if colon and kind in ("builtin", "seeded", "hub"):
        return name.partition("@")[0].rpartition("/")[2]
    return Path(named).absolute().name


def _suite_name(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:MAX_NAME].strip("-")
    return name or "first"


def _suite(name: str, named: str, checkpoint: str, found: ResolvedCheckpoint) -> FirstSuite:
    folder = found.folder
    kind = "DDIMPipeline" if folder is None else pipeline_of(folder)
    if folder is None or (kind in BUILTIN and runs_builtin(folder)):
        pipeline, steps = BUILTIN[kind]
        # float32 has the same bits in graph mode, which is several times as fast.
        published = {"steps": steps, "mode": "graph"}
        chaotic = found.seeded is not None and not found.seeded.denoising
        return FirstSuite(
            name, named, checkpoint, pipeline, {"steps": _QUICK}, published, batch={}, strict=chaotic
        )
    mindone.check_installed()
    call = called_as(kind)
    if call is None:
        raise UsageError(f"{named}: the checkpoint is for {kind}, which mindone does not have. {_CAN_BE_RUN}")
    defaults = {each: value.default for each, value in inspect.signature(call).parameters.items()}
    del defaults["self"]
    needed = [each for each, default in defaults.items() if default is inspect.Parameter.empty]
    needed += [each for each in _WORKED_ON if each in defaults and each not in needed]
    if more := [each for each in needed if each != "prompt"]:
        raise UsageError(
            f"{named}: the checkpoint is for {kind}, which needs {', '.join(more)}. {_CAN_BE_RUN}"
        )
    numbers = {each: value for each, value in defaults.items() if each.endswith(_STEPS)}
    signature = Signature(kind, call, closed=True)
    batch: Mapping[str, Any] | None = {} if signature.batch else None
    if batch is None and "prompt" in defaults:
        batch = {"prompt": list(PROMPTS)}
    return FirstSuite(
        name,
        named,
        checkpoint,
        f"{mindone.PREFIX}{kind}",
        _steps(dict.fromkeys(numbers, _QUICK)),
        _steps({each: value if isinstance(value, int) else _USUAL for each, value in numbers.items()}),
        {"prompt": PROMPTS[0]} if "prompt" in defaults else {},
        None if signature.takes_mindspores else batch,
    )


def _steps(numbers: Mapping[str, int]) -> dict[str, Any]:
    """Return the fields of a case for these numbers of steps, by the names of the pipeline's parameters."""
    others = {name: value for name, value in numbers.items() if name != _STEPS}
    return {
        **({"steps": numbers[_STEPS]} if _STEPS in numbers else {}),
        **({"arguments": others} if others else {}),
    }
