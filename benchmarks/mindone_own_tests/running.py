"""Running the tests: in one process after the other, each test within its time and memory."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
VERSION = "0.5.0"
SDIST = f"mindone-{VERSION}.tar.gz"
SHA256 = "9e4317cc3aaa934d7f3b84f088cf18c1493f9f1835fab3ad8c20cc9b2c8a95ca"
TESTS = "tests/diffusers_tests"
# What compares with torch. The tests of LoRA and of modular pipelines compare nothing with it and need
# whole pipelines from the Hub; those of schedulers in graph mode do not use the kernels.
SCOPE = (
    "hooks/", "modules/", "pipelines/", "test_schedulers.py", "test_t5_film_transformer.py",
)  # fmt: skip
PLUGIN = "benchmarks.mindone_own_tests.plugin"

Told = dict[str, Any]


def run(
    python: Path, work: Path, dtype: str, k: str, limit: float, memory: int, repeats: int, again: bool,
    stop_after: float,
) -> None:  # fmt: skip
    """Run the tests of ``dtype`` that have no result in ``work`` yet."""
    prepare(python, work)
    limit *= 1 + repeats  # which are most of a slow test's time
    results = work / f"{dtype}.jsonl"
    done = {each["test"]: each for each in read(results)}
    asked = [each for each in wanted(tests(python, work), dtype) if k in each]
    left = [
        each
        for each in asked
        if each not in done or (again and done[each]["outcome"] not in ("passed", "skipped"))
    ]
    print(f"{dtype}: {len(asked)} tests, {len(left)} left")
    ends = time.monotonic() + stop_after
    while left and time.monotonic() < ends:
        with tempfile.TemporaryDirectory() as folder:
            tell = Path(folder) / "tell.jsonl"
            for told in of_process(python, work, dtype, left, tell, limit, memory, repeats, ends):
                with results.open("a") as file:
                    file.write(json.dumps(told) + "\n")
                left.remove(told["test"])
                print(f"{told['outcome']:8} {told.get('seconds', 0):7.1f} s  {told['test']}", flush=True)


def prepare(python: Path, work: Path) -> None:
    """Fetch mindone's sdist, unpack its tests, and make the stand-ins, unless they are there."""
    work.mkdir(parents=True, exist_ok=True)
    sdist = work / SDIST
    if not sdist.exists():
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*fetch, "--dest", str(work), f"mindone=={VERSION}"], check=True)
    if hashlib.sha256(sdist.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{sdist} is not the sdist that these tests are known of")
    if not (work / "sources" / TESTS).exists():
        inside = f"mindone-{VERSION}/"
        with tarfile.open(sdist) as archive:
            members = [each for each in archive.getmembers() if each.name.startswith(f"{inside}tests/")]
            for each in members:
                each.name = each.name.removeprefix(inside)
            archive.extractall(work / "sources", members, filter="data")
    make = [str(python), "-m", "benchmarks.mindone_own_tests.standins", str(work / "hub")]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the stand-ins could not be made: {done.stderr[-2000:]}")


def tests(python: Path, work: Path) -> list[Told]:
    """Return all tests, with dtype and mode."""
    kept = work / "tests.jsonl"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            tell = Path(folder) / "tell.jsonl"
            command = [*_pytest(python), "--collect-only", "-q", TESTS]
            done = subprocess.run(
                command, cwd=work / "sources", env=_environment(work, tell), capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if done.returncode:
                raise SystemExit(f"the tests could not be collected: {done.stdout[-3000:]}")
            kept.write_text(tell.read_text())
    return read(kept)


def wanted(every: list[Told], dtype: str) -> list[str]:
    """Return the tests of a dtype that are run; those without one count as float32."""
    dtypes = (dtype, "none") if dtype == "float32" else (dtype,)
    return [
        each["test"] for each in every
        if each["dtype"] in dtypes and not each["slow"] and each["mode"] != "graph"
        and str(each["test"]).removeprefix(f"{TESTS}/").startswith(SCOPE)
    ]  # fmt: skip


def read(file: Path) -> list[Told]:
    """Return the complete lines of a file of JSON; none if it is missing."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def _pytest(python: Path) -> list[str]:
    return [
        str(python),
        "-m",
        "pytest",
        "-p",
        PLUGIN,
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore",
        "--rootdir",
        ".",
    ]


def _environment(work: Path, tell: Path, **more: Any) -> dict[str, str]:
    own = {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_CACHE": str((work / "hub").resolve()),
        "HF_HUB_OFFLINE": "1",
        "OWN_TESTS_TELL": str(tell),
        "GLOG_v": "3",
    }
    return dict(os.environ) | own | {key: str(value) for key, value in more.items()}


def of_process(
    python: Path,
    work: Path,
    dtype: str,
    asked: list[str],
    tell: Path,
    limit: float,
    memory: int,
    repeats: int,
    ends: float,
) -> Iterator[Told]:
    """Start a process for the tests and yield how they end; after the first that it cannot survive, stop."""
    arguments = tell.with_name("arguments")
    arguments.write_text("\n".join(asked))
    with (tell.with_name("output")).open("w") as output:
        process = subprocess.Popen(
            [*_pytest(python), "-q", "--tb=no", f"@{arguments}"], cwd=work / "sources",
            env=_environment(
                work, tell, OWN_TESTS_DTYPE=dtype, OWN_TESTS_REPEATS=repeats, OWN_TESTS_RSS=memory // 2
            ),
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    started, since, seen = None, time.monotonic(), 0
    try:
        while True:
            running = process.poll() is None
            lines = read(tell)
            for line in lines[seen:]:
                if "started" in line:
                    started, since = line["started"], time.monotonic()
                elif "test" in line:
                    started = None
                    yield line
            seen = len(lines)
            seconds = time.monotonic() - since
            # Before its first test, a process imports and collects.
            if running and seconds > (limit if started else 600):
                yield from _ended(started, "timeout", seconds)
                return
            if running and _megabytes(process.pid) > memory:
                yield from _ended(started, "memory", seconds)
                return
            if not running:
                if process.returncode < 0 or started:
                    yield from _ended(started, "crashed", seconds)
                elif seen == 0:
                    raise SystemExit(f"pytest ran nothing: {(tell.with_name('output')).read_text()[-3000:]}")
                return
            if time.monotonic() > ends:
                return
            time.sleep(0.5)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ended(test: str | None, outcome: str, seconds: float) -> Iterator[Told]:
    if test is None:
        raise SystemExit(f"the process of the tests ended between two tests: {outcome}")
    yield {"test": test, "outcome": outcome, "seconds": round(seconds, 1)}


def _megabytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
