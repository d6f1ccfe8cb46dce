"""The guard: catches and names randomness that the seed of the running case does not determine."""

from __future__ import annotations

import functools
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.random import bit_generator, mtrand

from harness import frameworks
from harness.errors import FailureCause, HarnessError
from harness.frameworks.framework import Refusal, loaded

# Reading the global state is harmless.
_HARMLESS = frozenset({"get_state", "get_bit_generator"})
# Legacy functions of numpy.random that draw from the hidden global generator or move it: bound methods of it,
# and plain functions around it.
_GLOBAL_NUMPY = tuple(
    name
    for name in dir(np.random)
    if name in {"seed", "ranf", "sample", "set_bit_generator"}
    or (getattr(getattr(np.random, name), "__self__", None) is mtrand._rand and name not in _HARMLESS)
)
# The same for Python's own random; all of them are bound methods of its hidden generator.
_GLOBAL_PYTHON = tuple(
    name
    for name in dir(random)
    if getattr(getattr(random, name), "__self__", None) is random._inst and name != "getstate"
)
_PYTHONS_GENERATOR = "Python's global generator"
_INSTEAD = "draw from the `generator` that the pipeline is given instead"
_NO_PACKAGES = (
    Path(__file__),
    Path(frameworks.__file__).parent,
    Path(np.__file__).parent,
    Path(random.__file__),
)


class UnseededRandomness(HarnessError):
    """A pipeline drew from a generator that the case's seed does not determine."""

    cause = FailureCause.UNSEEDED_DRAW


class Guard:
    """Catches unseeded and global randomness inside the :meth:`watching` context.

    The following are caught at the call, with the file and line of the caller: any unseeded bit generator of
    numpy (``default_rng()``, ``PCG64()``, …), the global functions of ``numpy.random``, the same in Python's
    ``random`` (``random.random()``, ``random.Random()``, …), MindSpore's default generator (``mint.randn``,
    ``ops.randn`` … without a seed), primitives created with seed 0, and torch's default generator. A safety
    net, which cannot name the line, compares the states of these global generators before and after. A random
    operator inside a compiled graph is caught only by this net.

    Python's ``random`` also names temporary files, and modules may draw from it while they are imported,
    which happens once per process. Neither belongs to the run, so both are allowed.
    """

    def __init__(self) -> None:
        self._first: UnseededRandomness | None = None
        self._allowed = 0
        self._moved_by_imports = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the body; raises :class:`UnseededRandomness`, even if the body swallowed it."""
        self._first = None
        self._moved_by_imports = False
        before = _global_states()
        with ExitStack() as patches:
            for owner, name, what, when in self._refusals():
                refusing = self._refusing(getattr(owner, name), what, when)
                patches.enter_context(replaced(owner, name, refusing))
            patches.enter_context(replaced(np.random, "RandomState", self._seeded_random_state()))
            framework = loaded()
            for owner, name, other in () if framework is None else framework.replacements():
                patches.enter_context(replaced(owner, name, other))
            yield
        if self._first is not None:
            raise self._first
        for source, state in _global_states().items():
            if source == _PYTHONS_GENERATOR and self._moved_by_imports:
                continue
            if before.get(source) != state:
                raise UnseededRandomness(
                    f"the pipeline moved {source}, which the case's seed does not decide, at a place that "
                    f"could not be named (imported by name, or inside a compiled graph); {_INSTEAD}"
                )

    def _refusing(self, function: Any, what: str, when: Callable[..., bool]) -> Callable[..., Any]:
        @functools.wraps(function)
        def refuse(*args: Any, **kwargs: Any) -> Any:
            if when(*args, **kwargs) and not self._allowed:
                caller = _caller()
                place = f"{caller.f_code.co_filename}:{caller.f_lineno}"
                error = UnseededRandomness(f"{place}: {what} is not decided by the case's seed; {_INSTEAD}")
                self._first = self._first or error
                raise error
            return function(*args, **kwargs)

        return refuse

    def _refusals(self) -> Iterator[Refusal]:
        # Every unseeded numpy bit generator and every random.Random gets its entropy here, whatever name it
        # was imported by.
        yield bit_generator, "randbits", "an unseeded numpy generator", lambda *_, **__: True
        yield random.Random, "seed", "an unseeded random.Random", _python_unseeded
        for name in _GLOBAL_NUMPY:
            what = f"numpy.random.{name} (numpy's global generator)"
            yield np.random, name, what, lambda *_, **__: True
        for name in _GLOBAL_PYTHON:
            yield random, name, f"random.{name} ({_PYTHONS_GENERATOR})", self._not_while_importing
        if (framework := loaded()) is not None:
            yield from framework.refusals()

    def _not_while_importing(self, *_: Any, **__: Any) -> bool:
        importing = _importing()
        self._moved_by_imports = self._moved_by_imports or importing
        return not importing

    def _seeded_random_state(self) -> type[np.random.RandomState]:
        guard = self

        class RandomState(np.random.RandomState):
            """numpy's own class, which requests entropy even if a seed then overwrites it."""

            def __init__(self, seed: Any = None) -> None:
                guard._allowed += seed is not None
                try:
                    super().__init__(seed)
                finally:
                    guard._allowed -= seed is not None

        return RandomState


def _python_unseeded(_: Any, seed: Any = None, *__: Any, **___: Any) -> bool:
    names_files = Path(_caller().f_code.co_filename) == Path(tempfile.__file__)
    return seed is None and not names_files and not _importing()


def _importing() -> bool:
    frames = (frame for frame, _ in traceback.walk_stack(sys._getframe()))
    return any(frame.f_code.co_filename == "<frozen importlib._bootstrap>" for frame in frames)


def _global_states() -> dict[str, Any]:
    full: Any = mtrand._rand.get_state(legacy=False)
    # The second of two gaussians comes from what the first one left over, and moves nothing else.
    numpy_state = {**full["state"], "has_gauss": full["has_gauss"], "gauss": full["gauss"]}
    # MT19937's key is an array. The state of another bit generator, which may replace it, is numbers of any
    # size.
    numpy_state = {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in numpy_state.items()}
    states: dict[str, Any] = {
        "numpy's global generator": numpy_state,
        _PYTHONS_GENERATOR: random.getstate(),
    }
    framework = loaded()
    return states if framework is None else states | framework.random_states()


class GlobalGenerators:
    """The states, at creation, of the generators that no case draws from while it runs.

    Cases may draw from them while they load, as MindSpore's initialisers do. Call :meth:`put_back` after each
    case, so that what the next one draws does not depend on the cases that ran before it.
    """

    def __init__(self) -> None:
        self._bits = mtrand._rand._bit_generator
        self._numpy = mtrand._rand.get_state(legacy=False)
        self._python = random.getstate()
        framework = loaded()
        self._framework = None if framework is None else framework.keep_random_states()

    def put_back(self) -> None:
        """Restore the state of all generators."""
        if mtrand._rand._bit_generator is not self._bits:
            np.random.set_bit_generator(self._bits)
        mtrand._rand.set_state(self._numpy)
        random.setstate(self._python)
        if self._framework is not None:
            self._framework()


def _caller() -> FrameType:
    """Return the frame that called into a package of random functions."""
    framework = loaded()
    packages = [str(path) for path in (*_NO_PACKAGES, *(framework.folders if framework else ()))]
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(("<", *packages)):
        frame = frame.f_back
    return frame


@contextmanager
def replaced(owner: Any, name: str, replacement: Any) -> Iterator[None]:
    """Replace the attribute ``name`` of ``owner`` by ``replacement`` inside the body."""
    own = name in vars(owner)
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)
