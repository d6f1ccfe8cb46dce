"""What msprobe and `harness judge-dump` say of the same faults, as the tables in `docs/msprobe.md`.

    python -m benchmarks.msprobe MSPROBE_PYTHON [--other PYTHON] [--print]

One convolution of a case is wrong by several sizes; both judge the dumps of one step. MSPROBE_PYTHON is an
interpreter with msprobe and MindSpore. With --other, the interpreter of another MindSpore release, two more
tables are made: which cell is named for each fault of the catalogue, and how sound runs are judged (how much
of its limit each tensor used, and how far cells bring two runs apart).
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.pages import write_between
from harness.cases.selection import one_case
from harness.dumps.comparing import ComparedTensor, DumpComparison
from harness.dumps.writing import write_dump
from harness.execution.runner import Runner
from harness.faults.catalogue import FAULTS
from harness.judgement.dumps import judge_dumps
from harness.operations.judge_dump import JudgedDumps, judge
from harness.operations.workers import Workers
from harness.reporting.figures import figure

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "msprobe.md"
_FAULTS = "<!-- faults -->", "<!-- end of faults -->"
_SOUND = "<!-- sound runs -->", "<!-- end of sound runs -->"
_CELLS = "<!-- cells -->", "<!-- end of cells -->"
_CASE, _STEP = "suites/ddim.yaml::ten-steps-seed0", 0
_SIZES = (0.0, 1e-6, 4e-6, 1e-5, 1e-4, 4.34e-4, 4e-3, 1e-2, 1e-1, 1.0)
# Cases and steps of sound runs: early, in the middle, last; float32, float16, bfloat16; the core and mindone.
_RUNS = {
    "suites/cifar10.yaml::guide-two-steps": (0, 1),
    "suites/cifar10.yaml::fifty-steps-graph": (49,),
    "suites/ddim.yaml::two-steps": (1,),
    "suites/ddim.yaml::fifty-steps": (0, 25, 49),
    "suites/ddim.yaml::fifty-steps-eta": (49,),
    "suites/ddpm.yaml::hundred-steps": (50, 99),
    "suites/modes.yaml::float16": (0, 1, 9),
    "suites/bfloat16.yaml::ddim": (0, 1, 9),
    "suites/mindone/ddim.yaml::ten-steps": (0, 9),
    "suites/mindone/batch.yaml::stable-diffusion": (0, 1, 2),
    "suites/mindone/image-to-image.yaml::pndm": (0, 1),
    "suites/mindone/image-to-image.yaml::euler": (0, 1),
}


def main() -> None:
    """Write the tables, or print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("msprobe", metavar="MSPROBE_PYTHON")
    parser.add_argument("--other", metavar="PYTHON", help="the interpreter of another MindSpore release")
    parser.add_argument("--print", action="store_true", help="print the tables instead of writing them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tables = {_FAULTS: _faults(asked.msprobe, Path(folder))}
        if asked.other is not None:
            tables[_CELLS] = _cells(asked.other, Path(folder))
            tables[_SOUND] = _sound(asked.other, Path(folder))
    for marks, lines in tables.items():
        if asked.print:
            print("\n".join(lines))
        else:
            write_between(_PAGE, *marks, "\n".join(lines))


def _faults(msprobe: str, folder: Path) -> list[str]:
    job = one_case(str(_ROOT / _CASE)).job()
    with _workers().runner() as runner:
        write_dump(folder / "sound", runner.trace(job, _STEP))
        for size in _SIZES:
            faulty = job.with_fault("weight-scaled", size) if size else job
            write_dump(folder / f"{size}", runner.trace(faulty, _STEP))
    lines = [
        "| the cell is off by (relative L2) | msprobe: rows | msprobe: verdict | harness judge-dump |",
        "|---|---|---|---|",
    ]
    for size in _SIZES:
        found = judge(folder / f"{size}", folder / "sound")
        rows = _compared(msprobe, folder / f"{size}", folder / "sound", folder / f"out-{size}")
        verdicts = ", ".join(f"{number} `{name}`" for name, number in rows.most_common())
        worst = next(name for name in ("error", "warning", "pass") if name in rows)
        lines.append(f"| {_off_by(found)} | {verdicts} | `{worst}` | {_told(found)} |")
    return lines


def _cells(other: str, folder: Path) -> list[str]:
    """Which cell is named for each fault of the model, beside a sound run of either release."""
    job = one_case(str(_ROOT / _CASE)).job()
    lines = ["| fault | in the same release | in another release |", "|---|---|---|"]
    with _workers().runner() as runner, _workers(other).runner() as old:
        sound = [
            write_dump(folder / f"cells-{i}", each.trace(job, _STEP)) for i, each in enumerate((runner, old))
        ]
        for fault in FAULTS:
            if fault.family == "model":
                faulty = write_dump(
                    folder / fault.name, runner.trace(job.with_fault(fault.name, None), _STEP)
                )
                told = [_told(judge(faulty, each)) for each in sound]
                lines.append(f"| {fault.name} | {' | '.join(told)} |")
    return lines


def _off_by(found: JudgedDumps) -> str:
    (conv,) = [each for each in found.comparison.calls if each.path == _faulty_cell(found.comparison)]
    (output,) = conv.outputs
    return "nothing" if output.difference is None else figure(output.difference.relative_l2, 2)


def _faulty_cell(found: DumpComparison) -> str:
    """Return the first cell whose output differs; without a fault, any."""
    return next((each.path for each in found.calls if _largest(each.outputs)), found.calls[0].path)


def _told(found: JudgedDumps) -> str:
    first = found.judgement.first
    verdict = f"`{found.judgement.verdict.value}`"
    return verdict if first is None else f"{verdict}: `{first.path}`"


def _compared(msprobe: str, mine: Path, theirs: Path, out: Path) -> Counter[str]:
    """Return how many rows of msprobe's comparison have which result."""
    steps = [str(each / f"step{_STEP}") for each in (mine, theirs)]
    command = [
        str(Path(msprobe).parent / "msprobe"),
        "compare",
        "-tp",
        steps[0],
        "-gp",
        steps[1],
        "-o",
        str(out),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (table,) = out.glob("*.csv")
    with table.open(newline="") as file:
        return Counter(row["Result"] for row in csv.DictReader(file))


def _sound(other: str, folder: Path) -> list[str]:
    lines = [
        "| case | step | calls | same bits | verdict | most used of a limit | factor needed |",
        "|---|---|---|---|---|---|---|",
    ]
    with _workers().runner() as runner, _workers(other).runner() as old:
        for name, steps in _RUNS.items():
            for step in steps:
                lines.append(_sound_row(runner, old, name, step, folder))
    return lines


def _sound_row(runner: Runner, old: Runner, name: str, step: int, folder: Path) -> str:
    case = one_case(str(_ROOT / name))
    for side, each in (("new", runner), ("old", old)):
        write_dump(folder / case.name / side, each.trace(case.job(), step))
    found = judge(folder / case.name / "new" / f"step{step}", folder / case.name / "old" / f"step{step}")
    needed = _factor(found)
    return (
        f"| {case.name} | {step} | {found.judgement.calls} | {found.judgement.same} | "
        f"`{found.judgement.verdict.value}` | {100 * found.judgement.used:.0f}% | "
        f"{figure(needed, 3) if needed else ''} |"
    )


def _factor(found: JudgedDumps) -> float:
    """Return the smallest factor on what a tensor was computed from with which every cell is sound."""
    lowest, highest = 0.0, 64.0
    while highest - lowest > 1e-3:
        middle = (lowest + highest) / 2
        judgement = judge_dumps(found.comparison, amplification=middle)
        if any(each.place == "cell" for each in judgement.findings):
            lowest = middle
        else:
            highest = middle
    return highest if lowest else 0.0


def _largest(tensors: tuple[ComparedTensor, ...]) -> float:
    return max((each.difference.relative_l2 for each in tensors if each.difference is not None), default=0.0)


def _workers(python: str | None = None) -> Workers:
    return Workers(python=python, import_paths=(_ROOT,))


if __name__ == "__main__":
    main()
