"""Calling a pipeline: which arguments it gets, under the names that it uses, and what it returns.

The names are those of diffusers. A pipeline gets those of the harness's own arguments that are in its
signature. It must accept a ``generator``. A pipeline that accepts ``**kwargs`` gets all of
:data:`RESERVED_ARGUMENTS` and ``output_type``.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from harness.errors import HarnessError
from harness.measurement.bfloat16 import BFLOAT16, is_bfloat16, to_numpy
from harness.measurement.measurement import REAL_KINDS, Array
from harness.pipelines.errors import PipelineError, with_nearest
from harness.pipelines.steps import OLDER_HOOKS, StepCallback, schedulers, seeing_steps

# The harness passes these itself; a case sets them through its own fields. ``output_type`` is 'np' unless the
# arguments of the case ask for another type.
RESERVED_ARGUMENTS = ("batch_size", "callback_on_step_end", "generator", "num_inference_steps")
_OUTPUT_TYPE = "output_type"
_ARRAY_TYPES = ("np", "latent")
# The names that pipelines use for the number of images per call or per prompt.
_BATCH_ARGUMENTS = (
    "batch_size", "num_images_per_prompt", "num_videos_per_prompt", "num_waveforms_per_prompt",
    "num_images_per_image",
)  # fmt: skip
_STEPS = "num_inference_steps"
# Arguments that may be a list with one entry per image: prompt, negative_prompt_2, mask_image, class_labels …
_EACH_IMAGE = re.compile(r"(.*_)?(prompt|image)(_\d)?|class_labels")
# Matches a parameter's annotation that asks for one of MindSpore's generators.
_OF_MINDSPORE = re.compile(r"\b(ms|mindspore)\.([\w.]+\.)?Generator\b")
# A pipeline that is given one of these needs no number of steps.
SCHEDULES = ("timesteps", "sigmas")


class Output(NamedTuple):
    """A pipeline's output, and the name of the dtype in which it was given; bfloat16 is held in float32."""

    array: Array
    dtype: str


class OutputError(HarnessError):
    """A pipeline returned something that cannot be measured."""


