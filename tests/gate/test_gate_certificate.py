"""Certificates: what is written is read, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from gate_facts import case_facts, certificate, chaos, held_to, waiver, without_verdict
from hypothesis import given
from hypothesis import strategies as st
from samples import said

from harness.codec import from_json, to_json
from harness.gate.certificate import Certificate, CertificateError, HashedFile, PowerTable, seal_of
from harness.gate.facts import Worst
from harness.gate.policy import Policy, SoakDemand

WRITTEN = certificate(
    case_facts(margin=math.inf, worst=Worst("max_abs", math.nan, 0.0, at_least=False), verdict="drift"),
    case_facts("two", chaos=chaos(), notes=said("naïve “quotes”\n")),
    without_verdict("stale", "steps: 2 -> 3", case_id="three"),
    policy=Policy(tags={"nightly": ("identical",)}, waivers=(waiver(),)),
    power=PowerTable(HashedFile("power.json", "5" * 64), {"format": 1, "cases": []}),
    orphans=("guide/gone/cpu",),
).to_bytes()


def resealed(change):
    """The bytes of a certificate whose content was changed by someone who knows how seals are made."""
    data = json.loads(WRITTEN)
    change(data)
    data.pop("seal")
    return (json.dumps({**data, "seal": seal_of(data)}, sort_keys=True, indent=1) + "\n").encode()


def test_what_is_written_is_read_again():
    read = Certificate.from_bytes(WRITTEN)
    assert read.to_bytes() == WRITTEN
    assert read.cases[0].margin == math.inf
    assert math.isnan(read.cases[0].worst.measured)
    assert read.decision.outcome == "incomplete"
    assert Certificate.from_bytes(certificate().to_bytes()) == certificate()


def test_certificates_from_before_gates_of_some_suites_are_read():
    assert "only" not in json.loads(WRITTEN)
    some = dataclasses.replace(certificate(), only=True)
    assert json.loads(some.to_bytes())["only"] is True
    assert Certificate.from_bytes(some.to_bytes()) == some
    with pytest.raises(CertificateError, match="its bytes are not those"):
        Certificate.from_bytes(resealed(lambda data: data.update(only=False)))


def test_certificates_from_before_there_were_facts_are_read():
    assert '"facts"' not in WRITTEN.decode()
    facts = certificate(case_facts(baseline=held_to(facts=True)), policy=Policy(facts=True))
    assert Certificate.from_bytes(facts.to_bytes()) == facts
    data = json.loads(facts.to_bytes())
    assert (data["policy"]["facts"], data["cases"][0]["baseline"]["facts"]) == (True, True)


def test_certificates_from_before_runs_were_counted_are_read():
    assert not re.search('"(soak|runs|deviating)"', WRITTEN.decode())
    policy = Policy(soak=SoakDemand(0.05))
    counted = certificate(case_facts(baseline=held_to(runs=60, deviating=0)), policy=policy)
    assert Certificate.from_bytes(counted.to_bytes()) == counted
    data = json.loads(counted.to_bytes())
    assert data["policy"]["soak"] == {"bound": 0.05, "confidence": 0.95}
    held = data["cases"][0]["baseline"]
    assert (held["runs"], held["deviating"]) == (60, 0)


def test_a_change_of_any_byte_is_noticed():
    for place in range(len(WRITTEN)):
        for change in (0x01, 0x20, 0x80):
            changed = bytearray(WRITTEN)
            changed[place] ^= change
            with pytest.raises(CertificateError):
                Certificate.from_bytes(bytes(changed))


@given(st.integers(0, len(WRITTEN) - 1), st.binary(max_size=3))
def test_any_other_text_in_the_place_of_a_byte_is_noticed(place, text):
    changed = WRITTEN[:place] + text + WRITTEN[place + 1 :]
    if changed == WRITTEN:
        assert Certificate.from_bytes(changed).to_bytes() == WRITTEN
    else:
        with pytest.raises(CertificateError):
            Certificate.from_bytes(changed)


@given(st.binary() | st.text().map(str.encode))
def test_other_bytes_are_no_certificate(data):
    with pytest.raises(CertificateError):
        Certificate.from_bytes(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (WRITTEN[:-20], "truncated"),
        (WRITTEN + b" ", "reformatted or damaged"),
        (json.dumps(json.loads(WRITTEN)).encode(), "reformatted or damaged"),
        (WRITTEN.replace(b'"drift"', b'"within"'), "does not match its seal"),
        (WRITTEN.replace(b'"guide.yaml"', b'"gu\xc3\xafde.yaml"'), "is not ASCII"),
        (b"[]", "not a certificate"),
        (b"{}", "not a certificate"),
        (b"NaN", "NaN is not a JSON number"),
        (b"1e999", "1e999 is not a JSON number"),
        (b"[" * 100_000, "nested more than 64 levels"),
        (b"9" * 10_000, "not a certificate"),
        (b"", "invalid JSON"),
    ],
)
def test_what_is_wrong_is_said(data, told):
    with pytest.raises(CertificateError, match=told):
        Certificate.from_bytes(data)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.update(format=1), "format 1 is unknown; this version of harness reads 3"),
        (lambda data: data.update(format=4), "format 4 is unknown"),
        (lambda data: data.pop("cases"), "the key cases is missing"),
        (lambda data: data.update(more=1), "the key more is unknown"),
        (lambda data: data["cases"][0].update(line="4"), r"cases\[0\].line is of another type"),
        (lambda data: data["cases"][0].update(line=True), r"cases\[0\].line is of another type"),
        (lambda data: data["cases"][0].update(verdict="fine"), r"cases\[0\].verdict is of another type"),
        (lambda data: data["cases"][0].update(margin="much"), r"cases\[0\].margin is of another type"),
        (lambda data: data.update(cases={}), "cases is of another type"),
        (lambda data: data.update(environments=[]), "environments is of another type"),
        (lambda data: data.update(policy=None), "policy is of another type"),
    ],
)
def test_content_of_another_form_is_refused_whatever_its_seal(change, told):
    with pytest.raises(CertificateError, match=told):
        Certificate.from_bytes(resealed(change))


def test_the_seal_itself_keeps_nobody_from_forging():
    """What the documentation admits: without a key a seal is no signature."""
    forged = Certificate.from_bytes(resealed(lambda data: data.update(date="2020-01-01T00:00:00+00:00")))
    assert forged.date.startswith("2020")


def test_every_field_is_written():
    data = json.loads(WRITTEN)
    written = {field.name for field in dataclasses.fields(Certificate)} | {"seal"}
    # As in certificates from before one could gate some suites only.
    assert data.keys() == written - {"only"}
    facts = case_facts()
    assert from_json(type(facts), to_json(facts)) == facts
