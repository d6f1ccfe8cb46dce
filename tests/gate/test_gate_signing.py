"""Signed certificates: who signed counts, and nothing that a signature is not over."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import pytest
from gate_facts import case_facts, certificate
from user_project import Project

from harness.errors import UsageError
from harness.gate.certificate import CertificateError, HashedFile
from harness.gate.policy import Policy
from harness.gate.policy_file import read_policy
from harness.gate.signing import (
    PAYLOAD_TYPE,
    STATEMENT,
    Envelope,
    envelope_in,
    pae,
    signer_in,
    signer_of,
    signing_key,
    statement,
)
from harness.operations.verify import verify


def openssl_like(key, password=b""):
    from cryptography.hazmat.primitives import serialization as s

    hidden = s.BestAvailableEncryption(password) if password else s.NoEncryption()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, hidden)


def public_pem(key):
    from cryptography.hazmat.primitives import serialization as s

    return key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


def other_algorithm():
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def key_pair(folder, name):
    """Write an ed25519 key and its public one, as openssl does; return the key and both paths."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    key = ed25519.Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.touch(mode=0o600)
    private.write_bytes(openssl_like(key))
    public.write_bytes(public_pem(key))
    return key, private, public


@pytest.fixture
def ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return key_pair(tmp_path, "ours")


@pytest.fixture
def theirs(ours, tmp_path):
    return key_pair(tmp_path, "theirs")


def line_of(public):
    return signer_in(public).line


def test_what_is_signed_is_encoded_as_the_specification_of_dsse_says():
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("größe", b"") == "DSSEv1 7 größe 0 ".encode()


def test_an_envelope_holds_an_in_toto_statement_that_others_can_verify(ours):
    key, private, _ = ours
    made = certificate(policy_file=HashedFile("policy.yaml", "7" * 64))
    envelope = json.loads(signing_key(private).sign(made))
    assert envelope["payloadType"] == "application/vnd.in-toto+json" == PAYLOAD_TYPE
    payload = base64.b64decode(envelope["payload"])
    (signature,) = envelope["signatures"]
    # By the library alone, without any of ours.
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
    key.public_key().verify(base64.b64decode(signature["sig"]), signed)
    content = json.loads(payload)
    assert content["_type"] == "https://in-toto.io/Statement/v1" == STATEMENT
    assert content["predicate"] == json.loads(made.to_bytes())
    assert {each["name"]: each["digest"]["sha256"] for each in content["subject"]} == {
        "suites/guide.yaml": "9" * 64,
        "baselines/guide/one/cpu.json": "b" * 64,
        "baselines/guide/one/cpu.safetensors": "c" * 64,
        "baselines/guide/two/cpu.json": "e" * 64,
        "policy.yaml": "7" * 64,
    }


@pytest.fixture
def verified(tmp_path):
    """Write bytes as a file and verify it with these demands."""

    def verified(data, **demands):
        path = tmp_path / "certificate.json"
        path.write_bytes(data)
        return verify(path, **demands)

    return verified


def test_a_certificate_signed_by_the_key_that_is_asked_for_is_sound(ours, verified):
    _, private, public = ours
    found = verified(signing_key(private).sign(certificate()), signer=public)
    assert (found.problems, found.signed) == ((), True)
    assert found.signers == (signer_in(public).keyid,)


def edited(envelope, **fields):
    return json.dumps({**json.loads(envelope), **fields}).encode()


def encoded(data):
    return base64.b64encode(data).decode()


def resigned(envelope, key):
    """Return an envelope with another signature of the same payload, by ``key``, under the same id."""
    content = json.loads(envelope)
    made = key.sign(pae(PAYLOAD_TYPE, base64.b64decode(content["payload"])))
    return edited(envelope, signatures=[{**content["signatures"][0], "sig": encoded(made)}])


def other_certificate():
    return statement(certificate(case_facts(margin=0.25)))