class Signature:
    """What a pipeline accepts: the names of its parameters, and whether it accepts any other name.

    ``closed`` means that names outside the signature are refused even if the pipeline has ``**kwargs``. The
    classes of diffusers use ``**kwargs`` for deprecated parameters and would silently accept a misspelt one.
    """

    def __init__(self, name: str, function: Callable[..., Any], *, closed: bool = False) -> None:
        parameters = inspect.signature(function).parameters.values()
        self.name = name
        self.open = not closed and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        taken = {parameter.name: parameter for parameter in parameters if parameter.kind in kinds}
        self.names = set(taken) - {"self"}
        # For example aMUSEd's pipelines: they draw with operators of MindSpore, which accept no other
        # generator.
        self.takes_mindspores = _OF_MINDSPORE.search(str(taken.get("generator"))) is not None
        named = (name for name in _BATCH_ARGUMENTS if name in self.names)
        # The parameter for the number of images, or None if the pipeline has none.
        self.batch = next(named, _BATCH_ARGUMENTS[0] if self.open else None)

    def takes(self, name: str) -> bool:
        """Return whether the pipeline can be passed ``name``."""
        return self.open or name in self.names

    def check(self, arguments: Mapping[str, Any], *, steps: int | None, images: int) -> None:
        """Raise :class:`PipelineError` if the case's ``arguments``, ``steps`` or batch size are invalid."""
        own = (*RESERVED_ARGUMENTS, *OLDER_HOOKS, self.batch)
        if reserved := sorted(set(arguments) & set(own)):
            raise PipelineError(
                f"arguments of {self.name}: the harness passes {', '.join(reserved)} itself; "
                "use the case's own fields (seed, seeds, steps, keep)"
            )
        if unknown := sorted(name for name in arguments if not self.takes(name)):
            known = sorted(self.names - set(own))
            raise PipelineError(
                f"{self.name} takes no argument {with_nearest(unknown, known)}; "
                f"it takes: {', '.join(known) or 'none'}"
            )
        if not self.takes("generator"):
            raise PipelineError(f"{self.name} takes no generator: no seed would decide its noise")
        if images > 1 and self.takes_mindspores:
            raise PipelineError(
                f"{self.name} takes one generator of MindSpore's for the whole batch, so no seed would "
                "decide an image: give one `seed`"
            )
        if steps is None and _STEPS in self.names and not set(SCHEDULES) & set(arguments):
            raise PipelineError(f"{self.name} takes {_STEPS}: give the case `steps`")
        if steps is not None and not self.takes(_STEPS):
            others = sorted(name for name in self.names if name.endswith(_STEPS))
            hint = f"; give {', '.join(others)} in `arguments`" if others else ""
            raise PipelineError(f"{self.name} takes no {_STEPS}: leave out `steps`{hint}")
        prompt = arguments.get("prompt")
        if images > 1 and isinstance(prompt, list) and len(prompt) not in (1, images):
            raise PipelineError(
                f"{self.name}: {len(prompt)} prompts for {images} seeds; give one, or one per seed"
            )
        if images > 1 and self.batch is None and not _per_image(prompt, images):
            raise PipelineError(
                f"{self.name} takes none of {', '.join(_BATCH_ARGUMENTS)}: give one `seed`, or a list of "
                "prompts, one per seed"
            )

    def passed(
        self, generators: Sequence[Any], steps: int | None, arguments: Mapping[str, Any], *, listed: bool
    ) -> dict[str, Any]:
        """Return the arguments of one call that makes one image per generator in ``generators``.

        ``listed`` is whether a single generator is passed in a list, too.
        """
        images = len(generators)
        given: dict[str, Any] = {"generator": list(generators) if images > 1 or listed else generators[0]}
        if self.takes_mindspores:
            import mindspore as ms

            # Its seed is a draw, which the ledger records.
            given["generator"] = ms.Generator().manual_seed(int(generators[0].integers(2**63)))
        # A list of prompts makes one image per prompt.
        if self.batch is not None and not _per_image(arguments.get("prompt"), images):
            given[self.batch] = images
        if steps is not None:
            given[_STEPS] = steps
        if self.takes(_OUTPUT_TYPE):
            given[_OUTPUT_TYPE] = "np"
        return {**given, **arguments}


def call_pipeline(
    signature: Signature,
    pipeline: Callable[..., Any],
    generators: Sequence[Any],
    *,
    steps: int | None,
    arguments: Mapping[str, Any],
    after_step: StepCallback,
    listed: bool = False,
) -> Output:
    """Call ``pipeline``, which has this ``signature``, with one image per generator, and return its output.

    A single generator is passed by itself, or in a list if it is to be ``listed``.
    ``after_step`` gets the latents after each denoising step; see
    :func:`harness.pipelines.steps.seeing_steps`. Raises :class:`PipelineError` for what
    :meth:`Signature.check` rejects, and if the pipeline or its scheduler refuses its inputs as those of
    diffusers do. Raises :class:`OutputError` if the result contains no array of real numbers.
    """
    signature.check(arguments, steps=steps, images=len(generators))
    passed = signature.passed(generators, steps, arguments, listed=listed)
    with seeing_steps(pipeline, signature.takes, after_step) as hooks:
        try:
            result = pipeline(**passed, **hooks)
        except AttributeError as error:
            if isinstance(error.obj, np.random.Generator):
                raise _drawing_elsewhere(signature.name, error) from error
            if (lacking := _lacking(pipeline, error)) is None:
                raise
            raise PipelineError(
                f"{signature.name} cannot run with this scheduler: {lacking} has no `{error.name}`"
            ) from error
        except (TypeError, ValueError, NotImplementedError) as error:
            if (refusing := _refusing(signature.name, pipeline, error)) is None:
                raise
            raise PipelineError(f"{refusing}: {error}") from error
    array = output_array(signature.name, result, asked=passed.get(_OUTPUT_TYPE))
    return Output(array, output_dtype(result, array))


def _drawing_elsewhere(name: str, error: AttributeError) -> PipelineError:
    """Return the error of a pipeline that asked the case's generator for what those of torch have."""
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return PipelineError(
        f"{name}: {raised.filename}:{raised.lineno} draws from generators of torch alone, which have "
        f"`{error.name}`; the case's generators are numpy's, so its noise cannot be that of mindone"
    )


