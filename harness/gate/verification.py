"""The verification of a certificate: is it consistent, and does it match the files it was made from?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path, PurePath

from harness.codec import to_json
from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, ForeignFileMissing, hash_foreign, read_foreign
from harness.gate.certificate import Certificate, CertificateError, identity
from harness.gate.decision import Decision, decide
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy
from harness.gate.signing import Envelope, Signer, certificate_in, envelope_in, signer_of, unsigned_by

PASSING = ("identical", "within")
# A case takes about 2 KB in a certificate.
_MOST_BYTES = 64 << 20
_UNDECIDED = Decision("incomplete", (), ())


@dataclass(frozen=True)
class Verification:
    """The result: the problems, and how many of the named files were compared with their hashes.

    The decision in ``certificate`` is the one that follows from its facts, whatever the file said.
    ``missing`` are the folders that were not examined: they do not exist, or are only named by the
    certificate and not below the current folder. ``suites`` and ``baselines`` are the paths of the folders
    that were examined. ``signed`` says whether the certificate is in an envelope. ``signers`` are the ids of
    the demanded keys; each of them did sign unless there is a problem.
    """

    certificate: Certificate
    signed: bool
    signers: tuple[str, ...]
    problems: tuple[str, ...]
    files: int
    named: int
    missing: tuple[str, ...]
    suites: Path | None
    baselines: Path | None


def inspect(
    path: Path,
    *,
    suites: Path | None = None,
    baselines: Path | None = None,
    demanded: Sequence[tuple[str, Signer]] = (),
    policy: Policy | None = None,
) -> Verification:
    """Return what is wrong with the certificate ``path``; works on any machine.

    ``suites`` and ``baselines`` are the folders of the files it was made from. By default they are the
    folders that the certificate names, if those are below the current folder; such a folder need not exist.
    ``demanded`` are the keys that must have signed it, and who demands each; the key in its own policy is
    demanded as well. If ``policy`` is given, the certificate must have been made with it.

    Raises :class:`CertificateError` if the file is damaged or not a certificate,
    :class:`harness.foreign_files.ForeignFileError` if it cannot be read, and
    :class:`harness.errors.UsageError` if a given folder does not exist.
    """
    certificate, envelope = _read(path)
    decision, problems = _decided(certificate)
    if policy is not None and policy != certificate.policy:
        problems.append("its policy is not the one given")
    own, told = _own_demand(certificate)
    demanded = [*demanded, *(each for each in own if each[1] not in [signer for _, signer in demanded])]
    problems += [*told, *unsigned_by(envelope, demanded)]
    problems += _inconsistencies(certificate)
    compared, total = 0, 0
    missing: list[str] = []
    folders: list[Path | None] = []
    read = [(suite.file, suite.sha256) for suite in certificate.suites]
    held_to = [facts.baseline.files for facts in certificate.cases if facts.baseline is not None]
    for given, named, files in (
        (suites, certificate.suites_root, read),
        (baselines, certificate.baselines_root, [file for each in held_to for file in each.items()]),
    ):
        total += len(files)
        if given is not None and not given.is_dir():
            raise UsageError(f"{given}: no such folder; name the one that the gate was given")
        folders.append(folder := given or _followed(named))
        if folder is not None:
            compared += len(files)
            problems += _changes(folder, files)
        else:
            missing.append(named)
    table = None if certificate.power is None else certificate.power.file
    for file in (certificate.policy_file, table):
        total += file is not None
        if file is not None and (place := below_here(file.file)) is not None:
            compared += 1
            problems += _changes(Path(), [(str(place), file.sha256)])
    return Verification(
        replace(certificate, decision=decision),
        envelope is not None,
        tuple(signer.keyid for _, signer in demanded),
        tuple(problems),
        compared,
        total,
        tuple(missing),
        *folders,
    )


def _own_demand(certificate: Certificate) -> tuple[list[tuple[str, Signer]], list[str]]:
    """Return the key that the certificate's own policy demands, and a problem if that is not a key."""
    line = certificate.policy.signer
    try:
        return ([] if line is None else [("its policy", signer_of(line))]), []
    except ValueError as error:
        return [], [f"the signer in its policy: {error}"]


def _followed(named: str) -> Path | None:
    """Return the folder that a certificate names if it is below the current one."""
    return Path(named) if (place := below_here(named)) is not None and place.is_dir() else None


def below_here(named: str) -> Path | None:
    """Return the path that a certificate names, relative to the current folder; None if not below it."""
    try:
        place = Path(named).resolve()
        return place.relative_to(Path.cwd()) if place.exists() else None
    except (OSError, ValueError, RuntimeError):  # a name that is too long, a NUL in it, circular links
        return None


def _read(path: Path) -> tuple[Certificate, Envelope | None]:
    data = read_foreign(path, limit=_MOST_BYTES)
    try:
        if (envelope := envelope_in(data)) is not None:
            return certificate_in(envelope), envelope
        return Certificate.from_bytes(data), None
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from None