UNSIGNED = {
    "no envelope": lambda envelope, ours, theirs: certificate().to_bytes(),
    "another key": lambda envelope, ours, theirs: signing_key(theirs[1]).sign(certificate()),
    "another key under our id": lambda envelope, ours, theirs: resigned(envelope, theirs[0]),
    "another certificate": lambda envelope, ours, theirs: edited(
        envelope, payload=encoded(other_certificate())
    ),
    "a signature of the payload alone": lambda envelope, ours, theirs: edited(
        envelope, signatures=[{"sig": encoded(ours[0].sign(statement(certificate())))}]
    ),
    "a short signature": lambda envelope, ours, theirs: edited(envelope, signatures=[{"sig": "AAAA"}]),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_what_is_not_signed_by_the_key_that_is_asked_for_is_not_sound(ours, theirs, verified, name):
    data = UNSIGNED[name](signing_key(ours[1]).sign(certificate()), ours, theirs)
    (problem,) = verified(data, signer=ours[2]).problems
    assert problem.startswith(
        f"--signer {ours[2]} demands the signature of the key {signer_in(ours[2]).keyid}, "
    )


def test_one_of_several_signatures_is_enough(ours, theirs, verified):
    content = json.loads(signing_key(theirs[1]).sign(certificate()))
    content["signatures"] += json.loads(signing_key(ours[1]).sign(certificate()))["signatures"]
    content["more"] = "that other tools add"
    assert verified(json.dumps(content).encode(), signer=ours[2]).problems == ()


@pytest.mark.parametrize("signed", ["not", "by another", "by it"])
@pytest.mark.parametrize("demanding", ["its own policy", "the policy given"])
def test_a_policy_demands_its_signer(ours, theirs, verified, tmp_path, signed, demanding):
    policy = Policy(name="release", signer=line_of(ours[2]))
    made = certificate(policy=policy)
    data = {
        "not": made.to_bytes(),
        "by another": signing_key(theirs[1]).sign(made),
        "by it": signing_key(ours[1]).sign(made),
    }[signed]
    file = tmp_path / "policy.yaml"
    file.write_text(f"policy: release\nsigner: {policy.signer}\n")
    demands = {"policy": file} if demanding == "the policy given" else {}
    found = verified(data, **demands)
    assert len(found.problems) == (signed != "by it")
    assert all("demands the signature of the key" in each for each in found.problems)


def test_whoever_leaves_the_demand_out_has_another_policy(ours, verified, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(f"policy: release\nsigner: {line_of(ours[2])}\n")
    found = verified(certificate(policy=Policy(name="release")).to_bytes(), policy=file)
    assert any(each == "its policy is not the one given" for each in found.problems)
    assert any("demands the signature" in each for each in found.problems)


@pytest.mark.parametrize("line", ["", "AAAA", "no key", "\n::error::x", "ü"])
def test_a_signer_that_is_no_key_is_told(ours, verified, line):
    (problem,) = verified(certificate(policy=Policy(signer=line)).to_bytes()).problems
    assert problem.startswith("the signer in its policy: it is not an ed25519 public key")
    with pytest.raises(ValueError):
        signer_of(line)


def test_the_key_in_a_policy_is_read_and_a_wrong_one_told_with_its_place(ours, tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(f"policy: release\nsigner: {line_of(ours[2])}\n")
    assert read_policy(file, []).signer == line_of(ours[2])
    file.write_text("policy: release\nsigner: AAAA\n")
    with pytest.raises(UsageError, match=r"policy.yaml:2:9: .*it is not an ed25519 public key"):
        read_policy(file, [])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_private_key_that_others_can_read_is_refused(ours, mode):
    ours[1].chmod(mode)
    with pytest.raises(UsageError, match="others can read or write this private key; chmod 600"):
        signing_key(ours[1])


def unsupported_curve():
    """Return the PEM of a key whose curve has a number that the library does not know."""
    body = b"".join(openssl_like(other_algorithm()).splitlines()[1:-1])
    known, other = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030105")
    body = base64.b64encode(base64.b64decode(body).replace(known, other))
    return b"-----BEGIN PRIVATE KEY-----\n%b\n-----END PRIVATE KEY-----\n" % body


NO_KEYS = {
    "nothing": lambda key: b"",
    "no key": lambda key: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "bytes": lambda key: bytes(range(256)) * 4,
    "another algorithm": lambda key: openssl_like(other_algorithm()),
    "an unsupported curve": lambda key: unsupported_curve(),
    "too much": lambda key: b"x" * 20_000,
    "the public one": public_pem,
    "one with a password": lambda key: openssl_like(key, b"password"),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_file_that_is_no_private_key_is_told(ours, name):
    ours[1].write_bytes(NO_KEYS[name](ours[0]))
    with pytest.raises(UsageError, match=r"ours.pem: (not an ed25519 key in PEM|it is larger than)"):
        signing_key(ours[1])


@pytest.mark.parametrize(
    "name", ["nothing", "no key", "bytes", "another algorithm", "too much", "fifo", "none"]
)
def test_a_file_that_is_no_public_key_is_told(ours, tmp_path, name):
    path = tmp_path / "key.pub"
    if name == "fifo":
        os.mkfifo(path)
    elif name == "another algorithm":
        path.write_bytes(public_pem(other_algorithm()))
    elif name != "none":
        path.write_bytes(NO_KEYS[name](ours[0]).replace(b"PRIVATE", b"PUBLIC"))
    with pytest.raises(UsageError, match=r"key.pub: "):
        signer_in(path)


ENVELOPES = {
    "another type": ({"payloadType": "application/json"}, "not an in-toto statement"),
    "no payload": ({"payload": None}, "is not base64"),
    "no base64": ({"payload": "%%%"}, "is not base64"),
    "a number": ({"signatures": 7}, "no list"),
    "no signature in it": ({"signatures": [7]}, "is not base64"),
    "none": ({"signatures": []}, "no list of 1 to 16"),
    "many": ({"signatures": [{"sig": ""}] * 17}, "1 to 16 signatures"),
    "an empty payload": ({"payload": ""}, "invalid JSON"),
    "a list": ({"payload": encoded(b"[]")}, "its statement does not hold a certificate"),
    "deep": ({"payload": encoded(b"[" * 10**5)}, "nested more than 64 levels"),
    "another predicate": (
        {"payload": encoded(b'{"predicateType": "x", "predicate": {}}')},
        "its statement does not hold a certificate",
    ),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_that_is_none_is_told(ours, verified, name):
    changed, told = ENVELOPES[name]
    with pytest.raises(CertificateError, match=told):
        verified(edited(signing_key(ours[1]).sign(certificate()), **changed))


def test_a_statement_about_other_files_is_told(ours, verified):
    """The subject is what other tools look at: it must be what the certificate says."""
    content = json.loads(statement(certificate()))
    content["subject"][0]["digest"]["sha256"] = "0" * 64
    payload = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    envelope = edited(signing_key(ours[1]).sign(certificate()), payload=encoded(payload))
    with pytest.raises(CertificateError, match="does not match the certificate in it"):
        verified(resigned(envelope, ours[0]), signer=ours[2])


def test_every_bit_of_a_signature_counts(ours):
    envelope = envelope_in(signing_key(ours[1]).sign(certificate()))
    signer = signer_in(ours[2])
    assert signer.signed(envelope)
    (signature,) = envelope.signatures
    for bit in range(0, 512, 7):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not signer.signed(Envelope(envelope.payload, (bytes(changed),)))


def test_without_the_library_it_is_told_what_to_install(ours, tmp_path):
    (tmp_path / "unsigned.json").write_bytes(certificate().to_bytes())
    demanding = Policy(signer=line_of(ours[2]))
    (tmp_path / "demanding.json").write_bytes(certificate(policy=demanding).to_bytes())
    code = (
        "import sys; sys.modules['cryptography'] = None; sys.argv = ['harness', *sys.argv[1:]]\n"
        "from harness.cli import main; main()"
    )
    words = {
        ("verify", "unsigned.json", "--signer", "ours.pub"): 4,
        ("verify", "demanding.json"): 4,
        ("verify", "unsigned.json"): 0,
    }
    for line, code_of in words.items():
        done = subprocess.run(
            [sys.executable, "-c", code, *line], capture_output=True, text=True, check=False
        )
        assert done.returncode == code_of, done.stderr
        assert ("pip install 'determinism-harness[sign]'" in done.stderr) is (code_of == 4)


SUITE = """\
suite: small
defaults: {pipeline: "pipelines:sound", seed: 0, steps: 3}
cases:
  - {id: one, tolerance: {across_releases: {relative_l2: 1.0e-6}}}
"""


def test_a_gate_signs_and_its_certificate_is_verified_through_the_commands(tmp_path):
    project = Project(tmp_path / "project")
    project.suite("small", SUITE)
    project.keep_baselines()
    _, _, public = key_pair(project.root, "ours")
    key_pair(project.root, "theirs")
    (project.root / "policy.yaml").write_text(f"policy: release\nsigner: {line_of(public)}\n")
    gate = ("gate", "suites/", "--policy", "policy.yaml", "--certificate", "c.json")
    for words, told in (
        (gate, "but nobody signs here"),
        ((*gate, "--sign-key", "theirs.pem"), "but the key "),
        (("gate", "suites/", "--sign-key", "ours.pem"), "--sign-key needs --certificate FILE"),
        ((*gate, "--sign-key", "ours.pub"), "ours.pub: "),
    ):
        done = project.harness(*words)
        assert (done.returncode, told in done.stderr) == (4, True), done.stderr
        assert not (project.root / "c.json").exists()
    done = project.harness(*gate, "--sign-key", "ours.pem")
    assert done.returncode == 0, done.stdout + done.stderr
    keyid = signer_in(public).keyid
    done = project.harness("verify", "c.json", "--signer", "ours.pub", "--policy", "policy.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"signed by the key {keyid}\n" in done.stdout
    done = project.harness("verify", "c.json", "--signer", "theirs.pub")
    assert done.returncode == 1
    assert "failed  --signer theirs.pub demands the signature of the key " in done.stdout
    assert f"signed by the key {keyid}" not in done.stdout
