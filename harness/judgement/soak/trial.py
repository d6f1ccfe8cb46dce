"""Trials: runs whose settings, none of which should matter, are drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.cases.job import Conditions

# Every block is at most this large, and of an odd size, so that it also moves the alignment of the next.
_LARGEST_BLOCK, _MOST_BLOCKS = 1 << 20, 12
_LARGEST_ENVIRONMENT = 60_000
_LOCALES = ("C", "C.UTF-8")
_PLAIN, _DRAWN = "plain", "drawn"


@dataclass(frozen=True)
class Shares:
    """The share of trials with each setting.

    ``fresh`` are those in a process of their own, with its own environment; ``preceded`` those before which
    the worker runs something else. The others are ``moved`` to another core, ``busy`` beside a process that
    takes half of the core, and ``fragmented``: other memory was taken and partly given back.
    """

    fresh: float
    preceded: float
    moved: float
    busy: float
    fragmented: float


# A fresh process takes seconds, and a busy core half of the time.
SOAKING = Shares(fresh=0.02, preceded=0.02, moved=0.1, busy=0.1, fragmented=0.25)
# What a deviation goes with is seen soonest where each setting is as often there as not.
EXPLAINING = Shares(fresh=0.2, preceded=0.5, moved=0.5, busy=0.5, fragmented=0.5)


@dataclass(frozen=True)
class Offer:
    """What the system lets a soak vary: the ``cores`` to which a run may be moved, and the ``launches``."""

    cores: tuple[int, ...] = ()
    launches: bool = True

    @property
    def fixed(self) -> tuple[str, ...]:
        """The settings that stay as they are."""
        there = {"core": len(self.cores) > 1, "launches": self.launches}
        return tuple(setting for setting, varied in there.items() if not varied)


@dataclass(frozen=True)
class Trial:
    """What was drawn for one run; without arguments, a run like any other in a warm worker.

    ``preceded`` is a number that chooses what else the worker runs before, None for nothing.
    """

    fresh: bool = False
    preceded: int | None = None
    busy: bool = False
    conditions: Conditions = field(default_factory=Conditions)

    def levels(self, before: str | None, own: int | None = None) -> dict[str, str]:
        """Return the level of each setting.

        ``before`` is what ran before in the same process, if anything, and ``own`` the worker's own core.
        Only trials in a fresh process have an environment of their own, and only others have a predecessor:
        the settings of the others are left out.
        """
        given = self.conditions
        found = {
            "process": "fresh" if before is None else "warm",
            "core": "own" if given.core in (None, own) else "other",
            "load": "busy" if self.busy else "idle",
            "memory": "fragmented" if given.blocks else _PLAIN,
        }
        if before is not None:
            found["before"] = before
        if self.fresh:
            found |= {
                name: _DRAWN if variable in given.variables else _PLAIN
                for name, variable in _VARIABLES.items()
            }
            found["launches"] = "asynchronous" if given.asynchronous else "blocking"
        return found


_VARIABLES = {"hash-seed": "PYTHONHASHSEED", "locale": "LC_ALL", "environment-size": "HARNESS_SOAK_PADDING"}


def draw_trial(generator: np.random.Generator, shares: Shares, offer: Offer) -> Trial:
    """Return the next trial, of what the system has on ``offer``."""
    # Each is drawn in every trial, so that a share does not change what is drawn for the others.
    fresh, preceded, moved, busy, fragmented = map(float, generator.random(5))
    count = int(generator.integers(2, _MOST_BLOCKS + 1))
    blocks = 2 * generator.integers(16, _LARGEST_BLOCK // 2, count) + 1
    place = float(generator.random())
    core = None if "core" in offer.fixed else offer.cores[int(place * len(offer.cores))]
    variables = _environment(generator)
    asynchronous, which = bool(generator.random() < 0.25), int(generator.integers(1 << 16))
    own = fresh < shares.fresh
    return Trial(
        fresh=own,
        preceded=which if not own and preceded < shares.preceded else None,
        busy=busy < shares.busy,
        conditions=Conditions(
            blocks=tuple(map(int, blocks)) if fragmented < shares.fragmented else (),
            core=core if moved < shares.moved else None,
            variables=variables if own else {},
            asynchronous=own and asynchronous and offer.launches,
        ),
    )


def _environment(generator: np.random.Generator) -> dict[str, str]:
    """Return environment variables of a process of its own, each present in half of the draws."""
    there = generator.random(3) < 0.5
    drawn = (
        str(int(generator.integers(1 << 32))),
        _LOCALES[int(generator.integers(len(_LOCALES)))],
        "x" * int(generator.integers(_LARGEST_ENVIRONMENT)),
    )
    names = _VARIABLES.values()
    return {name: value for name, value, given in zip(names, drawn, there, strict=True) if given}
