"""Which denoising models of mindone compile on CPU, as the table in `docs/mindone.md`.

    python -m benchmarks.mindone_graph [--print] [--only CLASS] [--seconds 300]

Takes one case of `suites/mindone/classes` for each class of denoising model. Each runs in a process of its
own: once in PyNative, where the arguments of the model's first call are kept, and then the compiled model is
called with the same arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.pages import write_between
from harness.cases.case import Case
from harness.cases.load import load_suite

_ROOT = Path(__file__).parents[1]
_CLASSES = _ROOT / "suites" / "mindone" / "classes"
_PAGE = _ROOT / "docs" / "mindone.md"
_BEGIN, _END = "<!-- classes in graph mode -->", "<!-- end of classes in graph mode -->"
_DENOISES = r"UNet|Transformer[23]D|UVit|DiT|DiffNeXt|Prior$|PriorT|ControlNet(Union)?Model"
# Far more than rounding, which other operators move.
_SAME = 1e-4


def main() -> None:
    """Try every class, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", help="print the table instead of writing it")
    parser.add_argument("--only", action="append", default=[], metavar="CLASS", help="try only these classes")
    parser.add_argument("--seconds", type=int, default=300, help="time limit for one class")
    asked = parser.parse_args()
    _import()
    found: dict[str, dict[str, Any]] = {}
    for kind, part, case in _one_of_each_class():
        if asked.only and kind not in asked.only:
            continue
        found[kind] = {"case": case.id, **_in_a_process(case, part, asked.seconds)}
        print(kind, found[kind], file=sys.stderr, flush=True)
    table = _table(found)
    if asked.print:
        print(table)
    else:
        write_between(_PAGE, _BEGIN, _END, table)


def _one_of_each_class() -> Iterator[tuple[str, str, Case]]:
    """Yield each class of a denoising model, what its pipeline calls it, and the first case that has it."""
    kinds = json.loads((_CLASSES / "components.json").read_text())
    checkpoints = json.loads((_CLASSES / "checkpoints.json").read_text())
    cases: dict[str, Case] = {}
    for path in sorted(_CLASSES.glob("*.yaml")):
        for case in load_suite(path).cases:
            if case.fails is None and case.checkpoint is not None:
                cases.setdefault(Path(case.checkpoint).name, case)
    seen = set()
    for name, entries in checkpoints.items():
        for part, component in entries["components"].items():
            library, kind = kinds[component] if component else ("", "")
            if library == "transformers" or not re.search(_DENOISES, kind):
                continue
            if kind in seen or name not in cases:
                continue
            seen.add(kind)
            yield kind, part, cases[name]


def _import() -> None:
    # Once, because it takes most of the time of a small case.
    from harness.execution.profile import Profile

    profile = Profile(core=min(os.sched_getaffinity(0)))
    profile.apply_before_import()
    import mindone.diffusers  # noqa: F401


def _in_a_process(case: Case, part: str, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            log = os.open(Path(folder) / "log", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            signal.alarm(seconds)
            try:
                tried = _tried(case, part)
            except BaseException as error:  # noqa: BLE001  the table says what it was
                tried = {"why": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
            answer.write_text(json.dumps(tried))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGALRM:
                return {"why": f"it takes more than {seconds} s"}
            return {"why": f"the process ends with {signal.Signals(number).name}"}
        told: dict[str, Any] = json.loads(answer.read_text())
        return told


def _tried(case: Case, part: str) -> dict[str, Any]:
    import numpy as np
    from mindspore import nn

    from harness import kernels
    from harness.execution.profile import Profile
    from harness.measurement.ledger import Ledger, case_generators
    from harness.pipelines.arguments import Arguments
    from harness.pipelines.calling import call_pipeline
    from harness.pipelines.compiled import NotCompiled, compile_models
    from harness.pipelines.factory import UserCode
    from harness.pipelines.registry import load

    Profile().apply_after_import()
    kernels.install()
    job = case.job()
    sys.path.append(str(_ROOT))
    loaded = load(job, UserCode((str(_ROOT), str(_CLASSES)), ("factories", "suites")))
    model = getattr(loaded.call, part)
    first: list[Any] = []
    sound = nn.Cell.__call__

    def call(cell: Any, *args: Any, **kwargs: Any) -> Any:
        result = sound(cell, *args, **kwargs)
        if cell is model and not first:
            first.append((args, kwargs, result))
        return result

    nn.Cell.__call__ = call
    call_pipeline(
        loaded.signature,
        loaded.call,
        case_generators(job.seeds, Ledger()),
        steps=job.steps,
        arguments=Arguments(job.arguments, Path(job.base), Path(job.root)).values(),
        after_step=lambda *_, **__: {},
    )
    nn.Cell.__call__ = sound
    if not first:
        return {"why": "its pipeline does not call it as a cell"}
    args, kwargs, expected = first[0]
    compile_models(case.pipeline, loaded.call, {})
    try:
        result = model(*args, **kwargs)
    except NotCompiled as error:
        return {"why": error.reason}
    one, other = _flat(result), _flat(expected)
    return {"distance": float(np.linalg.norm(one - other) / np.linalg.norm(other))}


def _flat(result: Any) -> Any:
    import numpy as np

    if isinstance(result, list | tuple):
        return np.concatenate([_flat(each) for each in result])
    if isinstance(result, dict):
        return _flat(list(result.values()))
    return result.float().asnumpy().astype(np.float64).ravel()


def _table(found: dict[str, dict[str, Any]]) -> str:
    import mindspore as ms

    compiled = [each for each in found.values() if each.get("distance", 1) <= _SAME]
    lines = [
        f"{len(compiled)} of {len(found)} classes that were tried compile under MindSpore {ms.__version__} "
        "on CPU. The distance is the relative L2 between the outputs of the compiled model and of PyNative, "
        "on the inputs of its first call.",
        "",
        "| class | case | compiles | distance to PyNative |",
        "| --- | --- | --- | --- |",
    ]
    for kind, each in sorted(found.items()):
        why = each.get("why", "").replace("|", "\\|").replace(str(_ROOT), "").replace("<", "&lt;")
        why = re.sub(r"/\S*/(site-packages|src)/", "", why)
        distance = each.get("distance")
        told = "yes" if distance is not None else f"no: {why}"
        figure = "" if distance is None else f"{distance:.1e}"
        lines.append(f"| {kind} | {each['case']} | {told} | {figure} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
