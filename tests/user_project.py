"""A project of a user: a folder with suites, pipelines of its own and baselines, and both doors run on it."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import redirect_stderr, redirect_stdout
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import pytest

import harness
from harness.baselines.baseline import Baseline, Provenance, device_key
from harness.baselines.store import BaselineStore
from harness.cases.selection import select
from harness.cli import main
from harness.execution.runner import Runner


def heed_interrupts() -> None:
    """Undo, in a process about to start, that this one ignores signals, as jobs in the background do."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


PIPELINES = Path(__file__).parent / "pipelines_for_tests.py"


@dataclass(frozen=True)
class Compared:
    """What a comparing run of pytest said: every case's verdict and tier, and all that was printed."""

    returncode: int
    verdicts: dict[str, str]
    tiers: dict[str, str]
    text: str

    def explanation(self, name: str) -> str:
        """Return what was printed about the failed case ``suite/id``."""
        # pytest rules off one failure from the next, and the failures from what follows.
        found = re.search(rf"^_+ {re.escape(name)} _+\n(.*?)(?=^_+ \S+ _+$|^=+ )", self.text, re.M | re.S)
        assert found, self.text
        return found[1]


class Project:
    """A folder with `suites/`, `baselines/` and `pipelines.py`, and both doors run on it as processes."""

    def __init__(self, root: Path) -> None:
        self.root = self.place = root
        self.environment = {**os.environ, "COLUMNS": "200"}
        root.mkdir(exist_ok=True)
        (root / "pipelines.py").write_text(PIPELINES.read_text())
        (root / "suites").mkdir(exist_ok=True)
        # A root folder of its own, so that this repository's settings do not apply.
        (root / "pytest.ini").write_text("[pytest]\n")

    def copy(self, root: Path) -> Project:
        """Return a copy of this project in the folder ``root``."""
        shutil.copytree(self.root, root)
        return Project(root)

    def within(self, folder: str) -> Project:
        """Return this project, its processes started in ``folder``."""
        inside = copy(self)
        inside.place = self.root / folder
        return inside

    def suite(self, name: str, text: str) -> Path:
        path = self.root / "suites" / f"{name}.yaml"
        path.write_text(text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def edit_core(self, module: str, old: str, new: str) -> None:
        """Give the project's processes a copy of the harness with one place of its code changed."""
        core = self.root / "core"
        package = Path(harness.__file__).parent
        shutil.copytree(package, core / "harness", ignore=shutil.ignore_patterns("__pycache__"))
        path = core / "harness" / module
        text = path.read_text()
        assert text.count(old) == 1, f"{module} no longer has one {old!r}: change what this test edits"
        path.write_text(text.replace(old, new))
        self.environment["PYTHONPATH"] = str(core)

    def started(self, *command: str) -> subprocess.Popen[str]:
        """Start ``python -m`` with ``command`` in a session of its own, as a supervisor does."""
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heed_interrupts,
            start_new_session=True,
        )

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def harness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("harness", *arguments)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as :meth:`harness` does, but in this process: faster for what starts no worker."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.place)
            patch.setattr(sys, "argv", ["harness", *arguments])
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code or 0
        said = (stream.buffer.getvalue().decode() for stream in (out, err))
        return subprocess.CompletedProcess(arguments, code, *said)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("pytest", "-p", "no:cacheprovider", *(arguments or ("suites/",)))

    def compare(self, *arguments: str) -> Compared:
        """Run pytest and read the verdicts from its report; it may write nothing, and print no traceback."""
        report = self.root.with_name(f"{self.root.name}.xml")
        before = self._files()
        done = self.pytest(
            f"--junitxml={report}", "--baseline-dir", "baselines", *(arguments or ("suites/",))
        )
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        assert report.exists(), text
        assert self._files() == before
        verdicts, tiers = {}, {}
        for case in ElementTree.parse(report).iter("testcase"):
            properties = {item.get("name"): item.get("value", "") for item in case.iter("property")}
            place = case.get("classname", "").removesuffix(".yaml").replace(".", "/")
            # Two folders may have a file of one name: their suites have names of their own.
            suite = re.search(r"^suite: (\S+)", (self.root / f"{place}.yaml").read_text(), re.M)
            assert suite
            name = f"{suite[1]}/{case.get('name')}"
            verdicts[name] = properties["verdict"]
            tiers[name] = properties.get("tier", "")
            # What the report says and whether the item failed are one thing.
            passed, skipped = verdicts[name] in ("identical", "within"), case.find("skipped") is not None
            assert (case.find("failure") is None) == (passed or skipped), text
        return Compared(done.returncode, verdicts, tiers, text)

    def record(self, *arguments: str) -> None:
        done = self.harness("record", "suites/", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def keep_baselines(self) -> None:
        """Store a baseline of every case from one run: `record` without its second run in a fresh worker."""
        store = BaselineStore(self.root / "baselines")
        with Runner(import_paths=[self.root]) as runner:
            for case in select([str(self.root / "suites")]).cases:
                measurement = runner.run(case.job())
                provenance = Provenance.of(case, reason="first recording", git_commit=None)
                device = device_key(measurement.fingerprint)
                store.write(Baseline(case.suite, case.id, device, measurement, provenance))

    def _files(self) -> dict[Path, int]:
        """The time of change of every file but those that Python caches."""
        files = (path for path in self.root.rglob("*") if "__pycache__" not in path.parts and path.is_file())
        return {path: path.stat().st_mtime_ns for path in files}

    def baselines(self) -> dict[str, tuple[bytes, int]]:
        """The bytes and the time of change of every file of the baselines; candidates are none."""
        files = sorted(path for path in (self.root / "baselines").glob("[!.]*/**/*") if path.is_file())
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
