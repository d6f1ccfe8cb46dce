"""Every rule of the gate by itself: what breaks it, what it says, that nothing else would have said it."""

from __future__ import annotations

import dataclasses

import pytest
from gate_facts import NOW, case_facts, chaos, held_to, waiver, without_verdict
from samples import said

from harness.commands.exits import GATE_CODES
from harness.gate.decision import decide
from harness.gate.facts import CaseFacts
from harness.gate.policy import Policy, SoakDemand
from harness.gate.rules import CASE_RULES
from harness.judgement.reasons import CatchesNoFault
from harness.reporting.gate_findings import finding_text, gate_text

SOUND = case_facts("sound")

# By rule: the policy, the case that breaks it, the outcome, and what is said.
BROKEN: dict[str, tuple[Policy, CaseFacts, str, str]] = {
    "verdict": (
        Policy(),
        case_facts(verdict="drift", reasons=said("2 of 9 limits exceeded")),
        "drift",
        "drift; verdicts allowed here: identical, within. 2 of 9 limits exceeded",
    ),
    "not-run": (Policy(), without_verdict("not selected", ""), "incomplete", "give the gate whole suites"),
    "failed": (
        Policy(),
        without_verdict("failed", "guide/one: its worker died after 1.0 s (signal SIGSEGV)\nits log"),
        "incomplete",
        "has no verdict: its worker died after 1.0 s (signal SIGSEGV)",
    ),
    "expected-failure": (
        Policy(),
        without_verdict(
            "failed as expected", "failed as expected (crash), which does not count as passed: it died"
        ),
        "incomplete",
        "failed as expected (crash), which does not count as passed: it died",
    ),
    "missing": (
        Policy(),
        without_verdict("missing", "no baseline; record it"),
        "incomplete",
        "no baseline; record it",
    ),
    "damaged": (Policy(), without_verdict("damaged", "was edited"), "incomplete", "was edited"),
    "stale": (Policy(), without_verdict("stale", "steps: 2 -> 3"), "incomplete", "steps: 2 -> 3"),
    "incomparable": (
        Policy(),
        case_facts(verdict="incomparable", worst=None, reasons=said("the case is strict")),
        "incomplete",
        "incomparable, which does not count as passed: the case is strict",
    ),
    "chaotic": (
        Policy(),
        case_facts(chaos=chaos(3)),
        "incomplete",
        "and the output is not. Give it fewer steps, mark it `strict: true`, or accept in the policy that "
        "only "
        "3 "
        "of its 10 steps are gated: `chaotic: {guide/one: 3}`",
    ),
    "vacuous": (
        Policy(),
        case_facts(vacuous=CatchesNoFault(None, 8)),
        "incomplete",
        "vacuous: by its figures it catches none of 8 faults put into its output",
    ),
    "power": (
        Policy(power=True),
        case_facts(),
        "incomplete",
        "pass it with --power FILE; the policy requires `power`",
    ),
    "facts": (
        Policy(facts=True),
        case_facts(),
        "incomplete",
        "its baseline has no facts (parameters and constants); the policy requires `facts`. Record it again",
    ),
    "soak": (
        Policy(soak=SoakDemand(0.01)),
        case_facts(baseline=held_to(runs=100, deviating=0)),
        "incomplete",
        "100 runs with this baseline prove that at most 2.95 % of all runs deviate; the policy requires at "
        "most 1 % (95 % confidence). Run harness soak",
    ),
    "invariance": (
        Policy(),
        case_facts(
            baseline=held_to(invariances={"batch-size": "within", "mode": "unjudged"}),
            promises={
                "batch-size": "identical",
                "mode": "any",
                "warm-process": "any",
                "core": "within",
                "launch": "identical",
            },
        ),
        "incomplete",
        "batch-size is within, and the case promises more; core, launch were not measured with its baseline "
        "and its limits. Run harness invariance --promised",
    ),
    "age": (
        Policy(max_age_days=90),
        case_facts(baseline=held_to(date="2026-08-01T00:00:00+00:00")),
        "incomplete",
        "its baseline was recorded on 2026-08-01T00:00:00+00:00, 114 days ago; the policy allows 90",
    ),
    "release": (
        Policy(mindspore=("2.9",)),
        case_facts(),
        "incomplete",
        "recorded with MindSpore 2.10.0 (2d550373); the policy allows 2.9",
    ),
}


