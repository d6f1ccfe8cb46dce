"""Tiers: how similar two environments are, derived from their fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from harness.baselines.baseline import is_cpu
from harness.baselines.calibration import Calibration
from harness.cases.case import Case
from harness.cases.tolerance import Calibrated
from harness.errors import HarnessError
from harness.remedy import Action, Remedy, Where

# A difference in these fields means a different kind of device. All other fields are software or the CPU
# model. The mode is included because graph mode fuses operators, which in float16 moves the output further
# than any release does, and so are the settings of its compiler. A case states both, so this matters only to
# those who compare across modes on purpose.
DEVICE_FIELDS = ("device", "soc", "board", "isa", "cores", "arch", "mode", "jit")
# ISA and cores moved the shipped cases by up to 1.8 times the envelope, and a release by up to 1.1 times
# (docs/judging.md). Across devices, the safety factor is therefore multiplied by this.
DEVICE_FACTOR = 2.5


class Tier(str, Enum):
    """How similar the environments of a measurement and its baseline are; the value is the tolerance key."""

    SAME_ENVIRONMENT = "same_environment"
    ACROSS_RELEASES = "across_releases"
    ACROSS_DEVICES = "across_devices"

    @property
    def words(self) -> str:
        """The tier as worded in a sentence."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class FieldDifference:
    """A field of the fingerprint with the values of both sides; None if a side lacks the field."""

    name: str
    measured: str | None
    baseline: str | None


def fingerprint_differences(
    measured: Mapping[str, str], baseline: Mapping[str, str]
) -> tuple[FieldDifference, ...]:
    """Return the fields in which two fingerprints differ: device fields first, then the others by name."""
    names = (name for name in measured.keys() | baseline.keys() if measured.get(name) != baseline.get(name))
    ordered = sorted(names, key=lambda name: (name not in DEVICE_FIELDS, name))
    return tuple(FieldDifference(name, measured.get(name), baseline.get(name)) for name in ordered)


def choose_tier(measured: Mapping[str, str], baseline: Mapping[str, str]) -> Tier:
    """Return the tier in which a measurement and a baseline with these fingerprints are compared.

    Equal fingerprints mean the same environment. If the device fields (type, SoC, ISA, visible cores,
    architecture, mode) are equal and anything else differs, the tier is across releases. Otherwise it is
    across devices.

    Raises :class:`HarnessError` if a fingerprint does not name its device, because two empty fingerprints do
    not mean the same environment.
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
    """Return the factor that a tier's tolerance sets, or else the calibration's own; wider across devices."""
    if asked.factor is not None:
        return asked.factor
    return calibration.factor * (DEVICE_FACTOR if tier is Tier.ACROSS_DEVICES else 1.0)


def calibration_remedy(case: Case, device: str, tier: Tier) -> Remedy:
    """Return what to do so that the baseline of ``case`` on ``device`` has a calibration.

    ``tier`` says how the environment of the run relates to the one in which the baseline was recorded.
    """
    return case.remedy(Action.CALIBRATE, where=where_recorded(device, tier))


def where_recorded(device: str, tier: Tier) -> Where:
    """Return where the baseline on ``device`` was recorded, seen from a run at distance ``tier``.

    ``device`` is a device key: ``cpu``, ``cpu-aarch64`` or an NPU's SoC. A calibration needs the exact bits
    of the baseline, which another environment may not produce.
    """
    if tier is Tier.SAME_ENVIRONMENT:
        return Where.HERE
    if tier is Tier.ACROSS_RELEASES:
        return Where.THIS_DEVICE
    return Where.CPU if is_cpu(device) else Where.NPU
