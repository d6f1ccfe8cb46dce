"""Make the checkpoints of the mindone suites, and the input of image-to-image, from seeds.

    python suites/mindone/checkpoints/make.py [folder]

Needs numpy and safetensors. The files are the same, byte for byte, wherever they are made, unless a release
of numpy draws other numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from configurations import CHECKPOINTS, Component, Model
from picture import landscape, png
from safetensors.numpy import save_file
from tokenizer import vocabulary
from weights import make

# Of diffusers and transformers whose layout and fields these are.
_DIFFUSERS, _TRANSFORMERS = "0.35.1", "4.57.1"


def main(folder: Path) -> None:
    """Write the checkpoints below `folder`, and the picture beside it."""
    for name, (pipeline, components) in CHECKPOINTS.items():
        checkpoint = folder / name
        checkpoint.mkdir(parents=True, exist_ok=True)
        index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": _DIFFUSERS}
        for part, component in components.items():
            index[part] = [None, None] if component is None else [component.library, component.kind]
            if component is not None:
                _write(checkpoint / part, component)
        if "safety_checker" in components:
            index["requires_safety_checker"] = False
        _write_json(checkpoint / "model_index.json", index)
    (folder / "input.png").write_bytes(png(landscape(32)))


def _write(folder: Path, component: Component) -> None:
    folder.mkdir(exist_ok=True)
    if component.kind == "CLIPTokenizer":
        _write_tokenizer(folder, component)
    elif not isinstance(component, Model):
        config = {"_class_name": component.kind, "_diffusers_version": _DIFFUSERS, **component.config}
        _write_json(folder / "scheduler_config.json", config)
    elif component.library == "transformers":
        _write_json(folder / "config.json", {**component.config, "transformers_version": _TRANSFORMERS})
        save_file(make(component), folder / "model.safetensors", {"format": "pt"})
    else:
        config = {"_class_name": component.kind, "_diffusers_version": _DIFFUSERS, **component.config}
        _write_json(folder / "config.json", config)
        save_file(make(component), folder / "diffusion_pytorch_model.safetensors", {"format": "pt"})


def _write_tokenizer(folder: Path, component: Component) -> None:
    ids, merges = vocabulary()
    _write_json(folder / "tokenizer_config.json", component.config)
    _write_json(folder / "vocab.json", ids)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_bytes(("\n".join(lines) + "\n").encode())


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
