"""The verification of a certificate: does it agree with itself, and with the files it was made of?"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.gate.certificate import Certificate, CertificateError, identity
from harness.gate.decision import decide

_PASSING = ("identical", "within")


@dataclass(frozen=True)
class Verification:
    """What was found: what is wrong, and how many files were held to their hashes, of how many named.

    ``missing`` are the folders that were not there to look into.
    """

    certificate: Certificate
    problems: tuple[str, ...]
    files: int
    named: int
    missing: tuple[str, ...]


def verify(path: Path, *, suites: Path | None = None, baselines: Path | None = None) -> Verification:
    """Return what is wrong with the certificate ``path``, read on whatever machine.

    ``suites`` and ``baselines`` are the folders of the files it was made of: those it names itself, relative
    to the current folder, unless given. A folder that was not given need not be there.

    Raises :class:`CertificateError` where the file cannot be read, is damaged or is no certificate, and
    :class:`harness.errors.UsageError` where a folder that was given is not there.
    """
    certificate = _read(path)
    problems = list(_inconsistencies(certificate))
    compared, total, missing = 0, 0, []
    read = [(suite.file, suite.sha256) for suite in certificate.suites]
    held_to = [facts.baseline.files for facts in certificate.cases if facts.baseline is not None]
    for given, named, files in (
        (suites, certificate.suites_root, read),
        (baselines, certificate.baselines_root, [file for each in held_to for file in each.items()]),
    ):
        total += len(files)
        folder = given or Path(named)
        if folder.is_dir():
            compared += len(files)
            problems += _changes(folder, files)
        elif given is not None:
            raise UsageError(f"{given}: no such folder; name the one that the gate was given")
        else:
            missing.append(named)
    return Verification(certificate, tuple(problems), compared, total, tuple(missing))


def _read(path: Path) -> Certificate:
    try:
        return Certificate.from_bytes(path.read_bytes())
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from None
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None


def _inconsistencies(certificate: Certificate) -> Iterator[str]:
    """Yield what contradicts something else in the certificate: what no gate would have written."""
    try:
        again = decide(certificate.policy, certificate.cases, certificate.orphans, certificate.date)
    except (ValueError, TypeError) as error:
        yield f"nothing can be decided on what it holds: {error}"
    else:
        if again != certificate.decision:
            told = f"'{certificate.decision.outcome}', by these facts and this policy it is '{again.outcome}'"
            yield f"its decision does not follow from what it holds: it says {told}"
    yield from _odd_counts(certificate)
    for facts in certificate.cases:
        if facts.verdict is not None and (facts.state != "judged" or facts.baseline is None):
            yield f"{facts.name}: it has a verdict, and was not judged against a baseline"
        if facts.state == "judged" and facts.verdict is None:
            yield f"{facts.name}: it was judged, and has no verdict"
        if facts.verdict in _PASSING and facts.worst is not None and facts.worst.exceeded:
            yield f"{facts.name}: {facts.verdict}, and its {facts.worst.name} is beyond its limit"
        if facts.environment not in (None, *certificate.environments):
            yield f"{facts.name}: its environment is not in the certificate"
        if facts.checkpoint not in (None, *certificate.checkpoints):
            yield f"{facts.name}: its checkpoint is not in the certificate"
    for key, part in (*certificate.environments.items(), *certificate.checkpoints.items()):
        if key != identity(part):
            yield f"the entry {key} is not what its key is the hash of"


def _odd_counts(certificate: Certificate) -> Iterator[str]:
    """Yield the suites of which the certificate has more or fewer cases than the suite had."""
    listed = Counter(facts.suite for facts in certificate.cases)
    for suite in certificate.suites:
        if listed[suite.name] != suite.cases:
            yield f"the suite {suite.name} has {suite.cases} cases, the certificate {listed[suite.name]}"
    for name in sorted(listed.keys() - {suite.name for suite in certificate.suites}):
        yield f"cases of the suite {name}, which is not among its suites"
    repeated = [name for name, count in Counter(f.name for f in certificate.cases).items() if count > 1]
    yield from (f"{name}: it is there more than once" for name in repeated)


def _changes(folder: Path, files: list[tuple[str, str]]) -> Iterator[str]:
    """Yield what differs from the hashes that were certified, file by file."""
    for file, sha256 in files:
        path = folder / file
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:
            yield f"{path}: is gone; it was certified with the sha256 {sha256[:12]}…"
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            yield f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        else:
            if found != sha256:
                yield f"{path}: was changed since: its sha256 is {found[:12]}…, certified {sha256[:12]}…"
