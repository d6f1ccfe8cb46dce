"""The scheduler that a case asks for: made once to see whether it can be, then put into the pipeline."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from harness.cases.job import SchedulerChoice
from harness.pipelines.errors import PipelineError, with_nearest
from harness.pipelines.folder import INDEX, read_json
from harness.pipelines.mindone.classes import class_names, names_ending_in, scheduler_class

_NAME = "scheduler"
# What schedulers raise for settings that they cannot be made with, and what Python raises for values of
# another type. MindSpore's own RuntimeError may be a kernel that is missing.
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)


def check_scheduler(
    name: str, kind: Any, folder: Path, scheduler: SchedulerChoice, *, steps: int | None
) -> None:
    """Raise :class:`PipelineError` unless the ``scheduler`` of a case can be made; no weights are read.

    ``kind`` is the pipeline class ``name``. The scheduler is made from the configuration in ``folder`` and,
    where ``steps`` says for how many, asked for its timesteps.
    """
    parameter = inspect.signature(kind.__init__).parameters.get(_NAME)
    if parameter is None:
        raise PipelineError(f"{name} has no `scheduler` that another could take the place of")
    entry = read_json(folder / INDEX).get(_NAME)
    if not isinstance(entry, list) or not isinstance(entry[-1], str):
        return  # loading says what is wrong with the checkpoint
    stored = scheduler_class(entry[-1])
    # As diffusers looks for it; the earliest checkpoints have no folders.
    place = folder / _NAME if (folder / _NAME).is_dir() else folder
    try:
        current = stored.from_pretrained(str(place), local_files_only=True)
    except (OSError, *_REFUSALS):
        return  # loading says it
    if scheduler.name is not None:
        kinds = [scheduler_class(scheduler.name)]
    else:
        # A few pipelines make a scheduler of their own class from whatever the checkpoint has: DDIM's.
        own = class_names(parameter.annotation) & set(names_ending_in("Scheduler"))
        kinds = [stored, *map(scheduler_class, sorted(own))]
    refusals = []
    for each in kinds:
        try:
            _try(each, current, scheduler, steps)
        except PipelineError as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]


def put_scheduler(name: str, pipeline: Any, scheduler: SchedulerChoice) -> None:
    """Let the ``scheduler`` of a case take the place of the one that ``pipeline`` has.

    It is made from that one's configuration, as users of diffusers do it.
    """
    current = getattr(pipeline, _NAME, None)
    if current is None:
        raise PipelineError(f"{name} has no `scheduler` that another could take the place of")
    kind = type(current) if scheduler.name is None else scheduler_class(scheduler.name)
    pipeline.scheduler = _made(kind, current, scheduler)


def _try(kind: Any, current: Any, scheduler: SchedulerChoice, steps: int | None) -> None:
    made = _made(kind, current, scheduler)
    # The shift of flow matching is the pipeline's to give.
    if steps is None or made.config.get("use_dynamic_shifting"):
        return
    try:
        made.set_timesteps(steps)
    except _REFUSALS as error:
        raise _refused(kind, scheduler, error) from error


def _made(kind: Any, current: Any, scheduler: SchedulerChoice) -> Any:
    settings = scheduler.settings
    known = [each for each in inspect.signature(kind.__init__).parameters if each not in ("self", "kwargs")]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise PipelineError(
            f"{kind.__name__} has no setting {with_nearest(unknown, known)}; "
            f"it has: {', '.join(sorted(known))}"
        )
    try:
        return kind.from_config(current.config, **settings)
    except _REFUSALS as error:
        raise _refused(kind, scheduler, error) from error


def _refused(kind: Any, scheduler: SchedulerChoice, error: Exception) -> PipelineError:
    settings = ", ".join(f"{key}: {value!r}" for key, value in scheduler.settings.items())
    why = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return PipelineError(f"{kind.__name__} refuses {{{settings}}}: {why}")
