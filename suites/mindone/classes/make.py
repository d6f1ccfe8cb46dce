"""Make the checkpoints and the inputs of the suites beside this file, from configurations and seeds.

    python suites/mindone/classes/make.py [folder]

`components/` has what the checkpoints are made of, a folder each: the files that diffusers or transformers
would save, and for a model `parameters.json` with the shape of each of its parameters. `checkpoints.json`
says which components each checkpoint has. Needs numpy and safetensors. The files are the same, byte for byte,
wherever they are made, unless a release of numpy draws other numbers.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from inputs import write_inputs
from safetensors.numpy import save
from weights import draw

_HERE = Path(__file__).parent
# Of diffusers whose layout and fields these are.
_DIFFUSERS = "0.35.1"
_PARAMETERS = "parameters.json"
_WEIGHTS = {"diffusers": "diffusion_pytorch_model.safetensors", "transformers": "model.safetensors"}


def main(folder: Path) -> None:
    """Write `checkpoints/` and `inputs/` below `folder`."""
    kinds = _read(_HERE / "components.json")
    for name, entries in _read(_HERE / "checkpoints.json").items():
        checkpoint = folder / "checkpoints" / name
        index: dict[str, Any] = {"_class_name": entries["class"], "_diffusers_version": _DIFFUSERS}
        for part, component in entries["components"].items():
            index[part] = [None, None] if component is None else kinds[component]
            if component is not None:
                _write_component(_HERE / "components" / component, checkpoint / part)
        _write(checkpoint / "model_index.json", {**index, **entries.get("settings", {})})
    write_inputs(folder / "inputs")


def _write_component(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.name != _PARAMETERS:
            shutil.copyfile(path, target / path.name)
    if (source / _PARAMETERS).is_file():
        config = _read(source / "config.json")
        # The class of diffusers stands in its configuration, which transformers' does not say of itself.
        library = "diffusers" if "_class_name" in config else "transformers"
        weights = draw(source.name, _read(source / _PARAMETERS))
        (target / _WEIGHTS[library]).write_bytes(save(weights, {"format": "pt"}))


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _write(path: Path, value: Any) -> None:
    path.write_bytes((json.dumps(value, indent=2) + "\n").encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _HERE)