def test_a_case_that_breaks_no_rule_passes():
    decision = decide(Policy(), [SOUND, case_facts(verdict="identical", worst=None)], [], NOW)
    assert (decision.outcome, decision.findings, decision.notes) == ("passed", (), ())


def test_every_rule_is_broken_here():
    # Not their order: a rule that a test took out is put back as the last.
    assert set(BROKEN) == set(CASE_RULES)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_fails_the_gate_and_says_what_to_do(rule, monkeypatch):
    policy, broken, outcome, message = BROKEN[rule]
    others = dataclasses.replace(
        SOUND, power_gap=None, baseline=held_to(mindspore="2.9.1 (f)", facts=True, runs=300, deviating=0)
    )
    decision = decide(policy, [others, broken], [], NOW)
    assert decision.outcome == outcome
    (finding,) = decision.findings
    assert (finding.rule, finding.about, finding.waiver) == (rule, "guide/one", None)
    assert message in finding_text(finding, policy)
    # No other rule stands in for it.
    without = {name: each for name, each in CASE_RULES.items() if name != rule}
    monkeypatch.setattr("harness.gate.decision.CASE_RULES", without)
    assert decide(policy, [others, broken], [], NOW).outcome == "passed"


def test_a_case_that_failed_is_told_without_its_place_on_the_machine_that_ran_it():
    reason = "suites/guide.yaml:4:5: guide/one: ddim takes no argument etaa"
    (finding,) = decide(Policy(), [without_verdict("failed", reason)], [], NOW).findings
    assert finding_text(finding, Policy()) == "has no verdict: ddim takes no argument etaa"


@pytest.mark.parametrize(
    ("runs", "deviating", "said"),
    [
        (
            None,
            None,
            "no run was compared with its baseline bit by bit; the policy requires at most 5 % (90 %",
        ),
        (44, 0, "44 runs with this baseline prove that at most 5.1 % of all runs deviate; the policy"),
        (45, 0, None),
        (76, 1, "76 runs, 1 of which deviate, with this baseline prove that at most 5.02 % of all runs"),
        (77, 1, None),
    ],
)
def test_runs_must_prove_the_bound_of_the_policy(runs, deviating, said):
    policy = Policy(soak=SoakDemand(0.05, 0.9))
    decision = decide(policy, [case_facts(baseline=held_to(runs=runs, deviating=deviating))], [], NOW)
    assert decision.outcome == ("passed" if said is None else "incomplete")
    assert [finding_text(each, policy).startswith(said) for each in decision.findings] == [True] * bool(said)


def test_an_orphan_fails_the_gate():
    decision = decide(Policy(), [SOUND], ["guide/gone/cpu"], NOW)
    assert decision.outcome == "incomplete"
    assert (decision.findings[0].rule, decision.findings[0].about) == ("orphan", "guide/gone/cpu")


def test_drift_counts_before_what_is_incomplete():
    decision = decide(Policy(), [BROKEN["missing"][1], case_facts("two", verdict="drift")], [], NOW)
    assert decision.outcome == "drift"
    assert [finding.kind for finding in decision.findings] == ["drift", "incomplete"]
    assert GATE_CODES == {"passed": 0, "drift": 1, "incomplete": 2}


class TestVerdictsByTag:
    POLICY = Policy(
        tags={"nightly": ("identical",), "wild": ("identical", "within", "drift", "incomparable")}
    )

    @pytest.mark.parametrize(
        ("tags", "verdict", "outcome"),
        [
            ((), "within", "passed"),
            (("other",), "within", "passed"),
            (("nightly",), "within", "drift"),
            (("nightly",), "identical", "passed"),
            (("wild",), "drift", "passed"),
            (("wild",), "incomparable", "passed"),
            (("wild", "nightly"), "within", "drift"),
            ((), "incomparable", "incomplete"),
        ],
    )
    def test_every_tag_of_the_case_must_allow_the_verdict(self, tags, verdict, outcome):
        facts = case_facts(tags=tags, verdict=verdict, worst=None)
        assert decide(self.POLICY, [facts], [], NOW).outcome == outcome

    def test_the_message_names_the_tag(self):
        facts = case_facts(tags=("other", "nightly"), verdict="within")
        (finding,) = decide(self.POLICY, [facts], [], NOW).findings
        assert (
            finding_text(finding, self.POLICY) == "within; verdicts allowed with the tag nightly: identical"
        )


