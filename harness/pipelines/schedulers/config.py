"""A checkpoint's scheduler configuration, read strictly: every field is honoured or refused by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.pipelines.errors import PipelineError

_CLASSES = ("DDIMScheduler", "DDPMScheduler")


@dataclass(frozen=True)
class SchedulerConfig:
    """The union of the fields of diffusers' ``DDIMScheduler`` and ``DDPMScheduler``, with their defaults.

    One class serves both because a checkpoint published with one of them is routinely run with the other:
    ``set_alpha_to_one`` matters to DDIM alone, ``variance_type`` to DDPM alone.
    """

    class_name: str
    num_train_timesteps: int = 1000
    beta_start: float = 0.0001
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    trained_betas: tuple[float, ...] | None = None
    variance_type: str = "fixed_small"
    clip_sample: bool = True
    clip_sample_range: float = 1.0
    set_alpha_to_one: bool = True
    steps_offset: int = 0
    prediction_type: str = "epsilon"
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    sample_max_value: float = 1.0
    timestep_spacing: str = "leading"
    rescale_betas_zero_snr: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str) -> SchedulerConfig:
        """Read the contents of a ``scheduler_config.json``; ``where`` names the file in errors.

        Raises :class:`PipelineError` with every problem at once: an unknown field, a value of the wrong type
        or out of range, a feature that is not supported.
        """
        problems = []
        values: dict[str, Any] = {}
        class_name = data.get("_class_name", "DDIMScheduler")
        if class_name not in _CLASSES:
            problems.append(f"_class_name {class_name!r} is not supported: it may be {' or '.join(_CLASSES)}")
        for name, value in data.items():
            if name.startswith("_"):
                continue
            rule = _RULES.get(name)
            if rule is None:
                close = difflib.get_close_matches(name, _RULES, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                problems.append(f"unknown field {name!r}{hint}")
            elif (expected := rule(value)) is not None:
                problems.append(f"{name} is {value!r}: it must be {expected}")
            else:
                values[name] = tuple(value) if isinstance(value, list) else value
        if not problems:
            config = cls(class_name=class_name, **values)
            problems = config._contradictions()
        if problems:
            raise PipelineError(f"{where}: " + "; ".join(problems))
        return config

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


def unsupported_variance(variance_type: str) -> list[str]:
    """Return why DDPM cannot run ``variance_type``, as a list of at most one sentence."""
    if variance_type in ("learned", "learned_range"):
        return [
            f"variance_type {variance_type!r} needs a model that predicts variances, which is not supported"
        ]
    if variance_type == "fixed_large_log":
        # It takes the root of a logarithm of a number below one.
        return ["variance_type 'fixed_large_log' yields NaN in diffusers itself and is not supported"]
    return []


_Rule = Callable[[Any], str | None]


def _one_of(*choices: str) -> _Rule:
    return lambda value: None if value in choices else "one of " + ", ".join(choices)


def _whole(least: int) -> _Rule:
    def rule(value: Any) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return None if good else f"a whole number, {least} or more"

    return rule


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _between(low: float, high: float) -> _Rule:
    def rule(value: Any) -> str | None:
        return None if _is_number(value) and low <= value <= high else f"a number from {low:g} to {high:g}"

    return rule


def _betas(value: Any) -> str | None:
    good = value is None or (
        isinstance(value, list) and value and all(_is_number(beta) and 0 <= beta < 1 for beta in value)
    )
    return None if good else "null or a list of numbers from 0 to below 1"


_RULES: dict[str, _Rule] = {
    "num_train_timesteps": _whole(1),
    "beta_start": _between(0, 1),
    "beta_end": _between(0, 1),
    "beta_schedule": _one_of("linear", "scaled_linear", "squaredcos_cap_v2"),
    "trained_betas": _betas,
    "variance_type": _one_of(
        "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned", "learned_range"
    ),
    "clip_sample": _flag,
    "clip_sample_range": _between(0, 1e6),
    "set_alpha_to_one": _flag,
    "steps_offset": _whole(0),
    "prediction_type": _one_of("epsilon", "sample", "v_prediction"),
    "thresholding": _flag,
    "dynamic_thresholding_ratio": _between(0, 1),
    "sample_max_value": _between(1, 1e6),
    "timestep_spacing": _one_of("leading", "linspace", "trailing"),
    "rescale_betas_zero_snr": _flag,
}
