"""A scheduler of diffusers' kind, changed in place: its configuration, its methods, its timesteps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def reconfigure(scheduler: Any, **changes: Any) -> None:
    """Make ``scheduler`` one of another configuration."""
    vars(scheduler).update(vars(type(scheduler).from_config(scheduler.config, **changes)))


def shadow(scheduler: Any, name: str, function: Any, sound: Callable[..., Any]) -> None:
    """Let ``function`` stand before the method ``name``, which is ``sound``, with its signature.

    Pipelines look at the signature to see what they may pass.
    """
    function.__signature__ = inspect.signature(sound)
    vars(scheduler)[name] = function


def after_set_timesteps(scheduler: Any, change: Callable[[], None]) -> None:
    """Let ``change`` follow the choice of timesteps."""
    sound = scheduler.set_timesteps

    def set_timesteps(*args: Any, **kwargs: Any) -> None:
        sound(*args, **kwargs)
        change()

    shadow(scheduler, "set_timesteps", set_timesteps, sound)