class TestChaos:
    def test_a_case_is_gated_as_far_as_the_policy_accepts(self):
        facts = case_facts(verdict="incomparable", worst=None, chaos=chaos(3), reasons=(chaos(3),))
        for accepted, outcome in ((2, "passed"), (3, "passed"), (4, "incomplete")):
            policy = Policy(chaotic={"guide/one": accepted})
            decision = decide(policy, [facts], [], NOW)
            assert decision.outcome == outcome
        told = finding_text(decision.findings[0], policy)
        assert "only 3 of its 10 steps can be gated; the policy requires 4" in told

    def test_accepting_chaos_accepts_no_other_reason_to_be_incomparable(self):
        facts = case_facts(verdict="incomparable", worst=None, chaos=chaos(3), reasons=said("strict"))
        (finding,) = decide(Policy(chaotic={"guide/one": 3}), [facts], [], NOW).findings
        assert finding.rule == "incomparable"

    def test_a_case_that_is_no_longer_chaotic_is_told(self):
        (note,) = decide(Policy(chaotic={"guide/one": 3}), [case_facts()], [], NOW).notes
        assert "guide/one, which is not chaotic" in gate_text(note)


class TestAge:
    @pytest.mark.parametrize(
        ("date", "told"),
        [
            ("2026-08-25T08:00:00+00:00", None),
            ("2026-08-25T07:00:00+00:00", "90 days ago"),
            ("2026-08-25T07:30:00", "90 days ago"),
            ("2026-11-24T07:00:00+00:00", None),
            ("2026-11-25T08:00:00+00:00", "in the future"),
            ("some day", "not a date"),
        ],
    )
    def test_the_age_is_that_of_the_recording(self, date, told):
        policy = Policy(max_age_days=90)
        decision = decide(policy, [case_facts(baseline=held_to(date=date))], [], NOW)
        if told is None:
            assert decision.outcome == "passed"
        else:
            assert told in finding_text(decision.findings[0], policy)


class TestReleases:
    @pytest.mark.parametrize(
        ("asked", "accepted"),
        [
            ((), True),
            (("2.10.0",), True),
            (("2.10",), True),
            (("2.9", "2.10"), True),
            (("2.1",), False),
            (("2.10.1",), False),
        ],
    )
    def test_a_release_is_matched_part_by_part(self, asked, accepted):
        assert Policy(mindspore=asked).accepts_release("2.10.0 (2d550373)") is accepted


class TestWaivers:
    DRIFTED = BROKEN["verdict"][1]

    def decide(self, *waivers):
        return decide(Policy(waivers=waivers), [self.DRIFTED, SOUND], [], NOW)

    def test_a_waiver_lets_the_gate_pass_and_is_told(self):
        decision = self.decide(waiver())
        assert decision.outcome == "passed"
        assert decision.counting == ()
        assert [(each.rule, each.waiver) for each in decision.findings] == [("verdict", 0)]
        assert decision.notes == ()

    def test_it_holds_on_its_last_day_and_not_after(self):
        assert self.decide(waiver(expires="2026-11-23")).outcome == "passed"
        ended = self.decide(waiver(expires="2026-11-22"))
        assert ended.outcome == "drift"
        told = finding_text(ended.findings[0], Policy(waivers=(waiver(expires="2026-11-22"),)))
        assert told.endswith("the waiver of Ada for it expired on 2026-11-22")
        assert ended.notes == ()

    def test_one_that_holds_comes_before_one_that_expired(self):
        decision = self.decide(waiver(expires="2026-01-01"), waiver(owner="Grace"))
        assert decision.outcome == "passed"
        assert decision.findings[0].waiver == 1

    def test_it_is_for_its_own_case_and_rules(self):
        for other in (waiver("guide/sound"), waiver(rules=("age", "release"))):
            decision = self.decide(other)
            assert decision.outcome == "drift"
            assert "has no effect: remove it" in gate_text(decision.notes[0])
        assert self.decide(waiver(rules=("age", "verdict"))).outcome == "passed"

    def test_one_that_another_makes_needless_waives_nothing(self):
        decision = self.decide(waiver(), waiver(owner="Grace"))
        assert decision.findings[0].waiver == 0
        assert [note.owner for note in decision.notes] == ["Grace"]

    def test_one_that_expired_and_bites_nowhere_is_to_be_removed(self):
        decision = self.decide(waiver("guide/sound", expires="2026-01-01"))
        assert [(note.owner, note.case) for note in decision.notes] == [("Ada", "guide/sound")]
        assert decision.findings[0].expired == ()
