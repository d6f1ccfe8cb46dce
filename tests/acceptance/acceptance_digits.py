"""Where the repository and the checkpoint that comes with the package lie."""

from pathlib import Path

import harness

REPOSITORY = Path(__file__).parents[2]
DIGITS = Path(harness.__file__).parent / "pipelines" / "data" / "ddpm-digits"
