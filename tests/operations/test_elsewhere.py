"""Candidates from elsewhere: a seal is no origin, so they need a trusted signature, or to run here."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
from samples import FINGERPRINT, make_measurement
from waiting import Counting, Place

from harness.baselines.candidates import CandidateError, CandidateStore
from harness.baselines.origin import Origin
from harness.gate.signing import SigningKey, signer_in, signing_key
from harness.judgement.reasons import NotRepeatable
from harness.operations.accept import Rejection, accept, reject
from harness.operations.review import (
    FromElsewhere,
    OneRun,
    OtherEnvironment,
    ToRunAgain,
    Trust,
)
from harness.operations.signed_candidates import SIGNATURE, sign_candidates, signed_candidates

ORIGIN = Origin("lab/pipelines", "https://github.com/lab/pipelines/actions/runs/7", "ab" * 20)
TAKEN = Trust(elsewhere=True)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    made = Place(tmp_path)
    made.candidates = CandidateStore(tmp_path / "artifact")
    return made


def a_key(folder: Path, name: str) -> SigningKey:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    path = folder / f"{name}.pem"
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)
    return signing_key(path)


def signed(place: Place, folder: Path, name: str = "ci") -> Trust:
    """Sign what is there with a new key, and trust the key."""
    files = {
        path.relative_to(place.candidates.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in place.candidates.root.glob("*/*/*.safetensors")
    }
    sign_candidates(place.candidates.root, files, a_key(folder, name))
    trusted = signed_candidates(place.candidates.root, signer_in(folder / f"{name}.pub"))
    assert trusted == files
    return Trust(elsewhere=True, signed=trusted)


def test_neither_a_seal_nor_its_place_is_an_origin(place: Place) -> None:
    one, two, _ = place.cases
    place.keep(one)
    place.keep(two, origin=ORIGIN)
    assert {type(each.obstacle) for each in place.pending(trust=TAKEN)} == {FromElsewhere}
    # One that somebody has copied into the folder of one's own.
    found = {each.key.case_id: each.obstacle for each in place.pending()}
    assert found == {"one": None, "two": FromElsewhere(ORIGIN)}
    workers = Counting()
    refused = accept(place.pending(two), place.store, place.candidates, workers, "a reason")
    assert not refused.passed
    assert (place.store.stored(), workers.runs) == ((), 0)


def test_in_the_ci_run_itself_they_are_at_home(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ACTIONS", "true"), ("REPOSITORY", "lab/pipelines"), ("RUN_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_SHA", ORIGIN.commit)
    place.keep(place.cases[0], origin=ORIGIN)
    assert place.pending()[0].obstacle is None
    assert place.pending(trust=TAKEN)[0].obstacle == FromElsewhere(ORIGIN)


def test_a_trusted_signature_is_enough_and_the_origin_goes_into_the_provenance(
    place: Place, tmp_path: Path
) -> None:
    one, two, _ = place.cases
    place.keep(one, origin=ORIGIN)
    trust = signed(place, tmp_path)
    place.keep(two, origin=ORIGIN)  # put beside it afterwards
    found = place.pending(trust=trust)
    assert {each.key.case_id: each.obstacle for each in found} == {
        "one": None,
        "two": FromElsewhere(ORIGIN),
    }
    workers = Counting()
    accept(found, place.store, place.candidates, workers, None)
    assert workers.runs == 0
    assert place.store.load("guide", "one", "cpu").provenance.origin == ORIGIN
    # What lies elsewhere stays there.
    assert len(place.candidates.stored()) == 2
    assert reject(found, place.candidates) == Rejection(())


def test_one_signed_run_runs_once_more(place: Place, tmp_path: Path) -> None:
    place.keep(place.cases[0], runs=1)
    assert place.pending(trust=signed(place, tmp_path))[0].obstacle == OneRun()


def test_a_rerun_must_give_the_same_bits_and_is_what_is_stored(place: Place) -> None:
    one = place.cases[0]
    output = make_measurement().output * 0.5
    # What is not compared bit by bit may not come from elsewhere either.
    claimed = dataclasses.replace(make_measurement(output), replaced_kernels={"Exp": 2**40})
    place.keep(one, measured=claimed, origin=ORIGIN)
    trust = Trust(elsewhere=True, rerun=True)
    found = place.pending(trust=trust)
    assert found[0].obstacle == ToRunAgain()
    (forged,) = accept(found, place.store, place.candidates, Counting(0.6), None).accepted
    assert isinstance(forged.outcome.reason, NotRepeatable)
    assert place.store.stored() == ()
    workers = Counting(0.5)
    assert accept(found, place.store, place.candidates, workers, None).passed
    assert workers.runs == 1
    stored = place.store.load("guide", "one", "cpu")
    assert stored.measurement.replaced_kernels == {}
    provenance = stored.provenance
    assert (provenance.origin, provenance.reason) == (ORIGIN, "first recording")


def test_the_environment_must_be_that_of_the_baseline(place: Place, tmp_path: Path) -> None:
    one = place.cases[0]
    place.record(one)
    output = make_measurement().output * 0.5
    place.keep(one, measured=make_measurement(output, fingerprint={**FINGERPRINT, "mindspore": "2.7.0"}))
    (found,) = place.pending(trust=signed(place, tmp_path))
    assert isinstance(found.obstacle, OtherEnvironment)
    assert [each.name for each in found.obstacle.differences] == ["mindspore"]
    assert place.pending()[0].obstacle is None


def test_only_a_signature_of_candidates_by_the_named_key_counts(place: Place, tmp_path: Path) -> None:
    root = place.candidates.root
    place.keep(place.cases[0])
    other = a_key(tmp_path, "other")
    with pytest.raises(CandidateError, match="there is no signature"):
        signed_candidates(root, other.signer)
    signed(place, tmp_path)
    with pytest.raises(CandidateError, match=f"the key {other.signer.keyid} did not sign"):
        signed_candidates(root, other.signer)
    statement = {"_type": "x", "predicateType": "urn:determinism-harness:certificate:3", "subject": []}
    (root / SIGNATURE).write_bytes(other.sign_statement(json.dumps(statement).encode()))
    with pytest.raises(CandidateError, match="something else than candidates"):
        signed_candidates(root, other.signer)
    for broken in (b"", b"{}", b"[1]", b"\xff", b"{" * 9999):
        (root / SIGNATURE).write_bytes(broken)
        with pytest.raises(CandidateError, match=SIGNATURE):
            signed_candidates(root, other.signer)
    for payload in (b"[]", b'{"predicateType": 1}', b"x"):
        (root / SIGNATURE).write_bytes(other.sign_statement(payload))
        with pytest.raises(CandidateError, match=SIGNATURE):
            signed_candidates(root, other.signer)
