"""A checkpoint's scheduler configuration, read strictly: each field is honoured or refused by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from harness.pipelines.errors import PipelineError
from harness.pipelines.fields import boolean, checked, is_integer, is_list, is_number, read_fields

_CLASSES = ("DDIMScheduler", "DDPMScheduler")
# A thousand is usual; every table has one row per timestep.
_MOST_TIMESTEPS = 1_000_000


def _one_of(*choices: str) -> Any:
    return checked(choices[0], lambda value: value in choices, "one of " + ", ".join(choices))


def _whole(default: int, least: int) -> Any:
    words = f"a whole number from {least} to {_MOST_TIMESTEPS:,}"
    return checked(default, lambda value: is_integer(value, least, _MOST_TIMESTEPS), words)


def _between(default: float, low: float, high: float) -> Any:
    return checked(default, lambda value: is_number(value, low, high), f"a number from {low:g} to {high:g}")


def _are_betas(value: Any) -> bool:
    return value is None or is_list(value, lambda beta: is_number(beta, 0, 1) and beta != 1)


@dataclass(frozen=True)
class SchedulerConfig:
    """The union of the fields of diffusers' ``DDIMScheduler`` and ``DDPMScheduler``, with their defaults.

    One class serves both because checkpoints published with one are often run with the other.
    ``set_alpha_to_one`` affects only DDIM, and ``variance_type`` only DDPM.
    """

    class_name: str
    num_train_timesteps: int = _whole(1000, least=1)
    beta_start: float = _between(0.0001, 0, 1)
    beta_end: float = _between(0.02, 0, 1)
    beta_schedule: str = _one_of("linear", "scaled_linear", "squaredcos_cap_v2")
    trained_betas: tuple[float, ...] | None = checked(
        None, _are_betas, "null or a list of numbers from 0 to below 1"
    )
    variance_type: str = _one_of(
        "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"
    )
    clip_sample: bool = boolean(True)
    clip_sample_range: float = _between(1.0, 0, 1e6)
    set_alpha_to_one: bool = boolean(True)
    steps_offset: int = _whole(0, least=0)
    prediction_type: str = _one_of("epsilon", "sample", "v_prediction")
    thresholding: bool = boolean(False)
    dynamic_thresholding_ratio: float = _between(0.995, 0, 1)
    sample_max_value: float = _between(1.0, 1, 1e6)
    timestep_spacing: str = _one_of("leading", "linspace", "trailing")
    rescale_betas_zero_snr: bool = boolean(False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str) -> SchedulerConfig:
        """Check a decoded ``scheduler_config.json``; PipelineError names ``where`` and lists all problems."""
        values, problems = read_fields(cls, data, _problem)
        class_name = data.get("_class_name", "DDIMScheduler")
        if class_name not in _CLASSES:
            allowed = " or ".join(_CLASSES)
            problems.insert(0, f"_class_name {class_name!r} is not supported: it may be {allowed}")
        if not problems:
            config = cls(class_name=class_name, **values)
            problems = config._contradictions()
        if problems:
            raise PipelineError(f"{where}: " + "; ".join(problems))
        return config

    @property
    def learns_variance(self) -> bool:
        """Whether DDPM takes the variance from the model, as twice the channels."""
        return self.variance_type in ("learned", "learned_range")

    def _contradictions(self) -> list[str]:
        problems = []
        if self.trained_betas is not None and len(self.trained_betas) != self.num_train_timesteps:
            problems.append(
                f"trained_betas has {len(self.trained_betas)} values, "
                f"but num_train_timesteps is {self.num_train_timesteps}"
            )
        if self.class_name == "DDPMScheduler":
            problems += unsupported_variance(self.variance_type)
        return problems


def _problem(name: str, value: object, expected: str | None) -> str:
    if expected is not None:
        return f"{name} is {value!r}: it must be {expected}"
    close = difflib.get_close_matches(name, [each.name for each in fields(SchedulerConfig)[1:]], n=1)
    return f"unknown field {name!r}" + (f"; did you mean {close[0]}?" if close else "")


def unsupported_variance(variance_type: str) -> list[str]:
    """Return why DDPM cannot run ``variance_type``, as a list of at most one sentence."""
    if variance_type == "fixed_large_log":
        # It computes the square root of the logarithm of a number below one.
        return ["variance_type 'fixed_large_log' yields NaN in diffusers itself and is not supported"]
    return []
