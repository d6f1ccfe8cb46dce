"""Write bfloat16.safetensors: what torch gives for the expressions in bfloat16_routes.py.

Usage: python tests/data/mint/make_bfloat16_reference.py    (needs torch and safetensors; not MindSpore)

A result is stored in float32, which has all values of bfloat16; the metadata holds its dtype.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from bfloat16_routes import ROUTES, inputs
from safetensors.numpy import save_file


def main() -> None:
    tensors: dict[str, np.ndarray] = {}
    dtypes: dict[str, str] = {}
    known = {"torch": torch, "F": torch.nn.functional}
    for route, (_, expression) in ROUTES.items():
        if expression is None:
            continue
        given = {name: torch.tensor(array) for name, array in inputs().items()}
        narrow = {
            name: tensor.bfloat16() if tensor.dtype == torch.float32 and name != "f" else tensor
            for name, tensor in given.items()
        }
        found = eval(expression, known | narrow)
        for place, result in enumerate(found if isinstance(found, tuple | list) else [found]):
            name = f"{route}.{place}"
            dtypes[name] = str(result.dtype).removeprefix("torch.")
            wide = result.float() if result.dtype == torch.bfloat16 else result
            tensors[name] = wide.numpy().copy()
    metadata = {"torch": torch.__version__, "dtypes": json.dumps(dtypes)}
    save_file(tensors, Path(__file__).with_name("bfloat16.safetensors"), metadata)


if __name__ == "__main__":
    main()
