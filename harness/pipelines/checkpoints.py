"""From a case's checkpoint specification (``builtin:``, ``seeded:``, ``hub:`` or a path) to a checkpoint.

A seeded checkpoint is not stored: it is a published architecture with weights generated from a seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.pipelines.errors import CheckpointError
from harness.pipelines.folder import DiffusersFolder, read_json
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.schedulers.config import SchedulerConfig
from harness.pipelines.seeded import seeded_state

if TYPE_CHECKING:
    from harness.pipelines.models.unet2d import UNet2DModel

_DATA = Path(__file__).parent / "data"
BUILTIN_CHECKPOINTS = ("ddpm-digits",)
_SEED = 1234


@dataclass(frozen=True)
class SeededCheckpoint:
    """https://huggingface.co/google/ddpm-cifar10-32 with weights from :func:`seeded_state`."""

    name: str
    denoising: bool
    unet_file: Path = _DATA / "ddpm-cifar10-32" / "unet" / "config.json"
    scheduler_file: Path = _DATA / "ddpm-cifar10-32" / "scheduler" / "scheduler_config.json"

    def unet_config(self) -> UNet2DConfig:
        """Return the UNet's configuration."""
        return UNet2DConfig.from_dict(read_json(self.unet_file), self.name)

    def scheduler_config(self) -> SchedulerConfig:
        """Return the scheduler's configuration."""
        return SchedulerConfig.from_dict(read_json(self.scheduler_file), self.name)

    def load_into(self, unet: UNet2DModel) -> dict[str, str]:
        """Generate the weights, load them, and return their sha256 under the checkpoint's name.

        The hash covers both configurations and the bytes of the weights in order of their names. If a numpy
        release draws other numbers, the result counts as another checkpoint, not as the same one with other
        bits.
        """
        state = seeded_state(unet.state_shapes(), _SEED, denoising=self.denoising)
        unet.load_state(state, where=self.name)
        described = [read_json(self.unet_file), read_json(self.scheduler_file)]
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
        for name in sorted(state):
            digest.update(name.encode() + b"\0" + state[name].astype("<f4", copy=False).tobytes())
        return {self.name: digest.hexdigest()}


SEEDED_CHECKPOINTS = {
    "ddpm-cifar10-32": SeededCheckpoint("seeded:ddpm-cifar10-32", denoising=True),
    # Chaotic by design: shows the behaviour of a case that cannot be compared across environments.
    "ddpm-cifar10-32-random": SeededCheckpoint("seeded:ddpm-cifar10-32-random", denoising=False),
}


@dataclass(frozen=True)
class ResolvedCheckpoint:
    """A checkpoint's location: a folder, or a recipe for seeded weights. ``revision`` is the Hub's commit."""

    folder: Path | None = None
    seeded: SeededCheckpoint | None = None
    revision: str | None = None

    def open(self) -> DiffusersFolder | SeededCheckpoint:
        """Return the checkpoint as built-in pipelines use it; CheckpointError if its files are unusable."""
        if self.seeded is not None:
            return self.seeded
        assert self.folder is not None
        return DiffusersFolder(self.folder)


def resolve(spec: str, base: Path, *, files: Sequence[str] | None = None) -> ResolvedCheckpoint:
    """Find the checkpoint that ``spec`` names, and fetch it if it is on the Hub; weights are not loaded.

    ``builtin:NAME`` comes with the package, ``seeded:NAME`` is generated, ``hub:OWNER/NAME@REVISION`` is on
    the Hub, and anything else is a folder, relative to ``base``. If ``files`` is given, only files that match
    one of these patterns are fetched from the Hub. Raises :class:`CheckpointError`, which says what is
    missing and how to provide it.
    """
    found = _locate(spec, base)
    if isinstance(found, ResolvedCheckpoint):
        return found
    from harness.pipelines.hub import download

    folder, commit = download(*found, files=files)
    return ResolvedCheckpoint(folder=folder, revision=commit)


def advice(spec: str) -> str:
    """Return a line that says how to provide the checkpoint ``spec``, or '' if it is not on the Hub."""
    if not spec.startswith("hub:"):
        return ""
    from harness.pipelines.hub import how_to_provide

    repository, _, revision = spec.removeprefix("hub:").partition("@")
    return f"\n{how_to_provide(repository, revision)}"


def _locate(spec: str, base: Path) -> ResolvedCheckpoint | tuple[str, str]:
    """Return the checkpoint, or the repository and revision to request from the Hub."""
    name = spec.partition(":")[2]
    if spec.startswith("builtin:"):
        _check_known(spec, BUILTIN_CHECKPOINTS)
        return ResolvedCheckpoint(folder=_DATA / name)
    if spec.startswith("seeded:"):
        _check_known(spec, SEEDED_CHECKPOINTS)
        return ResolvedCheckpoint(seeded=SEEDED_CHECKPOINTS[name])
    if spec.startswith("hub:"):
        match = re.fullmatch(r"([\w.-]+/[\w.-]+)@([\w./-]+)", name, re.ASCII)
        if match is None:
            raise CheckpointError(f"{spec}: write hub:OWNER/NAME@REVISION, where a commit or a tag stays put")
        return match[1], match[2]
    folder = base / spec
    if not os.path.isdir(folder):  # noqa: PTH112  Path's raises for a name that is too long
        raise CheckpointError(
            f"{spec}: no such folder ({folder}); write builtin:NAME, seeded:NAME, hub:OWNER/NAME@REVISION or "
            "the path of a checkpoint in the layout of diffusers"
        )
    return ResolvedCheckpoint(folder=folder)


def _check_known(spec: str, names: Iterable[str]) -> None:
    kind, _, name = spec.partition(":")
    known = sorted(names)
    if name not in known:
        listed = ", ".join(f"{kind}:{each}" for each in known)
        raise CheckpointError(f"{spec}: no such checkpoint; known: {listed}")
