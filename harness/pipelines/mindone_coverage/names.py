"""Which pipeline classes mindone has, and the sample that each is tried with."""

from __future__ import annotations

import mindone.diffusers as library

from harness.pipelines.mindone_coverage import (
    cascades,
    controlnet,
    deepfloyd,
    diffusion_transformers,
    flux,
    kandinsky,
    perception,
    stable_diffusion,
    stable_diffusion_xl,
    unconditional,
    video,
)
from harness.pipelines.mindone_coverage.samples import Samples

_FAMILIES = (
    unconditional,
    stable_diffusion,
    stable_diffusion_xl,
    controlnet,
    kandinsky,
    cascades,
    deepfloyd,
    video,
    flux,
    diffusion_transformers,
    perception,
)
# Bases of the others, and classes that stand for one of several others.
_ABSTRACT = frozenset({"DiffusionPipeline", "ModularPipeline"})

SAMPLES: Samples = {name: make for family in _FAMILIES for name, make in family.SAMPLES.items()}


def pipeline_names() -> list[str]:
    """Return the names of mindone's pipeline classes, sorted; none of them is imported for it.

    Left out are ``DiffusionPipeline``, the ``AutoPipeline...``, which choose among the others by checkpoint,
    and the modular pipelines, which are put together out of blocks by the user.
    """
    return [
        name
        for name in sorted(dir(library))
        if "Pipeline" in name
        and not name.startswith("AutoPipeline")
        and not name.endswith(("ModularPipeline", "PipelineBlocks"))
        and name not in _ABSTRACT
    ]
