"""Tiers: how alike two environments are, derived from their fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated
from harness.errors import HarnessError
from harness.remedy import Action, Remedy, Where

# Fields that make it another kind of device; all others are software, or the model of CPU. The mode is among
# them as graph mode fuses operators: in float16 that moves the output further than any release does. A case
# says its mode, so this is for those who look across modes on purpose.
DEVICE_FIELDS = ("device", "soc", "isa", "cores", "arch", "mode")
# ISA and cores moved the shipped cases by up to 1.8 times the envelope, a release by up to 1.1 times
# (docs/judging.md), so across devices the safety factor is this many times what it is across releases.
DEVICE_FACTOR = 2.5


class Tier(str, Enum):
    """How alike the environments of a measurement and its baseline are; the value is the tolerance's key."""

    SAME_ENVIRONMENT = "same_environment"
    ACROSS_RELEASES = "across_releases"
    ACROSS_DEVICES = "across_devices"

    @property
    def words(self) -> str:
        """The tier as it is said in a sentence."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class FieldDifference:
    """A field of the fingerprint with both sides' values; None where a side has no such field."""

    name: str
    measured: str | None
    baseline: str | None


def fingerprint_differences(
    measured: Mapping[str, str], baseline: Mapping[str, str]
) -> tuple[FieldDifference, ...]:
    """Return the fields in which two fingerprints differ, those of the device first, then by name."""
    names = (name for name in measured.keys() | baseline.keys() if measured.get(name) != baseline.get(name))
    ordered = sorted(names, key=lambda name: (name not in DEVICE_FIELDS, name))
    return tuple(FieldDifference(name, measured.get(name), baseline.get(name)) for name in ordered)


def choose_tier(measured: Mapping[str, str], baseline: Mapping[str, str]) -> Tier:
    """Return the tier in which a measurement and a baseline with these fingerprints are compared.

    Equal fingerprints: same environment. The device's fields (type, SoC, ISA, visible cores, architecture,
    mode) equal and anything else different: across releases. Otherwise across devices.

    Raises :class:`HarnessError` where a fingerprint does not say its device: two empty ones are not the same
    environment.
    """
    for fingerprint, whose in ((measured, "measurement"), (baseline, "baseline")):
        if not fingerprint.get("device"):
            raise HarnessError(f"the fingerprint of the {whose} does not say its device; run harness doctor")
    different = {difference.name for difference in fingerprint_differences(measured, baseline)}
    if not different:
        return Tier.SAME_ENVIRONMENT
    if different.isdisjoint(DEVICE_FIELDS):
        return Tier.ACROSS_RELEASES
    return Tier.ACROSS_DEVICES


def safety_factor(tier: Tier, asked: Calibrated, calibration: Calibration) -> float:
    """Return the factor that a tier's tolerance asks for, or the calibration's own, wider across devices."""
    if asked.factor is not None:
        return asked.factor
    return calibration.factor * (DEVICE_FACTOR if tier is Tier.ACROSS_DEVICES else 1.0)


def calibration_remedy(case: Case, device: str, tier: Tier) -> Remedy:
    """Return what to do for the baseline of ``case`` on ``device`` to have a calibration.

    ``tier`` is how the environment of the run stands to where the baseline was recorded.
    """
    return case.remedy(Action.CALIBRATE, where=where_recorded(device, tier))


def where_recorded(device: str, tier: Tier) -> Where:
    """Return where the baseline on ``device`` was recorded, as seen from a run that is ``tier`` from there.

    ``device`` is a key, ``cpu`` or an NPU's SoC. A calibration needs the baseline's own bits, which another
    environment need not give.
    """
    if tier is Tier.SAME_ENVIRONMENT:
        return Where.HERE
    if tier is Tier.ACROSS_RELEASES:
        return Where.THIS_DEVICE
    return Where.CPU if device == "cpu" else Where.NPU