def _decided(certificate: Certificate) -> tuple[Decision, list[str]]:
    """Return the decision that follows from the certificate's content, and a problem if its own differs."""
    names = [*(facts.name for facts in certificate.cases), *certificate.orphans]
    if len(set(names)) < len(names):
        return _UNDECIDED, ["it cannot be decided from its content: a case or a baseline occurs twice"]
    try:
        again = decide(certificate.policy, certificate.cases, certificate.orphans, certificate.date)
    except (ValueError, TypeError, OverflowError) as error:
        return _UNDECIDED, [f"nothing can be decided on what it holds: {error}"]
    # Compared as JSON, in which NaN equals NaN.
    if to_json(again) == to_json(certificate.decision):
        return again, []
    told = f"'{certificate.decision.outcome}', by these facts and this policy it is '{again.outcome}'"
    return again, [f"its decision does not follow from what it holds: it says {told}"]


def _inconsistencies(certificate: Certificate) -> Iterator[str]:
    """Yield contradictions within the certificate that no gate would have written."""
    if not certificate.cases:
        yield "it has no cases: nothing was gated"
    if certificate.policy_file is None and certificate.policy != Policy():
        yield "its policy is not the default one, and it names no file of it"
    yield from _odd_counts(certificate)
    for facts in certificate.cases:
        yield from (f"{facts.name}: {problem}" for problem in _impossible(facts))
        if facts.environment is not None and facts.environment not in certificate.environments:
            yield f"{facts.name}: its environment is not in the certificate"
        if facts.checkpoint is not None and facts.checkpoint not in certificate.checkpoints:
            yield f"{facts.name}: its checkpoint is not in the certificate"
    for key, part in (*certificate.environments.items(), *certificate.checkpoints.items()):
        if key != identity(part):
            yield f"the entry {key} is not what its key is the hash of"


def _impossible(facts: CaseFacts) -> Iterator[str]:
    """Yield what no judgement gives; the verdict is derived again from the figures and reasons."""
    if facts.state != "judged":
        if (facts.verdict, facts.tier, facts.margin, facts.bits, facts.worst, facts.baseline) != (None,) * 6:
            yield "it has a verdict, and was not judged"
        return
    if facts.verdict is None:
        yield "it was judged, and has no verdict"
        return
    if facts.baseline is None or facts.environment is None or facts.checkpoint is None or facts.tier is None:
        yield "it has a verdict, but was not judged against a baseline"
    if facts.bits is None:
        yield "it has a verdict, but no bits"
    exceeded = facts.worst is not None and facts.worst.exceeded
    margin = facts.margin
    if facts.worst is not None and (margin is None or not (margin >= 1 if exceeded else 0 <= margin <= 1)):
        yield f"its margin is not that of its {facts.worst.name}"
    if facts.worst is None and margin != (0.0 if facts.verdict == "identical" else None):
        yield "it has a margin, but nothing was limited"
    if facts.verdict in PASSING:
        if exceeded and facts.worst is not None:
            yield f"{facts.verdict}, and its {facts.worst.name} is beyond its limit"
        if facts.reasons:
            yield f"{facts.verdict}, with a reason why it did not pass"
        if facts.verdict == "within" and facts.worst is None:
            yield "within, and nothing was limited"
    elif not facts.reasons:
        yield f"{facts.verdict}, without a reason"


def _odd_counts(certificate: Certificate) -> Iterator[str]:
    """Yield the suites with more or fewer cases in the certificate than the suite had."""
    listed = Counter(facts.suite for facts in certificate.cases)
    for suite in certificate.suites:
        if listed[suite.name] != suite.cases:
            yield f"the suite {suite.name} has {suite.cases} cases, the certificate {listed[suite.name]}"
    for name in sorted(listed.keys() - {suite.name for suite in certificate.suites}):
        yield f"cases of the suite {name}, which is not among its suites"
    repeated = [name for name, count in Counter(f.name for f in certificate.cases).items() if count > 1]
    yield from (f"{name}: it is there more than once" for name in repeated)


def _changes(folder: Path, files: list[tuple[str, str]]) -> Iterator[str]:
    """Yield every file that no longer matches its certified hash."""
    hash_of = cache(partial(hash_foreign, root=folder))  # one file may be named many times
    for file, sha256 in files:
        path = folder / file
        if PurePath(file).is_absolute() or ".." in PurePath(file).parts:
            yield f"{file}: names no file below its folder"
            continue
        try:
            # Only hashes are compared: the author of a certificate must not learn what else is in the file.
            if hash_of(path) != sha256:
                yield f"{path}: was changed since: it no longer has the certified sha256 {sha256[:12]}…"
        except ForeignFileMissing:
            yield f"{path}: is gone; it was certified with the sha256 {sha256[:12]}…"
        except ForeignFileError as error:
            yield str(error)
