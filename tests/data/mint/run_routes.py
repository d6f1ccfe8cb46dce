"""Call every public route to MindSpore's operators, and print those that end in a missing kernel.

Usage: python tests/data/mint/run_routes.py    (with harness importable; in a process of its own)

The routes are the functions of `mint`, `mint.nn.functional`, `mint.linalg`, `mint.special` and `ops`, the
methods of `Tensor`, the layers of `mint.nn`, and Python's operators. Each is called with the arguments of the
cases in kernels.safetensors that have its name, and with plain arguments that many functions accept. What
is wrong with other arguments is of no interest here: only errors that name a missing kernel are kept.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import operator
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from run_cases import Caller, load

from harness.execution.profile import Profile, claim_core

SPACES = ("", "nn.functional", "linalg", "special")
OPERATORS = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "matmul"),
    *("lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "invert", "abs"),
)
# These compile their argument, or need other processes.
LEFT_OUT = {
    *("custom_op", "derivative", "get_cache_prim", "grad", "hook_backward", "value_and_grad", "vmap"),
}


def spaces(mindspore: Any) -> Iterator[tuple[str, Any]]:
    """Yield the places in which routes are looked for."""
    for space in SPACES:
        owner = mindspore.mint
        for part in space.split(".") if space else ():
            owner = getattr(owner, part)
        yield f"mint.{space}".strip("."), owner
    yield "ops", mindspore.ops
    yield "Tensor", mindspore.Tensor


def routes(mindspore: Any) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Yield every public function: its full name, its last part, and itself."""
    for space, owner in spaces(mindspore):
        for name in sorted({*getattr(owner, "__all__", ()), *dir(owner)}):
            function = getattr(owner, name, None)
            if (
                name.startswith("_")
                or name in LEFT_OUT
                or not callable(function)
                or isinstance(function, type)
            ):
                continue
            if "communication" in str(getattr(function, "__module__", "")):
                continue  # needs other processes
            yield f"{space}.{name}", name, function
    for name in OPERATORS:
        yield f"operator.{name}", name, getattr(operator, name)


def plain(mindspore: Any) -> list[tuple[Any, ...]]:
    """Return arguments that many functions accept."""
    import numpy as np

    def tensor(*shape: int, dtype: Any = np.float32) -> Any:
        return mindspore.Tensor((np.arange(np.prod(shape)).reshape(shape) % 5 + 1).astype(dtype))

    x, i, b = tensor(3, 4), tensor(3, 4, dtype=np.int64), mindspore.Tensor(np.eye(3, 4, dtype=bool))
    square, image = tensor(3, 3), tensor(1, 2, 6, 6)
    return [
        (x,), (i,), (b,), (x, 2), (x, 2.5), (2, x), (i, 2), (b, True), (x, x), (i, i), (b, b), (b, x, x),
        (x, 0), (x, 0, 1), (x, -1, True), (x, (0, 1)), (x, 1, 2), (x, i % 3), (x, 0, i % 3), (x, 0, i % 3, x),
        (x, 0, i % 3, 1.0), (square, square), (square,), (tensor(3), tensor(3)), (x, x, x), (image,),
        (image, 2), (image, tensor(3, 2, 3, 3)), ((x, x),), ((x, x), 1), ((2, 3),), ((2, 3), 1.5), (3,),
        (0, 5), (0, 5, 2), (x, b), (x, b, 1.0), (x, (2, 2)), (x, (4, 3)), (image, (1, 1, 1, 1)),
        (x, 1, 0, 2), (x, None), (x, 2, 1),
    ]  # fmt: skip


def walk(first: int) -> None:
    """Call the routes from the given one on; print each before it is called, and what came of it."""
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore

    profile.apply_after_import()
    from harness import kernels

    kernels.install()
    tensors, cases, _ = load()
    caller = Caller(tensors)
    by_name: dict[str, list[Any]] = defaultdict(list)
    for _, function, args, kwargs, _ in cases:
        by_name[function.rpartition(".")[2]].append((args, kwargs))
    tuples = len(plain(mindspore))
    for place, (route, name, function) in enumerate(routes(mindspore)):
        if place < first:
            continue
        tell({"place": place, "route": route})
        own = by_name.get(name, []) + by_name.get(f"{name}_", [])
        missing: set[str] = set()
        calls = returned = 0
        kernels.reset()
        for index in range(len(own) + tuples):
            calls += 1
            faulthandler.dump_traceback_later(60, exit=True)
            try:
                named: dict[str, Any] = {}
                if index < len(own):
                    args, kwargs = own[index]
                    given = caller.decoded(args)
                    named = {key: caller.decoded(value) for key, value in kwargs.items()}
                else:
                    given = plain(mindspore)[index - len(own)]
                with contextlib.redirect_stdout(io.StringIO()):
                    function(*given, **named)
                returned += 1
            except Exception as error:  # noqa: BLE001  only a missing kernel counts
                missing |= {kernels.missing_kernel(error) or ""} - {""}
        faulthandler.cancel_dump_traceback_later()
        found = {"calls": calls, "returned": returned, "missing": sorted(missing)}
        # Calls of primitives that share a kernel are counted for one of them.
        functions = {kernels.KERNELS[each].function for each in kernels.used()}
        reached = [each.primitive for each in kernels.KERNELS.values() if each.function in functions]
        tell(found | {"reached": reached})
    tell({"replaced": sorted(kernels.replaced()), "table": sorted(kernels.KERNELS)})


def tell(line: dict[str, Any]) -> None:
    """Print a line of JSON at once."""
    print(json.dumps(line), flush=True)


def main() -> None:
    """Walk in processes of their own, as some of MindSpore's operators end theirs with such arguments."""
    missing: dict[str, list[str]] = defaultdict(list)
    reached: set[str] = set()
    counts = {"calls": 0, "returned": 0}
    ended: list[str] = []
    first, last = 0, {}
    while "replaced" not in last:
        command = [sys.executable, __file__, str(first)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
        for line in done.stdout.splitlines():
            last = json.loads(line)
            if "route" in last:
                route, first = last["route"], last["place"] + 1
            elif "calls" in last:
                for primitive in last["missing"]:
                    missing[primitive].append(route)
                reached |= set(last["reached"])
                counts = {key: counts[key] + last[key] for key in counts}
        if "replaced" not in last:
            if "route" not in last or len(ended) > 20:
                raise SystemExit(f"the walk ended at {last}, after {ended}")
            ended.append(route)
    told = {
        **counts,
        "ended": ended,
        "unreached": sorted(set(last["replaced"]) - reached),
        "in_table": {key: value for key, value in sorted(missing.items()) if key in last["table"]},
        "others": {key: value for key, value in sorted(missing.items()) if key not in last["table"]},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        walk(int(sys.argv[1]))
    else:
        main()
