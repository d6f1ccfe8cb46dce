"""Who measured candidates: a signature over their files, which one may trust more than their place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harness.baselines.candidates import CandidateError
from harness.baselines.errors import shown
from harness.errors import HarnessError
from harness.foreign_files import ForeignFileMissing, read_foreign
from harness.gate.certificate import parsed
from harness.gate.signing import STATEMENT, Signer, SigningKey, envelope_in
from harness.operations.destination import write_result

# In the folder of the candidates.
SIGNATURE = "signature.json"
_PREDICATE = "urn:determinism-harness:candidates:1"
_MOST_BYTES = 1 << 26


def sign_candidates(folder: Path, files: Mapping[str, str], key: SigningKey) -> None:
    """Sign ``files``, the sha256 of each candidate by its path in ``folder``; replaces older signatures."""
    content = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in sorted(files.items())],
        "predicateType": _PREDICATE,
        "predicate": {},
    }
    payload = json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    write_result(folder / SIGNATURE, key.sign_statement(payload))


def signed_candidates(folder: Path, signer: Signer) -> dict[str, str]:
    """Return the sha256 of each candidate in ``folder`` that ``signer`` signed, by its path there.

    Raises :class:`CandidateError` if there is no such signature.
    """
    path = folder / SIGNATURE
    try:
        envelope = envelope_in(read_foreign(path, limit=_MOST_BYTES, root=folder))
        if envelope is None or not signer.signed(envelope):
            raise CandidateError(f"the key {signer.keyid} did not sign these candidates")
        content = parsed(envelope.payload)
        if content["predicateType"] != _PREDICATE:
            raise CandidateError("it signs something else than candidates")
        return {each["name"]: each["digest"]["sha256"] for each in content["subject"]}
    except ForeignFileMissing:
        raise CandidateError(f"{shown(path)}: there is no signature of these candidates") from None
    except HarnessError as error:
        raise CandidateError(f"{shown(path)}: {error}") from None
    except (KeyError, TypeError):
        raise CandidateError(f"{shown(path)}: its statement is not one of candidates") from None
