"""What the documentation points to is there: files, headings, cases, baselines."""

import re
from pathlib import Path

import pytest

from harness.cases.load import load_suite

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("docs", "benchmarks", "suites", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(page for name in _FOLDERS for page in (ROOT / name).rglob("*.md"))])
# Suites of nobody, that show what one looks like.
_EXAMPLES = ("mine", "digits", "waves", "first", "x")
EXAMPLES = {f"suites/{name}.yaml" for name in _EXAMPLES}
CODE = [ROOT / "conftest.py", *(ROOT / "harness").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]

_FENCE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)", flags=re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", flags=re.MULTILINE)
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
# [text](target), ![text](target), [text](<target> "title"), and [name]: target at the start of a line.
_LINKS = (
    re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)"),
    re.compile(r"^\[[^\]]+\]: *<?(\S+?)>?(?: .*)?$", flags=re.MULTILINE),
)
_USE = re.compile(r"\[[^\]]*\]\[([^\]]+)\]")


def slug(heading):
    """Return GitHub's anchor of a heading: its text in lower case, no punctuation, hyphens for spaces."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(page):
    """Return the anchors of a page; a heading that comes again gets -1, then -2."""
    found = {}
    for heading in _HEADING.findall(_FENCE.sub("", page)):
        name = slug(heading)
        found[name] = found.get(name, -1) + 1
        if found[name]:
            found[f"{name}-{found[name]}"] = 0
    return set(found)


def links(page):
    """Return the targets of a page's links that stay within the repository."""
    prose = _CODE_SPAN.sub("`code`", _FENCE.sub("", page))
    targets = [target for pattern in _LINKS for target in pattern.findall(prose)]
    return [target for target in targets if not re.match(r"[a-z][a-z+.-]*:", target)]


def problem(target, page):
    """Return what is wrong with a link of the file ``page``, None where it leads somewhere."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(ROOT) or not file.exists():
        return f"{page.relative_to(ROOT)}: {target} leads to no file"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
        return f"{page.relative_to(ROOT)}: {target} leads to no heading of {file.name}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = page.read_text()
    assert [found for target in links(text) if (found := problem(target, page))] == []
    names = set(re.findall(r"^\[([^\]]+)\]:", text, flags=re.MULTILINE))
    assert set(_USE.findall(_CODE_SPAN.sub("", _FENCE.sub("", text)))) <= names


def test_every_page_that_the_code_names_is_there():
    named = [
        (file, target)
        for file in CODE
        for target in re.findall(r"\bdocs/[\w/.-]+\.md(?:#[\w-]+)?", file.read_text())
    ]
    assert named
    assert [found for file, target in named if (found := problem(target, ROOT / "README.md"))] == []


def test_every_page_is_linked_from_the_readme_or_a_page_that_is():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix != ".md" or page in seen:
            continue
        seen.add(page)
        waiting += [
            (page.parent / target.partition("#")[0]).resolve()
            for target in links(page.read_text())
            if target.partition("#")[0]
        ]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= seen


def test_every_case_and_baseline_that_a_page_names_is_there():
    text = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"(suites/[\w/-]+\.yaml)::([\w.-]+)", text))
    shipped = {(suite, case) for suite, case in named if suite not in EXAMPLES}
    gone = {suite for suite, _ in shipped if not (ROOT / suite).exists()}
    assert not gone, f"no such suites; where they only show what one looks like, add them to EXAMPLES: {gone}"
    there = {(suite, case.id) for suite, _ in shipped for case in load_suite(ROOT / suite).cases}
    assert shipped
    assert shipped - there == set()
    baselines = set(re.findall(r"\bbaselines/[\w/-]+\.json", text))
    baselines = {path for path in baselines if path.split("/")[1] not in _EXAMPLES}
    assert baselines
    assert [path for path in baselines if not (ROOT / path).exists()] == []


def test_the_anchors_are_githubs():
    page = (
        "# `exp(x) - 1` of [float32](there.md), and `+=`\n```sh\n# no heading\n```\n## Twice\n### Twice\n"
        '## `ops.interpolate(mode="bicubic")`: TensorFlow\'s …\n'
    )
    assert anchors(page) == {
        "expx---1-of-float32-and-",
        "twice",
        "twice-1",
        "opsinterpolatemodebicubic-tensorflows-",
    }


def test_what_is_a_link():
    page = (
        '[a](b.md#c) ![p](q.png "title") `[no](code.md)` [far](https://x.y) [r][name]\n```\n[no](f.md)\n```\n'
    )
    assert links(page + "\n[name]: there.md\n") == ["b.md#c", "q.png", "there.md"]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("docs/gone.md", "leads to no file"),
        ("docs/mindone.md#gone", "leads to no heading"),
        ("#gone", "leads to no heading"),
        ("LICENSE#gone", "leads to no heading"),
        ("../elsewhere.md", "leads to no file"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(target, says):
    assert says in problem(target, ROOT / "README.md")
