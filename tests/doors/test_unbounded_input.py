"""Both doors end with one message, and at once, where an input would block, never end or not fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LONG = "x" * 5_000


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line where it may take neither much time nor much memory."""
    code = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "sys.argv[0] = 'harness'\n"
        "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)\n"
    )
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("inputs")
    os.mkfifo(made / "fifo.yaml")
    os.mkfifo(made / "fifo.db")
    (made / "zero.yaml").symlink_to("/dev/zero")
    (made / "zero.db").symlink_to("/dev/zero")
    with (made / "huge.yaml").open("wb") as sparse:
        sparse.truncate(1 << 40)
    (made / "suite.yaml").write_text(
        "suite: small\n"
        "cases:\n"
        "  - {id: one, pipeline: ddim, checkpoint: builtin:ddpm-digits, seed: 0, steps: 2}\n"
    )
    (made / "project").mkdir()
    (made / "project" / "pyproject.toml").symlink_to("/dev/zero")
    (made / "report").mkdir()
    os.mkfifo(made / "report" / "report.json")
    return made


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["harness", "list", "fifo.yaml"], 4, "fifo.yaml: it is a FIFO, not a file"),
        (["harness", "list", "zero.yaml"], 4, "zero.yaml: it is a device, not a file"),
        (["harness", "list", "huge.yaml"], 4, "huge.yaml: larger than 1 MiB"),
        (["harness", "list", LONG], 4, "File name too long"),
        (["harness", "list", f"suite.yaml::{LONG}"], 4, "there is no case"),
        (["harness", "list", "suite.yaml", "--baseline-dir", LONG], 4, "File name too long"),
        (["harness", "history", "fifo.db"], 4, "fifo.db: no such file"),
        (["harness", "history", LONG], 4, "File name too long"),
        (["harness", "record", "suite.yaml", "--history", "fifo.db"], 4, "fifo.db: not a regular file"),
        (["harness", "record", "suite.yaml", "--history", "zero.db"], 4, "zero.db: not a regular file"),
        (["harness", "report", "report"], 4, "report.json: it is a FIFO, not a file"),
        (["pytest", "-p", "no:cacheprovider", "fifo.yaml"], 4, "fifo.yaml"),
        (["pytest", "-p", "no:cacheprovider", "suite.yaml", "--history", "fifo.db"], 4, "not a regular file"),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, list) else None,
)
def test_one_message_and_an_exit_status(folder: Path, words: list[str], status: int, message: str) -> None:
    done = run(folder, *words)
    text = (done.stdout + done.stderr).replace(LONG, "LONG")
    assert message in text[:3_000]
    assert "Traceback" not in text
    assert done.returncode == status
