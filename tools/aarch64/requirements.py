"""Prints what this project, its extra for mindone and the tests of its core need, one requirement a line."""

import re
import sys
from pathlib import Path

import tomllib

# Needed to install the project itself and to run its tests. Linters run on the machine below.
_TESTS = ("hypothesis", "jsonschema", "psutil", "scikit-image", "pip", "setuptools>=77", "wheel")

_project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
for _each in (*_project["dependencies"], *_project["optional-dependencies"]["mindone"], *_TESTS):
    _name = re.match(r"[\w-]+", _each)[0]
    # MindSpore is asked for by release. uv makes environments of other releases, here for the machine below.
    if _name not in ("mindspore", "uv") and ";" not in _each:
        print(_each.replace(" ", ""))
