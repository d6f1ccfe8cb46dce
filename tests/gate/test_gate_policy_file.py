"""Policy files: what they can say, and everything that is wrong with one at once, with its place."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from harness.cases.load import load_suite
from harness.cases.problems import SuiteError
from harness.cases.selection import select
from harness.gate.certificate import Certificate
from harness.gate.policy import Policy, Waiver
from harness.gate.policy_file import PolicyEntry, read_policy
from harness.gate.rules import CASE_RULES, ORPHAN

DOCS = Path(__file__).parents[2] / "docs"
SUITE = """\
suite: small
defaults: {pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0}
cases:
  - {id: one, steps: 2, tags: [nightly]}
  - {id: two, steps: 2, tags: [nightly, quick]}
"""


@pytest.fixture
def suites(tmp_path):
    (tmp_path / "small.yaml").write_text(SUITE)
    return [load_suite(tmp_path / "small.yaml")]


@pytest.fixture
def read(tmp_path, suites, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text):
        Path("policy.yaml").write_text(text)
        return read_policy(Path("policy.yaml"), suites)

    return read


def problems(read, text):
    with pytest.raises(SuiteError) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_every_key_of_a_policy(read):
    assert read("""\
policy: release
description: what may go out
verdicts:
  default: [identical, within]
  nightly: [identical]
baselines:
  max_age: 12 weeks
  mindspore: ["2.9.0", "2.10"]
power: required
facts: required
chaotic: {small/two: 20}
waivers:
  - {case: small/one, reason: known, owner: Ada, expires: 2027-01-31, rules: [verdict, age]}
  - {case: small/two, reason: known, owner: Ada, expires: 2027-01-31}
""") == Policy(
        name="release",
        verdicts=("identical", "within"),
        tags={"nightly": ("identical",)},
        max_age_days=84,
        mindspore=("2.9.0", "2.10"),
        power=True,
        facts=True,
        chaotic={"small/two": 20},
        waivers=(
            Waiver("small/one", "known", "Ada", "2027-01-31", ("verdict", "age")),
            Waiver("small/two", "known", "Ada", "2027-01-31"),
        ),
    )


def test_a_policy_that_says_nothing_is_the_default(read):
    assert read("policy: default\n") == Policy()


def test_everything_that_is_wrong_is_told_at_once_with_its_place(read):
    assert problems(
        read,
        """\
policy: 3
verdict: [identical]
verdicts:
  nigthly: [identical]
  quick: [identicle, error]
baselines:
  max_age: 90
  mindspore: [2.10]
chaotic: {one: -1}
waivers:
  - case: small/thre
    reason: ""
    expires: 31.01.2027
    rules: [verdicts]
""",
    ) == [
        "policy.yaml:1:9: expected text, got the number 3; put it in quotes",
        "policy.yaml:2:1: unknown key 'verdict'; did you mean 'verdicts'?",
        "policy.yaml:4:3: no case has the tag 'nigthly'; did you mean 'nightly'?",
        "policy.yaml:5:11: unknown verdict 'identicle'; did you mean 'identical'?",
        "policy.yaml:5:22: `error` cannot be allowed, because nothing was compared; waive the case until it "
        "runs",
        "policy.yaml:7:12: an age has a unit; write a number of days or weeks, as `90 days`",
        "policy.yaml:8:15: expected text, got the number 2.10; put it in quotes",
        "policy.yaml:9:11: 'one' is not a case; write suite/case, such as small/one",
        "policy.yaml:9:16: expected at least 0, got the number -1",
        "policy.yaml:11:5: the key 'owner' is missing; add it",
        "policy.yaml:11:11: no case 'small/thre' in these suites; did you mean 'small/two'?",
        "policy.yaml:12:13: this is empty; a waiver must say why it is given, and by whom",
        "policy.yaml:13:14: '31.01.2027' is not a date; write it like 2027-01-31",
        "policy.yaml:14:13: unknown rule 'verdicts'; did you mean 'verdict'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: the file is empty; write `policy:` and a name"),
        ("- a\n", "1:1: expected a mapping, got a list"),
        ("verdicts: {default: [identical]}\n", "1:1: the key 'policy' is missing; add it"),
        (
            "policy: a\npolicy: b\n",
            "2:1: the key 'policy' is given twice (first at line 1, column 1); remove one",
        ),
        (
            "policy: a\nbaselines: {max_age: ninety days}\n",
            "2:22: 'ninety days' is not an age; write a number of",
        ),
        ("policy: a\nbaselines: {max_age: 0 days}\n", "2:22: '0 days' is not an age"),
        ("policy: a\nbaselines: {mindspore: [newest]}\n", "2:25: 'newest' is not a release of MindSpore"),
        ("policy: a\nbaselines: {maxage: 1 day}\n", "2:13: unknown key 'maxage'; did you mean 'max_age'?"),
        ("policy: a\nwaivers: {case: small/one}\n", "2:10: expected a list, got a mapping"),
        ("policy: a\nwaivers: [x]\n", "2:11: expected a mapping, got the text 'x'"),
        ("policy: a\npower: maybe\n", "2:8: expected 'required' or 'optional', got the text 'maybe'"),
        ("policy: a\nverdicts: {nightly: []}\n", "2:21: the list is empty; give at least one value"),
        (
            "policy: a\nverdicts: {nightly: [identical], quick: [within]}\n",
            "2:34: the tags nightly and quick, which small/two has, allow no verdict in common",
        ),
        ("policy: !!python/name:os.system x\n", "1:9: the tag"),
    ],
)
def test_each_problem_in_the_readers_words(read, text, told):
    (first, *_) = problems(read, text)
    assert first.startswith(f"policy.yaml:{told}"), first


def test_a_policy_that_is_not_there_is_told(suites, tmp_path):
    with pytest.raises(SuiteError, match="no such file"):
        read_policy(tmp_path / "none.yaml", suites)


class TestDocumentation:
    PAGE = (DOCS / "gate.md").read_text(encoding="utf-8")

    def test_the_shipped_policy_is_one_for_the_shipped_suites(self):
        policy = read_policy(DOCS / "policy.yaml", select([str(DOCS.parent / "suites")]).suites)
        assert (policy.name, policy.max_age_days, policy.mindspore) == ("release", 180, ("2.10",))

    def test_the_page_shows_the_shipped_policy(self):
        assert (DOCS / "policy.yaml").read_text(encoding="utf-8") in self.PAGE

    def test_the_other_policy_of_the_page_is_read(self, tmp_path):
        (_, text) = re.findall(r"^```yaml\n(.*?)^```", self.PAGE, flags=re.MULTILINE | re.DOTALL)
        (tmp_path / "policy.yaml").write_text(text)
        (tmp_path / "guide.yaml").write_text(
            SUITE.replace("small", "guide").replace("id: one", "id: long").replace("id: two", "id: short")
        )
        policy = read_policy(tmp_path / "policy.yaml", [load_suite(tmp_path / "guide.yaml")])
        assert policy.waivers[0].rules == ("verdict", "release")
        assert policy.chaotic == {"guide/long": 20}

    def test_the_page_names_every_key_and_every_rule(self):
        for name in [*PolicyEntry.model_fields, *CASE_RULES, ORPHAN]:
            assert re.search(rf"^\| `{name}`", self.PAGE, re.MULTILINE), name

    def test_the_page_names_every_key_of_a_certificate_and_a_waiver(self):
        for kind in (Certificate, Waiver):
            for field in dataclasses.fields(kind):
                assert re.search(rf"^\| .*`{field.name}`", self.PAGE, re.MULTILINE), field.name
