"""What the Ascend profile relies on, read from MindSpore's wheels: functions, their parameters, variables.

    python -m benchmarks.ascend_contract WHEEL... --json FILE [--write docs/ascend.md]

No NPU and no MindSpore is needed: a wheel for CPU is the one that Ascend users install, and it holds both
MindSpore's own Python code and the libraries for Ascend. Functions are read from the Python code, and the
names of environment variables are searched in every file. tests/execution/test_ascend_contract.py holds the
profile to the JSON, which is tests/data/ascend/contract.json. Fetch a wheel with
`pip download --no-deps mindspore==VERSION`.
"""

from __future__ import annotations

import argparse
import ast
import json
import mmap
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between

# Where each function that workers on an NPU call is defined; two files if it moved.
FUNCTIONS = {
    "set_context": "context.py",
    "get_context": "context.py",
    "set_device": "device_manager.py",
    "set_deterministic": "device_manager.py",
    "runtime.launch_blocking": "runtime/executor.py",
    "get_seed": "common/seed.py",
    "ms_memory_recycle": "common/api.py graph/api.py",
    "hal.get_device_name": "hal/device.py",
    "hal.is_available": "hal/device.py",
    "device_context.ascend.op_precision.matmul_allow_hf32": "device_context/ascend/op_precision.py",
    "device_context.ascend.op_precision.conv_allow_hf32": "device_context/ascend/op_precision.py",
}
VARIABLES = (
    "ASCEND_RT_VISIBLE_DEVICES",
    "ATB_LLM_LCOC_ENABLE",
    "ATB_MATMUL_SHUFFLE_K_ENABLE",
    "HCCL_DETERMINISTIC",
    "LCCL_DETERMINISTIC",
    "TE_PARALLEL_COMPILER",
)
DOCUMENTATION = "https://www.mindspore.cn/docs/en/r{release}/api_python/"
BEGIN, END = "<!-- table: benchmarks/ascend_contract.py -->", "<!-- end of table -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheels", nargs="*", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    known: dict[str, Any] = json.loads(args.json.read_text("utf-8")) if args.json.exists() else {}
    for wheel in args.wheels:
        known[wheel.name.split("-")[1]] = of_wheel(wheel)
    known = dict(sorted(known.items(), key=lambda item: numbers(item[0])))
    args.json.write_text(json.dumps(known, indent=1, sort_keys=False) + "\n", "utf-8")
    if args.write:
        write_between(args.write, BEGIN, END, table(known))
    print(table(known))


def numbers(release: str) -> tuple[int, ...]:
    """Return a release as numbers, to sort by; `post1` counts as another number."""
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in release.split("."))


def of_wheel(wheel: Path) -> dict[str, Any]:
    """Return the parameters of each function, whether `strict` is kept, and where the variables occur."""
    with zipfile.ZipFile(wheel) as archive:

        def code(files: str) -> str:
            names = (f"mindspore/{file}" for file in files.split())
            return "\n".join(archive.read(each).decode("utf-8") for each in names if each in there)

        there = set(archive.namelist())
        deterministic = source(code(FUNCTIONS["set_deterministic"]), "set_deterministic")
        return {
            "functions": {name: parameters(code(files), name) for name, files in FUNCTIONS.items()},
            "keeps_strict": '"strict"' in deterministic,
            "variables": occurrences(archive),
        }


def function(code: str, name: str) -> ast.FunctionDef | None:
    wanted = name.rpartition(".")[2]
    found = (node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef))
    return next((node for node in found if node.name == wanted), None)


def parameters(code: str, name: str) -> str | None:
    """Return the parameters of a function as they are written, or None if it is not defined."""
    node = function(code, name)
    return None if node is None else ast.unparse(node.args)


def source(code: str, name: str) -> str:
    node = function(code, name)
    return "" if node is None else ast.get_source_segment(code, node) or ""


def occurrences(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the files, Python code and libraries, in which each variable's name occurs."""
    found: dict[str, list[str]] = {name: [] for name in VARIABLES}
    with tempfile.TemporaryDirectory() as folder:
        for member in archive.infolist():
            if member.file_size == 0 or not (member.filename.endswith(".py") or ".so" in member.filename):
                continue
            path = Path(archive.extract(member, folder))
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for name in VARIABLES:
                    if content.find(name.encode()) >= 0:
                        found[name].append(member.filename)
            path.unlink()
    return {name: sorted(files) for name, files in found.items()}


def table(known: dict[str, Any]) -> str:
    """Return the Markdown table: a row for each function and variable, a column for each release."""
    releases = list(known)
    newest = releases[-1]
    lines = [
        "| what the profile relies on | " + " | ".join(releases) + " |",
        "|---" * (len(releases) + 1) + "|",
    ]
    for name in FUNCTIONS:
        page = f"{DOCUMENTATION.format(release=newest)}{page_of(name)}"
        cells = ["—" if known[each]["functions"][name] is None else "yes" for each in releases]
        same = len({known[each]["functions"][name] for each in releases}) == 1
        signature = (
            f"`{name}({known[newest]['functions'][name]})`" if same else f"`{name}`, not the same in all"
        )
        lines.append(f"| [{signature}]({page}) | " + " | ".join(cells) + " |")
    kept = ["yes" if known[each]["keeps_strict"] else "no, `true`" for each in releases]
    lines.append("| `set_deterministic` keeps `HCCL_DETERMINISTIC=strict` | " + " | ".join(kept) + " |")
    for name in VARIABLES:
        cells = ["read" if known[each]["variables"][name] else "not in the wheel" for each in releases]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page_of(name: str) -> str:
    """Return the address of a function's page, below that of the release's documentation."""
    package = name.split(".")[0] if "." in name else "mindspore"
    folder = "mindspore" if package == "mindspore" else {"hal": "hal"}.get(package, package)
    return f"{folder}/mindspore.{name}.html"


if __name__ == "__main__":
    main()
