"""The catalogue: every fault that can be put into a case, and how large a sound case must not let it be.

A fault's reference size is one that somebody who ships a pipeline would want caught, taken from mistakes
that happen: a digit too few in a configuration, a step in a narrower type, a constant of another library.
None is so large that a look at the image would do, save where the mistake has no size.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError

Family = Literal["noise", "scheduler", "model", "output"]


class FaultNotApplicable(HarnessError):
    """A fault cannot be injected into this case, which lacks what the fault would change."""


@dataclass(frozen=True)
class Fault:
    """One mistake: ``name`` (kebab-case), the part of the pipeline that makes it, and what is wrong.

    ``reference`` is the size at which it should be caught, None for a fault that has no size. ``smallest``
    and ``largest`` bound the search for the smallest size caught; sizes go from 0, which changes nothing, to
    ``largest``. ``unit`` says what the size means.
    """

    name: str
    family: Family
    title: str
    reference: float | None = None
    smallest: float = 0.0
    largest: float = 0.0
    unit: str = ""

    @property
    def sized(self) -> bool:
        """Whether the fault can be made larger and smaller."""
        return self.reference is not None

    def checked_size(self, size: float | None) -> float | None:
        """Return the size to inject for ``size``, of which None is the reference; None if it has no size.

        Raises :class:`HarnessError` for a size that the fault cannot have.
        """
        if self.reference is None:
            if size is not None:
                raise HarnessError(
                    f"fault {self.name}: it has no size, but is given {size!r}; leave that out"
                )
            return None
        if size is None:
            return self.reference
        if not (math.isfinite(size) and 0 <= size <= self.largest):
            raise HarnessError(f"fault {self.name}: its size is {size!r}; give 0 to {self.largest:g}")
        return float(size)


FAULTS: tuple[Fault, ...] = (
    # Noise: what a pipeline draws from its generator, and how.
    Fault("other-seed", "noise", "every seed is one higher"),
    Fault("other-bit-generator", "noise", "the noise comes from MT19937 instead of PCG64, same seed"),
    Fault("float32-draw", "noise", "the noise is drawn as float32, which is another path through the bits"),
    Fault("draw-order", "noise", "the noise is filled in column by column instead of row by row"),
    Fault("channel-order", "noise", "the noise is drawn channels-last and transposed"),
    Fault("extra-draw", "noise", "one number is drawn before the initial noise"),
    Fault("shared-generator", "noise", "one generator draws for the whole batch instead of one per image"),
    # Euler's initial sigma with and without the `+ 1` under its root differs by 2.3e-3. The ledger, which
    # holds what the generator gave, is sound.
    Fault(
        "noise-scaled", "noise", "the initial noise is scaled after it was drawn",
        1e-3, 1e-8, 1.0, "relative change of the initial noise",
    ),
    # Scheduler: its tables, its timesteps, its step.
    # The third digit of 0.0200.
    Fault(
        "beta-end", "scheduler", "the last beta of the noise schedule is too large",
        1e-2, 1e-8, 1.0, "relative change of beta_end",
    ),
    Fault("beta-schedule", "scheduler", "betas are linear in their square roots instead of themselves"),
    Fault("betas-half", "scheduler", "betas are rounded to half precision"),
    # What half precision does to a number: 2 ** -11.
    Fault(
        "alpha-of-one-step", "scheduler", "alphas_cumprod is too small at one of the timesteps visited",
        5e-4, 1e-8, 0.5, "relative change of one alphas_cumprod",
    ),
    Fault("final-alpha", "scheduler", "set_alpha_to_one is the other way round: it decides the last step"),
    Fault("timestep-spacing", "scheduler", "timesteps are spaced by another rule"),
    Fault("timestep-off-by-one", "scheduler", "every timestep visited is one off"),
    # What the step adds is small beside what it keeps: its effect goes with the square of eta.
    Fault(
        "eta", "scheduler", "DDIM's eta, the share of fresh noise, is too large",
        1e-2, 1e-6, 0.5, "change of eta",
    ),
    Fault("variance-type", "scheduler", "DDPM adds noise of the other of its two variances"),
    Fault("clip-sample", "scheduler", "clipping of the predicted image is the other way round: off or on"),
    Fault("prediction-type", "scheduler", "the model's prediction is taken for one of another type"),
    # Model: its weights and its layers. Where one layer is meant it is in the middle of the network.
    # What bfloat16 does to the scale of a quantised tensor: 2 ** -8.
    Fault(
        "weight-scaled", "model", "the weights of one 3x3 convolution are too large",
        4e-3, 1e-8, 1.0, "relative change of one weight tensor",
    ),
    # A bias that the loader forgot.
    Fault(
        "bias-zeroed", "model", "the bias of one 3x3 convolution is missing",
        1.0, 1e-8, 1.0, "share of the bias that is missing",
    ),
    Fault("weights-half", "model", "all weights are rounded to half precision"),
    # 1e-6 and 1e-5 are both common in configurations, and each is the default of some library.
    Fault(
        "norm-eps", "model", "eps of every norm is ten times what it should be",
        9.0, 1e-4, 1e4, "relative change of eps",
    ),
    Fault("norm-groups", "model", "one group norm has another number of groups"),
    Fault("activation-approximated", "model", "every activation is computed by a cheap approximation"),
    # A scale kept in half precision is 5e-4 off; one for another head size, a tenth and more.
    Fault(
        "attention-scale", "model", "attention scores are too large",
        1e-2, 1e-8, 1.0, "relative change of the scores",
    ),
    Fault("softmax-half", "model", "the softmax of attention is taken in half precision"),
    Fault("layer-half", "model", "one 3x3 convolution runs in half precision"),
    # A connection that was not connected.
    Fault(
        "skip-dropped", "model", "one skip connection is missing",
        1.0, 1e-8, 1.0, "share of the skip connection that is missing",
    ),
    Fault("time-embedding-swapped", "model", "sines and cosines of the time embedding are swapped"),
    Fault("time-embedding-half", "model", "the time embedding's sines and cosines are in half precision"),
    # Counting timesteps from 1, which the schedule and so the trace do not show.
    Fault(
        "time-embedding-shifted", "model", "the model is told a timestep that is too large",
        1.0, 1e-6, 10.0, "timesteps",
    ),
    # Output: what happens to the image last.
    # Below what 8 bits can show, 1/255, as are those of brightness and contrast.
    Fault(
        "final-clamp", "output", "the image is clamped to less than [0, 1]",
        1e-3, 1e-8, 0.4, "distance of both bounds from 0 and 1",
    ),
    Fault("brightness", "output", "the image is too dark", 1e-3, 1e-8, 1.0, "relative change of every value"),
    Fault(
        "contrast", "output", "the image is too grey",
        1e-3, 1e-8, 1.0, "relative change of every value's distance from 1/2",
    ),
    # 2.2 where 1 / 0.45 is meant.
    Fault("gamma", "output", "the image has another gamma", 1e-2, 1e-8, 1.0, "relative change of gamma"),
    Fault("pixel-shift", "output", "the image is shifted by one pixel"),
    # 16 pixels of however many: what an average hides.
    Fault(
        "patch", "output", "one patch of 4x4 pixels is greyer",
        0.1, 1e-8, 0.5, "change of the values in the patch",
    ),
    Fault("channel-swap", "output", "the channels are in reverse order, as RGB for BGR"),
    Fault("quantised", "output", "the image has been through uint8"),
)  # fmt: skip

_BY_NAME = {fault.name: fault for fault in FAULTS}


def fault(name: str) -> Fault:
    """Return the fault called ``name``; raises :class:`HarnessError` with a suggestion for another name."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    close = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(_BY_NAME)}"
    raise HarnessError(f"unknown fault {name!r}: {hint}")
