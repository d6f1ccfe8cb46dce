"""A first look at a machine, for someone else to examine: two cases, run twice, in one archive to send."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.baselines.store import BaselineStore
from harness.cases.load import load_suite
from harness.errors import HarnessError
from harness.foreign_files import read_foreign
from harness.operations.check import as_baseline
from harness.operations.destination import write_result
from harness.operations.doctor import Examination, diagnose
from harness.operations.progress import SILENT, Progress, stage
from harness.operations.proposal import Proposal, propose
from harness.operations.redaction import KNOWN_VARIABLES, Redaction
from harness.operations.workers import Workers

_SUITE = Path(__file__).with_name("doctor.yaml")
_PACKAGES = ("mindspore", "mindone", "numpy", "safetensors", "transformers")
# The files in which CANN and the driver record their versions, down to the depth their installers use.
_ASCEND = Path("/usr/local/Ascend")
_VERSION_FILES = ("*.info", "*/*.info", "*/*/*.info")
_MOST_FILES, _LARGEST_FILE = 100, 1 << 16
_NPU_SMI_SECONDS = 30


@dataclass(frozen=True)
class FirstRun:
    """The result of the first cases on a machine.

    ``proposal`` is the result of each case in two fresh workers, or None if no worker starts. ``measured``
    maps file names relative to the folder of baselines to the files of the cases that repeat. ``packages``
    are the versions installed along with harness, ``variables`` are the known variables that are set, ``npu``
    is the output of ``npu-smi info``, and ``versions`` are the version files of CANN and the driver.
    ``redaction`` removes what must not be sent.
    """

    examination: Examination
    proposal: Proposal | None
    measured: Mapping[str, bytes]
    python: str
    packages: Mapping[str, str]
    variables: Mapping[str, str]
    npu: str
    versions: Mapping[str, str]
    redaction: Redaction

    @property
    def left_out(self) -> tuple[str, ...]:
        """Those of ``measured`` that are not sent: text would be taken out of them, and break their seal."""
        sealed = {name: json.loads(data) for name, data in self.measured.items() if name.endswith(".json")}
        return tuple(name for name, found in sealed.items() if self.redaction.data(found) != found)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with the machine, and every case ran and repeats."""
        return self.examination.healthy and self.proposal is not None and not self.proposal.refusals


def first_run(workers: Workers, progress: Progress[Any] = SILENT) -> FirstRun:
    """Examine this machine, run the two cases of ``doctor.yaml`` twice each, and keep what repeats.

    Anything that cannot be done is part of the result. Raises :class:`harness.errors.Interrupted` if it is
    interrupted.
    """
    cases = load_suite(_SUITE).cases
    proposal, measured = None, dict[str, bytes]()
    with (
        tempfile.TemporaryDirectory(prefix="harness-doctor-") as folder,
        stage(progress, "running", 2 * len(cases), interrupted="no archive was written"),
        workers.runner() as runner,
    ):
        examination = diagnose(runner)
        if examination.fingerprint:
            store = BaselineStore(Path(folder))
            proposal = propose(cases, runner, store, progress)
            for each in proposal.proposed:
                store.write(as_baseline(each.case, each.measurement))
            files = filter(Path.is_file, Path(folder).rglob("*"))
            measured = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(files)}
    return FirstRun(
        examination=examination,
        proposal=proposal,
        measured=measured,
        python=sys.version,
        packages=dict(_packages()),
        variables={name: os.environ[name] for name in KNOWN_VARIABLES if name in os.environ},
        npu=_npu_smi(),
        versions=dict(_version_files()),
        redaction=Redaction.of_this_process(examination.fingerprint.values()),
    )


def write_bundle(path: Path, texts: Mapping[str, Any], found: FirstRun) -> None:
    """Write ``texts``, each a string or JSON values, and the files of ``found`` to the zip archive ``path``.

    All text is redacted. Files are written unchanged, or left out. Raises :class:`HarnessError` if the
    archive cannot be written.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in texts.items():
            told = found.redaction.data(text)
            made.writestr(name, told if isinstance(told, str) else json.dumps(told, indent=2) + "\n")
        for name in sorted(found.measured.keys() - found.left_out):
            made.writestr(f"baselines/{name}", found.measured[name])
    write_result(path, archive.getvalue())


def _packages() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _npu_smi() -> str:
    command = ["npu-smi", "info"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_NPU_SMI_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return asked.stdout + asked.stderr


def _version_files() -> Iterator[tuple[str, str]]:
    folders = dict.fromkeys([_ASCEND, Path(os.environ.get("ASCEND_HOME_PATH") or _ASCEND)])
    found = [path for folder in folders for pattern in _VERSION_FILES for path in folder.glob(pattern)]
    for path in sorted(found)[:_MOST_FILES]:
        try:
            yield str(path), read_foreign(path, limit=_LARGEST_FILE).decode(errors="replace")
        except HarnessError as error:
            yield str(path), str(error)
