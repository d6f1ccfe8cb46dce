"""pytest-regressions: the plugin itself, in a pytest of its own under an interpreter that has it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from benchmarks.peers.comparisons import Comparison
from benchmarks.peers.judges import Judge
from harness.measurement.measurement import Array

REQUIREMENTS = ("numpy<2", "pillow", "pytest", "pytest-regressions==2.11.0")
# Its own, so that pytest looks for no settings above; the plugin writes a file or two per test.
INI = "[pytest]\ntmp_path_retention_policy = none\n"
ARRAY, IMAGE = "pytest-regressions: ndarrays_regression", "pytest-regressions: image_regression"


def interpreter(given: str | None, work: Path) -> str:
    """Return ``given``, or the interpreter of a virtual environment below ``work`` with the plugin in it."""
    if given is not None:
        return given
    environment = work / "pytest-regressions"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return str(python)


class Plugin:
    """Both fixtures of the plugin; all comparisons are judged by two runs of pytest in ``folder``.

    The first records the baselines with ``--force-regen``, the second compares.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._answers: dict[str, bool] | None = None

    def judges(self) -> tuple[Judge, Judge]:
        """Return the judges by arrays and by images."""
        return Judge(ARRAY, self._arrays), Judge(IMAGE, self._images)

    def _arrays(self, comparisons: Sequence[Comparison]) -> list[bool]:
        answers = self._judged(comparisons)
        return [answers[f"{index}"] for index in range(len(comparisons))]

    def _images(self, comparisons: Sequence[Comparison]) -> list[bool]:
        answers = self._judged(comparisons)
        return [
            any(answers[f"{index}-{image}"] for image in range(len(each.expected)))
            for index, each in enumerate(comparisons)
        ]

    def _judged(self, comparisons: Sequence[Comparison]) -> dict[str, bool]:
        if self._answers is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            shutil.copy(Path(__file__).with_name("plugin_checks.py"), self._folder / "test_checks.py")
            (self._folder / "pytest.ini").write_text(INI, encoding="utf-8")
            self._record(comparisons)
            self._answers = self._compare(comparisons)
        return self._answers

    def _record(self, comparisons: Sequence[Comparison]) -> None:
        """Let the plugin write its baselines: it fails every test that does, and each array is one once."""
        recorded = {}
        for each in comparisons:
            for check in self._checks(each.expected, each.expected):
                recorded[check["baseline"]] = {**check, "id": check["baseline"]}
        outcome = self._pytest(recorded.values(), "--force-regen")
        stored = {path.stem for path in (self._folder / "test_checks").iterdir()}
        if stored != set(recorded) or set(outcome.values()) != {"Failed"}:
            raise RuntimeError(f"pytest-regressions did not record all baselines in {self._folder}")

    def _compare(self, comparisons: Sequence[Comparison]) -> dict[str, bool]:
        checks = []
        for index, each in enumerate(comparisons):
            for check in self._checks(each.obtained, each.expected):
                name = f"{index}" if check["image"] is None else f"{index}-{check['image']}"
                checks.append({**check, "id": name})
        outcome = self._pytest(checks)
        if not set(outcome.values()) <= {"", "AssertionError"} or len(outcome) != len(checks):
            raise RuntimeError(f"pytest-regressions did not compare all arrays in {self._folder}")
        return {name: raised != "" for name, raised in outcome.items()}

    def _checks(self, obtained: Array, expected: Array) -> Iterable[dict[str, Any]]:
        """Yield what to check of one comparison: the array, and each image of it."""
        file = self._stored(obtained)
        baseline = self._stored(expected).stem
        yield {"file": str(file), "baseline": baseline, "image": None}
        for image in range(len(expected)):
            yield {"file": str(file), "baseline": f"{baseline}-{image}", "image": image}

    def _stored(self, array: Array) -> Path:
        name = hashlib.sha256(str((array.shape, array.dtype)).encode() + array.tobytes()).hexdigest()[:16]
        path = self._folder / "arrays" / f"{name}.npy"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            np.save(path, array)
        return path

    def _pytest(self, checks: Iterable[dict[str, Any]], *options: str) -> dict[str, str]:
        """Run pytest and return for each check, by id, the name of what it raised, empty where it passed."""
        (self._folder / "checks.json").write_text(json.dumps(list(checks)), encoding="utf-8")
        report = self._folder / "report.xml"
        report.unlink(missing_ok=True)
        command = [self._python, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report.name}", *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        with (self._folder / "pytest.log").open("ab") as log:
            subprocess.run(command, cwd=self._folder, stdout=log, stderr=log, env=environment, check=False)
        return dict(_outcome(test) for test in ElementTree.parse(report).iter("testcase"))


def _outcome(test: ElementTree.Element) -> tuple[str, str]:
    name = test.attrib["name"].partition("[")[2].removesuffix("]")
    problem = next(iter(test), None)
    if problem is None:
        return name, ""
    if problem.tag != "failure":
        return name, problem.tag
    return name, problem.attrib.get("message", "").partition(":")[0]
