"""The code of mindone that is changed, in four areas, and the random order in which its mutants are drawn.

The seed was published before the cases that are to catch the mutants were chosen.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.mindone_mutants.operators import Mutant, mutants_of

SEED = 20261127
EFFECTIVE = 300
NIGHTLY = 30

# Patterns below mindone/diffusers. `pipelines` are the folders of the pipelines in suites/mindone/*.yaml, and
# of the two kinds most used beside them. `unets` and `autoencoders` are the models that those load, with the
# blocks that they are built of.
AREAS: dict[str, tuple[str, ...]] = {
    "pipelines": (
        "image_processor.py",
        "pipelines/ddim/*.py",
        "pipelines/ddpm/*.py",
        "pipelines/unclip/*.py",
        "pipelines/stable_diffusion/*.py",
        "pipelines/stable_diffusion_xl/*.py",
        "pipelines/controlnet/*.py",
    ),
    "schedulers": ("schedulers/*.py",),
    "unets": (
        "models/unets/unet_2d.py",
        "models/unets/unet_2d_blocks.py",
        "models/unets/unet_2d_condition.py",
        "models/resnet.py",
        "models/downsampling.py",
        "models/upsampling.py",
        "models/transformers/transformer_2d.py",
        "models/transformers/prior_transformer.py",
        "models/attention.py",
        "models/attention_processor.py",
        "models/activations.py",
        "models/embeddings.py",
        "models/normalization.py",
    ),
    "autoencoders": (
        "models/autoencoders/autoencoder_kl.py",
        "models/autoencoders/autoencoder_asym_kl.py",
        "models/autoencoders/autoencoder_tiny.py",
        "models/autoencoders/vae.py",
    ),
}


def root() -> Path:
    """Return the folder of mindone.diffusers, without importing it."""
    found = importlib.util.find_spec("mindone")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("mindone is not installed: pip install 'determinism-harness[mindone]'")
    return Path(found.submodule_search_locations[0]) / "diffusers"


def universe() -> dict[str, list[Mutant]]:
    """Return the mutants of each area, ordered by file and place."""
    base = root()

    def of(path: Path, area: str) -> list[Mutant]:
        return mutants_of(path.read_text(encoding="utf-8"), path.relative_to(base).as_posix(), area)

    return {
        area: [each for one in patterns for path in sorted(base.glob(one)) for each in of(path, area)]
        for area, patterns in AREAS.items()
    }


def drawn(seed: int = SEED) -> Iterator[Mutant]:
    """Yield all mutants in the order in which they are drawn: one of each area in turn, at random within it.

    The areas take turns so that none hides behind another that has more code.
    """
    orders = []
    for area, mutants in universe().items():
        order = list(mutants)
        random.Random(f"{seed} {area}").shuffle(order)
        orders.append(iter(order))
    while orders:
        for order in list(orders):
            mutant = next(order, None)
            if mutant is None:
                orders.remove(order)
            else:
                yield mutant
