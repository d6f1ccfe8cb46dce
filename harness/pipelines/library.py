"""Unmodified pipelines of mindone.diffusers or diffusers: found, checked against their checkpoint, loaded.

Nothing of either is imported until it is needed.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.cases.job import SchedulerChoice
from harness.frameworks.framework import FrameworkName
from harness.pipelines.components import check_components
from harness.pipelines.errors import CheckpointError, PipelineError, with_nearest
from harness.pipelines.folder import INDEX, read_json

# Components from these libraries are diffusers' own models. Tokenizers and the like have many interchangeable
# classes.
_MODELS = ("diffusers", "mindone.diffusers")
# SDXL marks these as optional for the sake of its refiner, whose checkpoint sets one of them to null. If a
# checkpoint does not mention one at all, prompts cannot be read.
_READING_PROMPTS = ("text_encoder", "tokenizer")
# What a library raises for files, configurations and classes that it cannot turn into a component.
_UNLOADABLE = (OSError, ValueError, KeyError, AttributeError, NotImplementedError)
_NAME = "scheduler"
_HAS_NONE = "{} has no `scheduler` that another could take the place of"
# What schedulers raise for settings that they do not support, and what Python raises for values of the wrong
# type. A RuntimeError of MindSpore is not among them: it may mean a missing kernel.
_REFUSALS = (
    ArithmeticError, AttributeError, ImportError, LookupError, NotImplementedError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True)
class Library:
    """A library of pipelines with the interface of diffusers.

    ``name`` stands before the colon in a case's ``pipeline`` and is that of the package, whose ``module`` has
    the classes. ``dtype_argument`` is what ``from_pretrained`` calls the dtype, and ``model`` the base class
    of its models of transformers, which are in ``transformers``. ``check_installed`` raises
    :class:`harness.pipelines.errors.PackageMissing`.
    """

    name: str
    module: str
    framework: FrameworkName
    dtype_argument: str
    transformers: str
    model: str
    check_installed: Callable[[], None]

    @property
    def prefix(self) -> str:
        """What a case's ``pipeline`` begins with."""
        return f"{self.name}:"

    def imported(self) -> Any:
        """Return the module of the classes."""
        return importlib.import_module(self.module)

    def pipeline_class(self, name: str) -> Any:
        """Return the pipeline class ``name``; PipelineError suggests similar names if there is none."""
        return self._class(name, "DiffusionPipeline", "Pipeline")

    def _scheduler_class(self, name: str) -> Any:
        return self._class(name, "SchedulerMixin", "Scheduler")

    def _names_ending_in(self, ending: str) -> list[str]:
        return [each for each in dir(self.imported()) if each.endswith(ending)]

    def _class(self, name: str, base: str, ending: str) -> Any:
        library = self.imported()
        # Names are looked up first, because importing all the classes would take minutes.
        found = getattr(library, name, None) if name in dir(library) else None
        if isinstance(found, type) and issubclass(found, getattr(library, base)):
            return found
        nearest = difflib.get_close_matches(name, self._names_ending_in(ending), n=3)
        hint = f"; the nearest: {', '.join(nearest)}" if nearest else ""
        raise PipelineError(
            f"{self.name} {metadata.version(self.name)} has no {ending.lower()} {name!r}{hint}"
        )

    def check_checkpoint(self, name: str, kind: Any, folder: Path) -> None:
        """Raise :class:`CheckpointError` unless the checkpoint in ``folder`` has all components of ``kind``.

        A checkpoint made for another pipeline class is accepted if it has every required component of
        ``kind``, each of a class that ``kind`` allows. For example, Stable Diffusion's checkpoint works for
        image to image.
        """
        index = folder / INDEX
        entries = read_json(index)
        check_components(entries, folder, self)
        made_for = entries.get("_class_name")
        if made_for == kind.__name__:
            return
        components = {
            key: value
            for key, value in entries.items()
            if isinstance(value, list) and len(value) == 2 and value[1] is not None
        }
        problems = []
        for component, parameter in inspect.signature(kind.__init__).parameters.items():
            if component == "self" or parameter.default is not parameter.empty:
                continue
            if component not in components:
                optional = component in kind._optional_components
                if not optional or (component not in entries and component.startswith(_READING_PROMPTS)):
                    problems.append(f"it has no {component}")
                continue
            library, given = components[component]
            expected = _class_names(parameter.annotation)
            if (
                library in _MODELS
                and not component.endswith("scheduler")
                and expected
                and given not in expected
            ):
                problems.append(f"its {component} is a {given}, not a {' or '.join(sorted(expected))}")
        if problems:
            raise CheckpointError(
                f"{index}: this is a checkpoint of {made_for or 'no known class'}, which {name} cannot run: "
                f"{'; '.join(problems)}"
            )

    def load_pipeline(
        self, name: str, kind: Any, folder: Path, dtype: str, scheduler: SchedulerChoice | None
    ) -> Any:
        """Return a pipeline of class ``kind``, called ``name``, with the weights in ``folder``.

        If the case names a ``scheduler``, it is made from the configuration of the checkpoint's scheduler and
        replaces that one, as is usual with diffusers. Weights are read from safetensors only.
        """
        from safetensors import SafetensorError

        # Checked again: the complete checkpoint may contain more files than the ones that describe it.
        check_components(read_json(folder / INDEX), folder, self)
        if kind._load_connected_pipes and (folder / "README.md").exists():
            raise CheckpointError(
                f"{folder}: {name} would load the further pipelines that README.md names, whose files nobody "
                "checks: remove README.md, and put all components into this folder"
            )
        try:
            given = {self.dtype_argument: getattr(importlib.import_module(self.framework), dtype)}
            pipeline = kind.from_pretrained(str(folder), use_safetensors=True, local_files_only=True, **given)
        except (*_UNLOADABLE, SafetensorError) as error:
            raise CheckpointError(f"{folder}: {name} cannot be loaded from it: {error}") from error
        if scheduler is not None:
            current = getattr(pipeline, _NAME, None)
            if current is None:
                raise PipelineError(_HAS_NONE.format(name))
            kind = type(current) if scheduler.name is None else self._scheduler_class(scheduler.name)
            pipeline.scheduler = _made(kind, current, scheduler)
        # The log of a worker that died should show the reason, not a progress bar.
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def check_scheduler(
        self, name: str, kind: Any, folder: Path, scheduler: SchedulerChoice, *, steps: int | None
    ) -> None:
        """Raise :class:`PipelineError` if the case's ``scheduler`` cannot be made; reads no weights.

        It is made from the configuration in ``folder``. If ``steps`` is given, its timesteps are computed,
        too.
        """
        parameter = inspect.signature(kind.__init__).parameters.get(_NAME)
        if parameter is None:
            raise PipelineError(_HAS_NONE.format(name))
        entry = read_json(folder / INDEX).get(_NAME)
        if not isinstance(entry, list) or not isinstance(entry[-1], str):
            return  # loading reports what is wrong with the checkpoint
        stored = self._scheduler_class(entry[-1])
        # The same search as in diffusers; the earliest checkpoints have no folders for components.
        place = folder / _NAME if (folder / _NAME).is_dir() else folder
        try:
            current = stored.from_pretrained(str(place), local_files_only=True)
        except (OSError, *_REFUSALS):
            return  # loading reports it
        if scheduler.name is not None:
            kinds = [self._scheduler_class(scheduler.name)]
        else:
            # A few pipelines, such as DDIM's, convert the checkpoint's scheduler to a class of their choice.
            own = _class_names(parameter.annotation) & set(self._names_ending_in("Scheduler"))
            kinds = [stored, *map(self._scheduler_class, sorted(own))]
        refusals = []
        for each in kinds:
            try:
                _try(each, current, scheduler, steps)
            except PipelineError as error:
                refusals.append(error)
            else:
                return
        raise refusals[0]


def _class_names(annotation: Any) -> set[str]:
    """Return the names of the classes that ``annotation`` allows; empty if that cannot be told."""
    if isinstance(annotation, str):
        return {annotation} if annotation.isidentifier() else set()
    if isinstance(annotation, type):
        return set() if annotation is inspect.Parameter.empty else {annotation.__name__}
    return {name for part in typing.get_args(annotation) for name in _class_names(part)} - {"NoneType"}


def _try(kind: Any, current: Any, scheduler: SchedulerChoice, steps: int | None) -> None:
    made = _made(kind, current, scheduler)
    # The pipeline computes the shift of flow matching, so timesteps cannot be tried here.
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
