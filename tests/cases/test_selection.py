"""What a command line selects: suites, folders of them, single cases, and every mix."""

from pathlib import Path

import pytest

from harness.cases.problems import SuiteError
from harness.cases.selection import select, without_tags
from harness.cases.wording import suggestion
from harness.errors import UsageError

SUITE = """\
suite: {name}
cases:
  - {{id: first, pipeline: "package.module:factory", seed: 0, steps: 2}}
  - {{id: second, pipeline: "package.module:factory", seed: 1, steps: 2}}
  - {{id: third, pipeline: "package.module:factory", seed: 2, steps: 2}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder: a.yaml and b.yaml in `suites`, c.yaml in `suites/more`."""
    monkeypatch.chdir(tmp_path)
    Path("suites/more").mkdir(parents=True)
    for path in ("suites/a.yaml", "suites/b.yaml", "suites/more/c.yaml"):
        Path(path).write_text(SUITE.format(name=Path(path).stem))


def selected(*arguments):
    """The selection as 'suite/case' texts, and the suites' names."""
    found = select(arguments)
    return [case.name for case in found.cases], [suite.name for suite in found.suites]


def whole(*names):
    return [f"{name}/{case}" for name in names for case in ("first", "second", "third")]


@pytest.mark.parametrize(
    ("arguments", "cases", "suites"),
    [
        (["suites"], whole("a", "b", "c"), ["a", "b", "c"]),
        (["suites/b.yaml"], whole("b"), ["b"]),
        (["suites/b.yaml", "suites/a.yaml"], whole("b", "a"), ["b", "a"]),
        (["suites/more/c.yaml", "suites"], whole("c", "a", "b"), ["c", "a", "b"]),
        (["suites/a.yaml::second"], ["a/second"], ["a"]),
        # Cases come in the order of their file, however they were named.
        (["suites/a.yaml::third", "suites/a.yaml::first"], ["a/first", "a/third"], ["a"]),
        (["suites/a.yaml::third", "suites/b.yaml"], ["a/third", *whole("b")], ["a", "b"]),
        # A whole suite and one of its cases: the whole suite, once.
        (["suites/a.yaml::third", "suites/a.yaml"], whole("a"), ["a"]),
        (["suites/a.yaml", "suites/a.yaml::third"], whole("a"), ["a"]),
        (["suites/a.yaml::first", "suites/more"], ["a/first", *whole("c")], ["a", "c"]),
        (["suites/a.yaml::first", "suites/a.yaml::first"], ["a/first"], ["a"]),
        (["suites/a.yaml::first", "suites"], whole("a", "b", "c"), ["a", "b", "c"]),
        ([], [], []),
    ],
)
def test_what_arguments_select(arguments, cases, suites):
    assert selected(*arguments) == (cases, suites)


@pytest.mark.parametrize(
    "other", ["./suites/a.yaml", "suites/../suites/a.yaml", "{here}/suites/a.yaml", "link.yaml"]
)
def test_a_suite_named_by_two_paths_comes_once(other, tmp_path):
    Path("link.yaml").symlink_to("suites/a.yaml")
    other = other.format(here=tmp_path)
    assert selected("suites/a.yaml::first", f"{other}::third") == (["a/first", "a/third"], ["a"])
    assert selected("suites/a.yaml", other) == (whole("a"), ["a"])


def test_a_suite_keeps_the_path_that_the_user_wrote():
    (suite,) = select(["suites/a.yaml"]).suites
    assert suite.path == Path("suites/a.yaml")


def problems(*arguments):
    with pytest.raises(SuiteError) as raised:
        select(arguments)
    return str(raised.value).splitlines()


def test_an_unknown_case_is_told_with_the_one_that_may_be_meant():
    assert problems("suites/a.yaml::secnd") == [
        "suites/a.yaml:1:8: there is no case 'secnd'; did you mean 'second'?"
    ]


def test_an_unknown_case_like_no_other_is_told_with_all_there_are():
    assert problems("suites/a.yaml::xyz") == [
        "suites/a.yaml:1:8: there is no case 'xyz'; known are first, second, third"
    ]


def test_a_case_left_empty_does_not_mean_all():
    (problem,) = problems("suites/a.yaml::")
    assert problem.startswith("suites/a.yaml: no case is named after '::'")


def test_all_that_is_wrong_is_told_at_once():
    Path("suites/broken.yaml").write_text("suite: broken\ncases: 3\n")
    found = problems(
        "suites/a.yaml::xyz", "nowhere", "suites/broken.yaml", "suites/b.yaml::", "suites/b.yaml::q"
    )
    starts = [
        "nowhere: ",
        "suites/a.yaml:1:8: ",
        "suites/b.yaml: ",
        "suites/b.yaml:1:8: ",
        "suites/broken.yaml:2:8: ",
    ]
    assert [line.startswith(start) for line, start in zip(found, starts, strict=True)] == [True] * 5


def test_two_suites_of_one_name_are_refused():
    Path("other.yaml").write_text(SUITE.format(name="a"))
    (problem,) = problems("suites/a.yaml::first", "other.yaml::second")
    assert "the suite's name 'a' is taken by suites/a.yaml:1" in problem


def test_a_file_that_is_no_suite_is_told_by_its_name():
    Path("notes.txt").write_text("nothing of that kind")
    assert problems("notes.txt")[0].startswith("notes.txt")


def test_a_tag_that_no_case_has_is_told_with_those_there_are(tmp_path):
    text = "suite: tagged\ncases: [{id: a, pipeline: 'x:y', seed: 0, tags: [quick]}]\n"
    (tmp_path / "tagged.yaml").write_text(text)
    with pytest.raises(UsageError, match="no case has the tag 'quik'; did you mean 'quick'"):
        without_tags(select([str(tmp_path / "tagged.yaml")]).cases, ["quik"])
    with pytest.raises(UsageError, match=r"no case has the tag 'quik'; none of them has any$"):
        without_tags(select(["suites"]).cases, ["quik"])


def test_an_id_that_begins_with_what_was_typed_is_meant_before_one_that_is_spelt_like_it():
    known = ["two-steps", "ten-steps-seed0", "ten-steps-of-another-seed"]
    assert suggestion("ten-steps", known) == "did you mean 'ten-steps-seed0'?"
    assert suggestion("two-stepz", known) == "did you mean 'two-steps'?"
    assert suggestion("", known).startswith("known are ")