def _refusing(name: str, pipeline: Any, error: BaseException) -> str | None:
    """Return the name of the object that refused its inputs with ``error``; None if ``error`` is a defect.

    It is the pipeline ``name`` if the error comes from ``check_inputs``, in which diffusers' pipelines check
    their inputs, or one of its schedulers if that raised the error with an explicit ``raise``.
    """
    raised = traceback.extract_tb(error.__traceback__)[-1]
    if raised.name == "check_inputs":
        return name
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    owner = frame.f_locals.get("self")
    explicit = (raised.line or "").startswith("raise ")
    if explicit and any(owner is scheduler for scheduler in schedulers(pipeline)):
        return type(owner).__name__
    return None


def _lacking(pipeline: Any, error: AttributeError) -> str | None:
    """Return the class of the scheduler on which ``pipeline`` looked up a missing attribute."""
    if not any(error.obj is scheduler for scheduler in schedulers(pipeline)):
        return None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        # A lookup by the scheduler itself is a defect of the scheduler.
        if frame.f_locals.get("self") is error.obj and frame.f_code.co_name != "__getattr__":
            return None
    return type(error.obj).__name__


def of_images(arguments: Mapping[str, Any], indices: Sequence[int], images: int) -> dict[str, Any]:
    """Return the arguments for the images ``indices`` of a batch of ``images``, in this order.

    Lists with an entry per image keep the entries of these images.
    """
    return {
        name: [value[index] for index in indices]
        if _EACH_IMAGE.fullmatch(name) and _per_image(value, images)
        else value
        for name, value in arguments.items()
    }


def output_array(name: str, result: Any, *, asked: Any = None) -> Array:
    """Return the array in a pipeline's result: ``.images`` if it exists, otherwise the first array in it.

    The array holds images ``[n, height, width, channels]``, videos ``[n, frames, height, width, channels]``,
    latents or embeddings. Tensors and lists of arrays of equal shape become one array, and bfloat16
    becomes float32. Raises
    :class:`OutputError` for anything else. If the pipeline was ``asked`` for an output type that gives no
    array, the error names those that do.
    """
    value = _first(result)
    try:
        array = _stacked(value)
    except (TypeError, ValueError):
        array = None
    if array is not None and array.dtype.kind in REAL_KINDS:
        return array
    what = type(value).__name__ if array is None else f"an array of {array.dtype}"
    if asked is not None and asked not in _ARRAY_TYPES:
        raise OutputError(
            f"{name}: for `output_type: {asked}` the result's .images is {what}, which cannot be measured; "
            "leave it out or use np for pictures as arrays, latent for latents"
        )
    raise OutputError(
        f"{name}: the result holds {what}, which cannot be measured; return an array of real numbers [n, "
        "height, width, channels] or [n, frames, height, width, channels], of numpy or MindSpore, or a list "
        "of arrays of equal shape: alone, as .images of an object, or first in a tuple, dictionary or "
        "dataclass"
    )


def output_dtype(result: Any, array: Array) -> str:
    """Return the name of the dtype of ``result``, of which :func:`output_array` made ``array``."""
    return BFLOAT16 if _of_bfloat16(_first(result)) else str(array.dtype)


def _first(result: Any) -> Any:
    if hasattr(result, "images"):
        return result.images
    if isinstance(result, Mapping):
        return next(iter(result.values()), None)
    if is_dataclass(result):
        return getattr(result, fields(result)[0].name)
    if isinstance(result, tuple):
        return result[0] if result else None
    return result


def _stacked(value: Any) -> Array | None:
    if isinstance(value, np.ndarray):
        return to_numpy(value)
    if hasattr(value, "asnumpy") or hasattr(value, "detach"):
        return to_numpy(value)
    parts = [_stacked(part) for part in value] if isinstance(value, list) else []
    arrays = [part for part in parts if part is not None]
    return np.stack(arrays) if arrays and len(arrays) == len(parts) else None


def _of_bfloat16(value: Any) -> bool:
    return any(map(_of_bfloat16, value)) if isinstance(value, list) else is_bfloat16(value)


def _per_image(value: Any, images: int) -> bool:
    return isinstance(value, list) and images > 1 and len(value) == images
