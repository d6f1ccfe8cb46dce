"""Signed certificates: an in-toto statement in a DSSE envelope, signed with an ed25519 key from a file.

Sources: in-toto Statement v1 (github.com/in-toto/attestation, spec/v1/statement.md); the envelope and the
signed encoding (github.com/secure-systems-lab/dsse, envelope.md and protocol.md); ed25519 (RFC 8032). The
library `cryptography`, in the extra `sign`, makes the signature itself. No network is used.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.foreign_files import ForeignFileError, open_foreign, read_foreign
from harness.gate.certificate import Certificate, CertificateError, parsed

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:determinism-harness:certificate:3"
_MOST_BYTES, _MOST_SIGNATURES = 1 << 14, 16
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Signer:
    """A public key: ``line`` is its SubjectPublicKeyInfo in base64, as on the one line of its PEM file."""

    line: str

    @property
    def keyid(self) -> str:
        """The shortened hex sha256 of the key: a hint for readers; nothing depends on it."""
        return hashlib.sha256(_decoded(self.line)).hexdigest()[:16]

    def signed(self, envelope: Envelope) -> bool:
        """Return whether one of the signatures of ``envelope`` was made with this key."""
        from cryptography.exceptions import InvalidSignature

        key = _public_key(self.line)
        for signature in envelope.signatures:
            try:
                key.verify(signature, pae(PAYLOAD_TYPE, envelope.payload))
            except InvalidSignature:
                continue
            return True
        return False


@dataclass(frozen=True)
class SigningKey:
    """A private key and its public key."""

    key: Any
    signer: Signer

    def sign(self, certificate: Certificate) -> bytes:
        """Return the bytes of the envelope of ``certificate``."""
        return self.sign_statement(statement(certificate))

    def sign_statement(self, payload: bytes) -> bytes:
        """Return the bytes of the envelope of an in-toto statement."""
        signature = self.key.sign(pae(PAYLOAD_TYPE, payload))
        signed = {"keyid": self.signer.keyid, "sig": base64.b64encode(signature).decode()}
        envelope = {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [signed],
        }
        return (json.dumps(envelope, indent=1) + "\n").encode("ascii")


@dataclass(frozen=True)
class Envelope:
    """The contents of an envelope: the statement's bytes, and signatures by anyone."""

    payload: bytes
    signatures: tuple[bytes, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes to sign for a payload: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement(certificate: Certificate) -> bytes:
    """Return the in-toto statement of ``certificate``: its files with their digests, and the certificate."""
    files = {f"{certificate.suites_root}/{suite.file}": suite.sha256 for suite in certificate.suites}
    for facts in certificate.cases:
        if facts.baseline is not None:
            files |= {
                f"{certificate.baselines_root}/{file}": sha for file, sha in facts.baseline.files.items()
            }
    if certificate.policy_file is not None:
        files[certificate.policy_file.file] = certificate.policy_file.sha256
    if certificate.power is not None:
        files[certificate.power.file.file] = certificate.power.file.sha256
    content = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in sorted(files.items())],
        "predicateType": PREDICATE,
        "predicate": json.loads(certificate.to_bytes()),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def envelope_in(data: bytes) -> Envelope | None:
    """Return the envelope in ``data``, or None if it is something else, perhaps a bare certificate.

    Raises :class:`CertificateError` if the envelope is damaged or contains something else.
    """
    content = parsed(data)
    if not isinstance(content, dict) or "payloadType" not in content:
        return None
    if content["payloadType"] != PAYLOAD_TYPE:
        raise CertificateError(
            f"it is an envelope, but its payload is not an in-toto statement ({PAYLOAD_TYPE})"
        )
    signatures = content.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise CertificateError(f"the envelope has no list of 1 to {_MOST_SIGNATURES} signatures")
    try:
        found = tuple(_decoded(each["sig"]) for each in signatures)
        return Envelope(_decoded(content["payload"]), found)
    except (ValueError, TypeError, KeyError):
        raise CertificateError("the envelope's payload or a signature is not base64") from None


def certificate_in(envelope: Envelope) -> Certificate:
    """Return the certificate in an envelope, whoever signed it; raises :class:`CertificateError`."""
    content = parsed(envelope.payload)
    predicate = content.get("predicate") if isinstance(content, dict) else None
    if not isinstance(predicate, dict) or content.get("predicateType") != PREDICATE:
        raise CertificateError(f"its statement does not hold a certificate ({PREDICATE})")
    certificate = Certificate.from_content(predicate)
    if statement(certificate) != envelope.payload:
        raise CertificateError("its statement does not match the certificate in it: it was edited")
    return certificate


def unsigned_by(envelope: Envelope | None, demanded: Sequence[tuple[str, Signer]]) -> list[str]:
    """Return a problem for each ``demanded`` key that did not sign, which says who demands it."""
    return [
        f"{who} demands the signature of the key {signer.keyid}, "
        + ("and it is not signed" if envelope is None else "which it does not have")
        for who, signer in demanded
        if envelope is None or not signer.signed(envelope)
    ]


def signer_in(path: Path) -> Signer:
    """Return the public key in a PEM file; raises :class:`UsageError` if it is not an ed25519 key."""
    _require()
    try:
        text = read_foreign(path, limit=_MOST_BYTES).decode("ascii").strip()
    except (ForeignFileError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read a public key from it: {getattr(error, 'reason', error)}"
        ) from None
    lines = text.splitlines()
    if lines[:1] != ["-----BEGIN PUBLIC KEY-----"] or lines[-1:] != ["-----END PUBLIC KEY-----"]:
        raise UsageError(
            f"{path}: not a public key in PEM; write one with: openssl pkey -in KEY -pubout -out {path}"
        )
    try:
        return signer_of("".join(lines[1:-1]))
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def signer_of(line: str) -> Signer:
    """Return the public key encoded as ``line``, as in a policy; raises ValueError if it is not one."""
    _require()
    _public_key(line)
    return Signer(base64.b64encode(_decoded(line)).decode())


def signing_key(path: Path) -> SigningKey:
    """Return the private key in a PEM file that nobody else can read; raises :class:`UsageError`."""
    _require()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        with open_foreign(path, limit=_MOST_BYTES) as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise UsageError(f"{path}: others can read or write this private key; chmod 600 {path}")
            data = file.read(_MOST_BYTES)
    except ForeignFileError as error:
        raise UsageError(f"{error}") from None
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is encrypted
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        made = f"openssl genpkey -algorithm ed25519 -out {path}"
        raise UsageError(f"{path}: not an ed25519 key in PEM without a password; make one with: {made}")
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(key, Signer(base64.b64encode(public).decode()))


def _public_key(line: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(_decoded(line))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(
            "it is not an ed25519 public key; write the line between BEGIN and END of its PEM file"
        )
    return key


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (NotBase64, AttributeError) as error:
        raise ValueError(str(error)) from None


def _require() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError:
        needed = "pip install 'determinism-harness[sign]'"
        raise UsageError(
            f"signatures need the package cryptography, which is not installed: {needed}"
        ) from None
