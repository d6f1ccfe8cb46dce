"""The words for reasons about what follows the last step."""

from __future__ import annotations

from harness.judgement import reasons_after_steps as r
from harness.reporting.wording import Words

REASONS_AFTER_STEPS: Words = {
    r.HostDiffers: (
        "after the last step: the output does not follow from {source} as it does in the baseline (scaling, "
        "clamp, order of the channels, conversion): the largest difference is {difference:figure} of the "
        "largest value, and float32's rounding explains {limit:figure2}"
    ),
    r.HostNotObserved: (
        "not checked: whether the output follows from {source} as in the baseline; this run does not show "
        "{source}"
    ),
    r.DecoderDiffers: (
        "after the last step, in the decoder: {decoder} makes another output of the input that the baseline "
        "stored: {figure} {measured:figure} is above its limit {limit:figure}"
    ),
}
