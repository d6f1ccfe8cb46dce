"""The checkpoint of an unconditional image pipeline as a folder in the layout of diffusers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.codec import parse_json
from harness.foreign_files import ForeignFileError, ForeignFileMissing, hash_foreign, read_foreign
from harness.pipelines.errors import CheckpointError
from harness.pipelines.models.config import UNet2DConfig
from harness.pipelines.schedulers.config import SchedulerConfig

if TYPE_CHECKING:
    from harness.pipelines.models.unet2d import UNet2DModel

INDEX = "model_index.json"
_WEIGHTS = "diffusion_pytorch_model.safetensors"
_LARGEST_JSON = 1 << 20
# Far more files than any checkpoint has, even one with its weights in many parts.
_MOST_FILES = 10_000
_COMPONENTS = {"unet": ("UNet2DModel",), "scheduler": ("DDIMScheduler", "DDPMScheduler")}


class DiffusersFolder:
    """The four files of a checkpoint: index, UNet configuration and weights, scheduler configuration.

    Each component has a folder of its name. In the earliest checkpoints on the Hub, such as
    google/ddpm-cifar10-32, its files are next to ``model_index.json`` instead. Weights are read only when
    they are loaded, and only from safetensors: a ``.bin`` file is a pickle, and loading one runs any code in
    it. Raises :class:`CheckpointError`, which names the files that are missing and the components of an
    unexpected class.
    """

    def __init__(self, folder: Path) -> None:
        if not os.path.isdir(folder):  # noqa: PTH112  Path's raises for a name that is too long
            raise CheckpointError(f"{folder}: no such folder; give a checkpoint in the layout of diffusers")
        self._folder = folder
        self._index = folder / INDEX
        components = {key: value for key, value in read_json(self._index).items() if not key.startswith("_")}
        problems = [
            f"component {name!r} is not supported" for name in sorted(components) if name not in _COMPONENTS
        ]
        for name, supported in _COMPONENTS.items():
            entry = components.get(name)
            kind = entry[-1] if isinstance(entry, list) and entry else entry
            if kind not in supported:
                problems.append(f"{name} is {kind!r}, supported: {' and '.join(supported)}")
        if problems:
            raise CheckpointError(f"{self._index}: {'; '.join(problems)}")
        self._scheduler_class = components["scheduler"][-1]
        self._unet_config = self._locate("unet", "config.json")
        self._weights = self._locate("unet", _WEIGHTS)
        self._scheduler_config = self._locate("scheduler", "scheduler_config.json")
        if not self._weights.is_file():
            pickles = sorted(path.name for path in self._weights.parent.glob("*.bin"))
            seen = f" ({', '.join(pickles)} holds pickled weights, which are never loaded)" if pickles else ""
            raise CheckpointError(
                f"{self._weights}: no such file{seen}; save the model with safe_serialization=True"
            )

    def _locate(self, component: str, name: str) -> Path:
        nested = self._folder / component
        return (nested if nested.is_dir() else self._folder) / name

    def unet_config(self) -> UNet2DConfig:
        """Read the UNet's configuration; CheckpointError names the file and the invalid fields."""
        config = UNet2DConfig.from_dict(read_json(self._unet_config), str(self._unet_config))
        # Each parameter takes at least two bytes. A small file must not lead to a model that fills the
        # memory.
        if 2 * config.least_parameters > self._weights.stat().st_size:
            raise CheckpointError(
                f"{self._weights}: is too small for the model that {self._unet_config} describes"
            )
        return config

    def scheduler_config(self) -> SchedulerConfig:
        """Read the scheduler's configuration; errors name the file and the invalid fields."""
        # As in diffusers, the index names the class that reads the configuration.
        data = read_json(self._scheduler_config) | {"_class_name": self._scheduler_class}
        return SchedulerConfig.from_dict(data, str(self._scheduler_config))

    def load_into(self, unet: UNet2DModel) -> dict[str, str]:
        """Load the weights and return the :func:`file_hashes` of all files that affect the result."""
        unet.load_weights(self._weights)
        files = (self._index, self._unet_config, self._weights, self._scheduler_config)
        return file_hashes(self._folder, files)


def file_hashes(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Map the path of each of ``files``, relative to ``folder``, to its hex sha256, sorted by path."""
    hashes = {}
    for relative, file in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        try:
            hashes[relative] = hash_foreign(file)
        except ForeignFileError as error:
            raise CheckpointError(str(error)) from None
    return hashes


def folder_hashes(folder: Path) -> dict[str, str]:
    """Return :func:`file_hashes` of every file below ``folder`` that is not hidden.

    It is not known which files a pipeline that is not built in reads, so every file that may hold weights or
    settings counts. Raises :class:`CheckpointError` for a link back to a parent folder, for more than 10,000
    files and folders, and for anything that is not a regular file.
    """
    inside: list[Path] = []
    places, seen = {folder: folder.resolve()}, 0
    # Components may be links to folders that several checkpoints share.
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # Folders that link to folders with more links multiply at every level.
        seen += len(folders) + len(names)
        if seen > _MOST_FILES:
            raise CheckpointError(
                f"{folder}: there are more than {_MOST_FILES:,} files and folders in it, links followed; "
                "name the folder of the checkpoint alone"
            )
        here = places[Path(root)]
        for each in (Path(root, name) for name in folders):
            places[each] = (here / each.name).resolve()
            if here.is_relative_to(places[each]):
                raise CheckpointError(f"{each}: the link leads back to a folder that it is in; remove it")
        inside += [Path(root, name) for name in names if not name.startswith(".")]
    return file_hashes(folder, inside)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise :class:`CheckpointError` for anything else."""
    try:
        data = parse_json(read_foreign(path, limit=_LARGEST_JSON))
    except ForeignFileMissing:
        raise CheckpointError(
            f"{path}: no such file; a checkpoint in the layout of diffusers has one"
        ) from None
    except ForeignFileError as error:
        raise CheckpointError(str(error)) from None
    except ValueError as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error}); fetch the file again") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path}: a JSON object is expected, found {type(data).__name__}")
    return data
