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

from harness.errors import FailureCause, HarnessError

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
_NO_PACKAGES = (Path(__file__), Path(np.__file__).parent, Path(random.__file__))

# The owner of the attribute, its name, what it is, and whether a call with given arguments is refused.
Refusal = tuple[Any, str, str, Callable[..., bool]]


class UnseededRandomness(HarnessError):
    """A pipeline drew from a generator that the case's seed does not determine."""

    cause = FailureCause.UNSEEDED_DRAW


class Guard:
    """Catches unseeded and global randomness inside the :meth:`watching` context.

    The following are caught at the call, with the file and line of the caller: any unseeded bit generator of
    numpy (``default_rng()``, ``PCG64()``, …), the global functions of ``numpy.random``, the same in Python's
    ``random`` (``random.random()``, ``random.Random()``, …), MindSpore's default generator (``mint.randn``,
    ``ops.randn`` … without a seed), and primitives created with seed 0. A safety net, which cannot name the
    line, compares the states of these global generators before and after. A random operator inside a compiled
    graph is caught only by this net.

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
            if "mindspore" in sys.modules:
                from mindspore.common.generator import Generator

                step = _apart_from_idle_dropout(Generator._step)
                patches.enter_context(replaced(Generator, "_step", step))
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
        if "mindspore" in sys.modules:
            yield from _refusals_of_mindspore()

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


def _refusals_of_mindspore() -> Iterator[Refusal]:
    from mindspore.common.generator import Generator, default_generator
    from mindspore.ops.auto_generate import gen_ops_prim
    from mindspore.ops.function import nn_func, random_func
    from mindspore.ops.operations import random_ops

    yield Generator, "_step", "MindSpore's global generator", lambda it, *_: it is default_generator
    for module in (random_func, nn_func):
        what = "a random operator of MindSpore without a seed"
        yield module, "_get_seed", what, lambda seed=None, *_, **__: not seed
    for name, primitive in vars(random_ops).items():
        if isinstance(primitive, type) and primitive.__module__ == random_ops.__name__:
            yield primitive, "__call__", f"mindspore.ops.{name} with seed 0", _primitive_unseeded
    dropout = "dropout (is the model in training mode?)"
    yield gen_ops_prim.Dropout, "__call__", dropout, _primitive_unseeded


# They advance the global generator before checking whether to drop anything.
_DROPOUTS = frozenset({"dropout_ext", "dropout1d_ext", "dropout2d_ext", "dropout3d_ext"})


def _apart_from_idle_dropout(refusing: Any) -> Callable[..., Any]:
    """Return ``refusing``, except that dropout outside training calls the original and moves nothing.

    Models of mindone call mint's functional dropout with ``training=self.training`` in inference, too.
    """
    sound = refusing.__wrapped__

    @functools.wraps(sound)
    def step(generator: Any, *args: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_name not in _DROPOUTS or caller.f_locals.get("training") is not False:
            return refusing(generator, *args)
        state = generator.get_state()
        try:
            return sound(generator, *args)
        finally:
            generator.set_state(state)

    return step


def _python_unseeded(_: Any, seed: Any = None, *__: Any, **___: Any) -> bool:
    names_files = Path(_caller().f_code.co_filename) == Path(tempfile.__file__)
    return seed is None and not names_files and not _importing()


def _importing() -> bool:
    frames = (frame for frame, _ in traceback.walk_stack(sys._getframe()))
    return any(frame.f_code.co_filename == "<frozen importlib._bootstrap>" for frame in frames)


def _primitive_unseeded(primitive: Any, *_: Any, **__: Any) -> bool:
    seeds = [getattr(primitive, name, None) for name in ("seed", "seed2", "Seed0", "Seed1")]
    return any(seed is not None for seed in seeds) and not any(seeds)


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
    if "mindspore" in sys.modules:
        from mindspore.common.generator import default_generator

        offset = default_generator._offset
        states["MindSpore's global generator"] = {"offset": offset.asnumpy().tobytes()}
    return states


class GlobalGenerators:
    """The states, at creation, of the generators that no case draws from while it runs.

    Cases may draw from them while they load, as MindSpore's initialisers do. Call :meth:`put_back` after each
    case, so that what the next one draws does not depend on the cases that ran before it.
    """

    def __init__(self) -> None:
        self._bits = mtrand._rand._bit_generator
        self._numpy = mtrand._rand.get_state(legacy=False)
        self._python = random.getstate()
        if "mindspore" in sys.modules:
            from mindspore.common.generator import default_generator

            self._mindspore = (_figures(default_generator), default_generator.get_state())

    def put_back(self) -> None:
        """Restore the state of all generators."""
        if mtrand._rand._bit_generator is not self._bits:
            np.random.set_bit_generator(self._bits)
        mtrand._rand.set_state(self._numpy)
        random.setstate(self._python)
        if "mindspore" in sys.modules:
            from mindspore.common.generator import default_generator

            figures, state = self._mindspore
            # The state is set by a MindSpore operator.
            if _figures(default_generator) != figures:
                default_generator.set_state(state)


def _figures(generator: Any) -> tuple[bytes, ...]:
    return tuple(figure.asnumpy().tobytes() for figure in (generator._seed, generator._offset))


def _caller() -> FrameType:
    """Return the frame that called into a package of random functions."""
    packages = [str(path) for path in _NO_PACKAGES]
    if "mindspore" in sys.modules:
        packages.append(str(Path(sys.modules["mindspore"].__file__ or "").parent))
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
