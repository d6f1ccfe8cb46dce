"""What `harness gate` shows, in the terminal and in Markdown."""

from __future__ import annotations

import io
import math

from gate_facts import case_facts, certificate, waiver, without_verdict
from rich.console import Console
from samples import make_case, said

from harness.gate.facts import Worst
from harness.gate.policy import Policy
from harness.reporting.commands import Invocation, commands
from harness.reporting.figures import part_of_limit
from harness.reporting.gate import gate_markdown, show_gate, worst_of

FAILED = certificate(
    case_facts("sound", verdict="identical", margin=0.0, worst=None, tier="same_environment"),
    without_verdict("missing", "no baseline of [guide/gone]", case_id="gone"),
    case_facts(verdict="drift", margin=math.inf, worst=Worst("max_abs", 0.25, 0.0, at_least=False)),
    case_facts("known", verdict="drift", reasons=said("it | drifts")),
    policy=Policy(name="release", waivers=(waiver("guide/known"), waiver("guide/sound", owner="Grace"))),
)


def shown(made, **helpful):
    console = Console(file=io.StringIO(), width=80)
    show_gate(console, made, helpful, Invocation())
    return console.file.getvalue()


def test_what_failed_comes_first_and_the_decision_last():
    helpful = {"guide/one": commands(make_case(id="one"), Invocation())}
    assert (
        shown(FAILED, **helpful)
        == """\
failed  verdict  guide/one: drift; verdicts allowed here: identical, within
        harness explain suites/guide.yaml::one --baseline-dir baselines
failed  missing  guide/gone: no baseline of [guide/gone]
waived  verdict  guide/known: drift; verdicts allowed here: identical, within. It | drifts
        Ada, until 2026-12-31: known, see the tracker
case         verdict    tier              worst figure               of its limit
guide/sound  identical  same environment                             0%
guide/gone   missing
guide/one    drift      across releases   max_abs 0.25 ≤ 0           over
guide/known  drift      across releases   relative_l2 1e-07 ≤ 2e-07  50%
note  the waiver of Grace for guide/sound (until 2026-12-31) has no effect: remove it from the policy
gate failed: drift (4 cases: 1 identical, 2 drift, 1 missing; policy release; 2 findings; 1 waived)
"""
    )


def test_a_gate_that_passes():
    assert shown(certificate()).endswith("gate passed (2 cases: 2 within; policy default)\n")


def test_numbers_of_one():
    one = certificate(without_verdict("missing", "no baseline"))
    assert "gate failed: incomplete (1 case: 1 missing; policy default; 1 finding)" in shown(one)


def test_baselines_of_suites_that_were_not_given_are_one_line_for_each():
    lost = ("ddim/a/cpu", "ddim/b/cpu", "guide/gone/cpu", "unclip/a/cpu")
    waived = Policy(waivers=(waiver("unclip/a/cpu", rules=("orphan",)),))
    made = certificate(case_facts(), orphans=lost, policy=waived)
    lines = shown(made).splitlines()
    told = "of a suite that was not given; give every suite that has baselines in the folder, or --only "
    assert [line.partition(told)[0] for line in lines[:4]] == [
        "failed  orphan  ddim: 2 baselines ",
        # The suite is there: what is gone is the case.
        "failed  orphan  guide/gone/cpu: this baseline belongs to no case in the given suites; remove its "
        "files if the case is gone, or give every suite that has baselines in the folder",
        "waived  orphan  unclip: 1 baseline ",
        "        Ada, until 2026-12-31: known, see the tracker",
    ]
    assert "3 findings; 1 waived)" in lines[-1]
    assert gate_markdown(made, Invocation()).count("| orphan |") == 3


def test_the_same_in_markdown():
    text = gate_markdown(FAILED, Invocation())
    assert text.startswith("### harness: the gate failed: drift\n")
    assert "| failed | verdict | <code>guide/one</code> | drift; verdicts allowed here" in text.replace(
        "&#59;", ";"
    )
    # Nothing from outside ends a cell of a table.
    assert "It &#124; drifts" in text
    assert "| <code>guide/gone</code> | missing |  |  |  |" in text


def test_markdown_that_does_not_fit_is_cut_from_the_end():
    whole = gate_markdown(FAILED, Invocation())
    shorter = gate_markdown(FAILED, Invocation(), most_bytes=len(whole.encode()) - 1)
    assert whole.startswith(shorter)
    assert "| failed | verdict |" in shorter
    assert "Verdicts" not in shorter
    assert gate_markdown(FAILED, Invocation(), most_bytes=0).count("\n") == 4


def test_figures():
    assert worst_of(None) == part_of_limit(None) == ""
    assert worst_of(Worst("ssim", None, 0.9, at_least=True)) == "ssim  ≥ 0.9"
    assert (part_of_limit(0.5), part_of_limit(9.9), part_of_limit(41.5)) == ("50%", "990%", "41.5 times")
