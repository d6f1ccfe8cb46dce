"""Measure how far mindone and diffusers are from float64, and which factor between the two tells faults.

    python -m benchmarks.reference_limits TORCH_PYTHON OUT.json [--faults] [--exact-exp] SUITE.yaml[::CASE] …
    python -m benchmarks.reference_limits --table OUT.json …

A case is run on mindone, on diffusers in its own dtype, and on diffusers in float64 with the same noise. The
factor that it needs is the largest, over its steps and its output, of what mindone's distance from float64
exceeds the case's envelope by, in units of diffusers' distance. With --faults, every fault of the catalogue
is put into mindone at its reference size. With --exact-exp, mindone embeds timesteps with an exp that is
correctly rounded, which MindSpore's on CPU is not. Cases that are in OUT.json already are not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.baselines.store import BaselineStore
from harness.cases.case import Case
from harness.cases.reference import reference_job, yardstick_job
from harness.cases.selection import select
from harness.errors import HarnessError
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS, FaultNotApplicable
from harness.judgement.reference import Distances, distances, envelope_of, needed_factor

_STORE = Path("baselines")
_EXACT_EXP = """
import importlib.machinery, sys
from types import SimpleNamespace

MODULE = "mindone.diffusers.models.embeddings"


class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = super().find_spec(name, path, target) if name == MODULE else None
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                import mindspore as ms
                import numpy as np

                def exp(exponent):
                    return ms.Tensor(np.exp(exponent.asnumpy().astype(np.float64)).astype(np.float32))

                module.mint = SimpleNamespace(**{**vars(module.mint), "exp": exp})

            spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder)
"""
FACTORS = (2, 3, 5, 8, 10, 15, 20, 30, 50, 100)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--exact-exp", action="store_true")
    parser.add_argument("arguments", nargs="+")
    given = parser.parse_args()
    if given.table:
        for path in given.arguments:
            print(table(json.loads(Path(path).read_text())))
        return
    python, out, *suites = given.arguments
    path = Path(out)
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    place = TemporaryDirectory()
    mindones = exact_interpreter(Path(place.name)) if given.exact_exp else None
    with place, Runner(python=mindones) as port, Runner(python=python) as original:
        for case in select(suites).cases:
            row = found.get(case.name, {})
            if row and (not given.faults or "faults" in row):
                continue
            found[case.name] = examined(case, port, original, faults=given.faults)
            print(case.name, found[case.name], flush=True)
            path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def exact_interpreter(folder: Path) -> Path:
    """Return a command that is this Python, in which mindone's embeddings have another exp."""
    (folder / "sitecustomize.py").write_text(_EXACT_EXP)
    command = folder / "python"
    command.write_text(f"#!/bin/sh\nPYTHONPATH='{folder}' exec {sys.executable} \"$@\"\n")
    command.chmod(0o755)
    return command


def examined(case: Case, port: Runner, original: Runner, *, faults: bool) -> dict[str, Any]:
    """Return the figures of ``case``, or why it has none."""
    try:
        job = replace(case.job(), keep_latents=True, singles=False)
        exact = original.run(yardstick_job(job))
        theirs = distances(original.run(reference_job(job)), exact)
        ours = distances(port.run(job), exact)
        envelope = stored_envelope(case)
    except HarnessError as error:
        return {"error": str(error).strip().splitlines()[-1][:200]}
    row: dict[str, Any] = {
        "factor": needed_factor(ours, theirs, envelope),
        "port": [max(ours.steps, default=0.0), ours.output],
        "original": [max(theirs.steps, default=0.0), theirs.output],
        "envelope": max(envelope.steps, default=0.0),
    }
    if faults:
        row["faults"] = {}
        for each in FAULTS:
            try:
                moved = distances(port.run(job.with_fault(each.name, None)), exact)
                row["faults"][each.name] = needed_factor(moved, theirs, envelope)
            except FaultNotApplicable:
                continue
            except HarnessError:
                row["faults"][each.name] = None  # such as another number of steps
    return row


def stored_envelope(case: Case) -> Distances:
    """Return the spread of the case under rounding, of each step and of the output."""
    return envelope_of(BaselineStore(_STORE).load(case.suite, case.id, "cpu").calibration)


def table(found: dict[str, Any]) -> str:
    """Return the factors that sound cases need, and how many false alarms and faults each factor leaves."""
    sound = {name: row for name, row in found.items() if "factor" in row}
    lines = [
        "| case | diffusers from float64 | mindone from float64 | envelope | factor needed |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in sorted(sound.items(), key=lambda item: -item[1]["factor"]):
        figures = (row["original"][0], row["port"][0], row["envelope"])
        told = " | ".join(f"{figure:.1e}" for figure in figures)
        lines.append(f"| `{name}` | {told} | {row['factor']:.1f} |")
    lines += ["", "| factor | false alarms | faults caught |", "| --- | --- | --- |"]
    faulty = [factor for row in sound.values() for factor in row.get("faults", {}).values()]
    for factor in FACTORS:
        alarms = sum(row["factor"] > factor for row in sound.values())
        caught = sum(each is None or each > factor for each in faulty)
        lines.append(f"| {factor} | {alarms} of {len(sound)} | {caught} of {len(faulty)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
