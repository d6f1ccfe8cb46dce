"""Facts of a gate, policies and certificates as the tests need them, without a run."""

from __future__ import annotations

from typing import Any

from samples import said

from harness.baselines.git import Commit
from harness.gate.certificate import (
    Certificate,
    CertifiedCheckpoint,
    CertifiedSuite,
    Environment,
    HashedFile,
    identity,
)
from harness.gate.decision import decide
from harness.gate.details import NoTable
from harness.gate.facts import CaseFacts, HeldTo, Worst
from harness.gate.policy import Policy, Waiver
from harness.judgement.reasons import Chaotic

NOW = "2026-11-23T08:00:00+00:00"
ENVIRONMENT = Environment({"device": "CPU", "mindspore": "2.10.0 (2d550373)"}, {"exp": "1" * 64})
CHECKPOINT = CertifiedCheckpoint("builtin:ddpm-digits", None, {"unet/config.json": "a" * 64})


def held_to(**fields: Any) -> HeldTo:
    base: dict[str, Any] = {
        "device": "cpu",
        "date": "2026-11-01T00:00:00+00:00",
        "mindspore": "2.10.0 (2d550373)",
        "files": {"guide/one/cpu.json": "b" * 64, "guide/one/cpu.safetensors": "c" * 64},
    }
    return HeldTo(**{**base, **fields})


def case_facts(case_id: str = "one", **fields: Any) -> CaseFacts:
    """A case that was judged and passes."""
    base: dict[str, Any] = {
        "suite": "guide",
        "case_id": case_id,
        "file": "suites/guide.yaml",
        "line": 4,
        "tags": (),
        "case_hash": "d" * 64,
        "state": "judged",
        "verdict": "within",
        "tier": "across_releases",
        "margin": 0.5,
        "bits": "5" * 64,
        "worst": Worst("relative_l2", 1e-7, 2e-7, at_least=False),
        "baseline": held_to(),
        "environment": identity(ENVIRONMENT),
        "checkpoint": identity(CHECKPOINT),
        "power_gap": NoTable(),
    }
    return CaseFacts(**{**base, **fields})


def without_verdict(state: str, reason: str, **fields: Any) -> CaseFacts:
    """A case that came to no verdict."""
    nothing = dict.fromkeys(
        ("verdict", "tier", "margin", "bits", "worst", "baseline", "environment", "checkpoint", "power_gap")
    )
    return case_facts(**{**nothing, "state": state, "reasons": said(reason), **fields})


def chaos(gated: int = 3, steps: int = 10) -> Chaotic:
    return Chaotic(gated, steps, spread=0.4, most=0.05, step=gated, first=0, last=steps - 1)


def waiver(case: str = "guide/one", **fields: Any) -> Waiver:
    base = {"reason": "known, see the tracker", "owner": "Ada", "expires": "2026-12-31"}
    return Waiver(**{"case": case, **base, **fields})


def certificate(
    *cases: CaseFacts, policy: Policy | None = None, orphans: tuple[str, ...] = (), **fields: Any
) -> Certificate:
    """The certificate that a gate would have written about ``cases``, by default one that passes."""
    cases = cases or (
        case_facts(),
        case_facts("two", baseline=held_to(files={"guide/two/cpu.json": "e" * 64})),
    )
    policy = policy or Policy()
    base: dict[str, Any] = {
        "harness_version": "0.1.0",
        "date": NOW,
        "commit": Commit("f" * 40, dirty=True),
        "suites_root": "suites",
        "suites": (CertifiedSuite("guide", "guide.yaml", "9" * 64, len(cases)),),
        "baselines_root": "baselines",
        "environments": {identity(ENVIRONMENT): ENVIRONMENT},
        "checkpoints": {identity(CHECKPOINT): CHECKPOINT},
        "policy": policy,
        "policy_file": None if policy == Policy() else HashedFile("policies/release.yaml", "7" * 64),
        "power": None,
        "cases": cases,
        "orphans": orphans,
        "decision": decide(policy, cases, orphans, NOW),
    }
    return Certificate(**{**base, **fields})
