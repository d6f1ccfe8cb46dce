"""The catalogue: every fault that can be put into a case, and the size at which it should be caught.

A fault's reference size is one that somebody who ships a pipeline would want to be caught. It is taken from
mistakes that happen: a digit missing in a configuration, a step in a narrower type, a constant from another
library. None is so large that looking at the image would reveal it, unless the mistake has no size.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError

Family = Literal["noise", "scheduler", "model", "output"]


class FaultNotApplicable(HarnessError):
    """A fault cannot be injected into this case, because the case lacks what the fault would change."""


@dataclass(frozen=True)
class Fault:
    """One mistake: ``name`` (kebab-case), the part of the pipeline that makes it, and what is wrong.

    ``reference`` is the size at which it should be caught, or None for a fault without sizes. ``smallest``
    and ``largest`` bound the search for the smallest size caught. Sizes range from 0, which changes nothing,
    to ``largest``. ``unit`` says what the size means.
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
        """Whether the fault has a size that can be varied."""
        return self.reference is not None

    def checked_size(self, size: float | None) -> float | None:
        """Return the size to inject for ``size``, where None means the reference; None without sizes.

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
    # Euler's initial sigma with and without the `+ 1` under its root differs by 2.3e-3. The ledger is
    # unaffected: it holds what the generator returned.
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
    # The effect of half precision on a number: 2 ** -11.
    Fault(
        "alpha-of-one-step", "scheduler", "alphas_cumprod is too small at one of the timesteps visited",
        5e-4, 1e-8, 0.5, "relative change of one alphas_cumprod",
    ),
    Fault("final-alpha", "scheduler", "set_alpha_to_one is the other way round: it decides the last step"),
    Fault("timestep-spacing", "scheduler", "timesteps are spaced by another rule"),
    Fault("timestep-off-by-one", "scheduler", "every timestep visited is one off"),
    # The step adds little compared with what it keeps, so the effect grows with the square of eta.
    Fault(
        "eta", "scheduler", "DDIM's eta, the share of fresh noise, is too large",
        1e-2, 1e-6, 0.5, "change of eta",
    ),
    Fault("variance-type", "scheduler", "DDPM adds noise of the other of its two variances"),
    Fault("clip-sample", "scheduler", "clipping of the predicted image is the other way round: off or on"),
    Fault("prediction-type", "scheduler", "the model's prediction is taken for one of another type"),
    # Model: its weights and its layers. A fault of one layer is in the middle of the network.
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
    # A scale kept in half precision is off by 5e-4. One for a different head size is off by a tenth or more.
    Fault(
        "attention-scale", "model", "attention scores are too large",
        1e-2, 1e-8, 1.0, "relative change of the scores",
    ),
    Fault("softmax-half", "model", "the softmax of attention is taken in half precision"),
    Fault("layer-half", "model", "one 3x3 convolution runs in half precision"),
    # A missing connection.
    Fault(
        "skip-dropped", "model", "one skip connection is missing",
        1.0, 1e-8, 1.0, "share of the skip connection that is missing",
    ),
    Fault("time-embedding-swapped", "model", "sines and cosines of the time embedding are swapped"),
    Fault("time-embedding-half", "model", "the time embedding's sines and cosines are in half precision"),
    # Timesteps counted from 1, which neither the schedule nor the trace shows.
    Fault(
        "time-embedding-shifted", "model", "the model is told a timestep that is too large",
        1.0, 1e-6, 10.0, "timesteps",
    ),
    # Output: what happens to the image last.
    Fault(
        "final-clamp", "output", "the image is clamped to less than [0, 1]",
        1e-3, 1e-8, 0.4, "distance of both bounds from 0 and 1",
    ),
    Fault("brightness", "output", "the image is too dark", 1e-3, 1e-8, 1.0, "relative change of every value"),
    Fault(
        "contrast", "output", "the image is too grey",
        1e-3, 1e-8, 1.0, "relative change of every value's distance from 1/2",
    ),
    # 2.2 instead of 1 / 0.45.
    Fault("gamma", "output", "the image has another gamma", 1e-2, 1e-8, 1.0, "relative change of gamma"),
    Fault("pixel-shift", "output", "the image is shifted by one pixel"),
    # 16 pixels of an image of any size, which an average hides.
    Fault(
        "patch", "output", "one patch of 4x4 pixels is greyer",
        0.1, 1e-8, 0.5, "change of the values in the patch",
    ),
    Fault("channel-swap", "output", "the channels are in reverse order, as RGB for BGR"),
    Fault("quantised", "output", "the image has been through uint8"),
)  # fmt: skip

_BY_NAME = {fault.name: fault for fault in FAULTS}


def fault(name: str) -> Fault:
    """Return the fault called ``name``. Raises :class:`HarnessError` with a suggestion for unknown names."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    close = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(_BY_NAME)}"
    raise HarnessError(f"unknown fault {name!r}: {hint}")
