"""The tier is told from the fingerprints, and never in silence."""

from __future__ import annotations

import pytest
from samples import FINGERPRINT

from harness.errors import HarnessError
from harness.judgement.tiers import FieldDifference, Tier, choose_tier, fingerprint_differences
from harness.reporting.figures import difference_text


def test_equal_fingerprints_are_the_same_environment() -> None:
    assert choose_tier(dict(FINGERPRINT), FINGERPRINT) is Tier.SAME_ENVIRONMENT
    assert fingerprint_differences(dict(FINGERPRINT), FINGERPRINT) == ()


@pytest.mark.parametrize("field", ["mindspore", "numpy", "cpu_model", "a field of a later version"])
def test_software_and_the_model_of_cpu_are_across_releases(field: str) -> None:
    assert choose_tier({**FINGERPRINT, field: "other"}, FINGERPRINT) is Tier.ACROSS_RELEASES
    assert choose_tier(FINGERPRINT, {**FINGERPRINT, field: "other"}) is Tier.ACROSS_RELEASES


@pytest.mark.parametrize("field", ["device", "soc", "isa", "cores", "arch", "mode"])
def test_another_device_is_across_devices_whatever_else_differs(field: str) -> None:
    assert choose_tier({**FINGERPRINT, field: "other"}, FINGERPRINT) is Tier.ACROSS_DEVICES
    assert choose_tier({**FINGERPRINT, field: "other", "numpy": "1.25"}, FINGERPRINT) is Tier.ACROSS_DEVICES


def test_differences_come_with_both_values_those_of_the_device_first() -> None:
    measured = {**FINGERPRINT, "cores": "2", "cann": "8.3"}
    del measured["numpy"]
    differences = fingerprint_differences(measured, FINGERPRINT)
    assert differences == (
        FieldDifference("cores", "2", "1"),
        FieldDifference("cann", "8.3", None),
        FieldDifference("numpy", None, "1.26.4"),
    )
    assert [difference_text(difference) for difference in differences] == [
        "cores: 1 -> 2",
        "cann: (absent) -> 8.3",
        "numpy: 1.26.4 -> (absent)",
    ]


def test_two_empty_fingerprints_are_not_the_same_environment() -> None:
    for pair in (({}, {}), (FINGERPRINT, {}), ({}, FINGERPRINT)):
        with pytest.raises(HarnessError, match="does not say its device"):
            choose_tier(*pair)


def test_the_key_of_the_tolerance_and_the_words() -> None:
    assert [(tier.value, tier.words) for tier in Tier] == [
        ("same_environment", "same environment"),
        ("across_releases", "across releases"),
        ("across_devices", "across devices"),
    ]
