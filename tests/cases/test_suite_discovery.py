"""Which files are suites, and which of them a path names."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cases.discovery import find_suites, looks_like_suite
from harness.cases.problems import SuiteError

SUITE = "suite: s\ncases: []\n"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", SUITE, True),
        ("a.yml", SUITE, True),
        ("a.yaml", "# header\n\ndefaults: {pipeline: ddim}\ncases:\n", True),
        ("a.yaml", "cases:\n- {id: a, 'pipeline': ddim}\n", True),
        ("a.yaml", "cases:\n  - pipeline: ddim\n", True),
        ("a.yaml", "cases: []\nsuite: [broken", True),
        ("a.yaml", "suite: s\ncase:\n  - id: a\n    pipeline: ddim\n", True),
        ("a.yaml", "\ufeffsuite: s\ncases:\n", True),
        ("a.yaml", '"suite": s\r\ncases:\r\n', True),
        ("a.yaml", "{suite: s, cases: [{id: a, pipeline: ddim}]}", True),
        ("a.yaml", "#" * 100_000 + "\n" + SUITE, True),
        ("a.json", SUITE, False),
        ("a.yaml.bak", SUITE, False),
        ("a.yaml", "name: ci\non:\n  push:\n    suite: x\n", False),
        ("a.yaml", "# suite: s\ncases:\n# pipeline: ddim\n", False),
        ("a.yaml", "suites: s\nsuite:s\nmy suite: x\ncases:\n", False),
        ("a.yaml", "'suite\": s\ncases:\n", False),
        ("a.yaml", "cases:\n  - ci-pipeline: x\n  - pipelines: y\n", False),
        # Parameters of someone's tests; a test of a Helm chart.
        ("a.yaml", "cases:\n  - name: x\n    input: 1\n", False),
        ("a.yaml", "suite: deployment\ntemplates: [a.yaml]\ntests: []\n", False),
        ("a.yaml", "", False),
    ],
)
def test_telling_a_suite_from_other_yaml(tmp_path: Path, name: str, text: str, expected: bool) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert looks_like_suite(path) is expected


def test_what_is_no_file_is_no_suite(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nothing")
    assert not any(map(looks_like_suite, tmp_path.iterdir()))


def test_bytes_that_are_no_text_are_looked_at_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\nsuite: s\ncases:\n")
    assert looks_like_suite(path)


@pytest.mark.parametrize(
    "content", [b"", b" \n\t\n", b"\xef\xbb\xbf\n", b"\x8f\x00\xfe\xff" * 9, SUITE.encode("utf-16")]
)
def test_what_lost_its_content_is_a_suite_beside_one(tmp_path: Path, content: bytes) -> None:
    lost = tmp_path / "lost.yaml"
    lost.write_bytes(content)
    (tmp_path / "other.yaml").write_text("on: push\n")
    assert not looks_like_suite(lost)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "a.yaml").write_text(SUITE)
    assert not looks_like_suite(lost)
    (tmp_path / "a.yml").write_text(SUITE)
    assert looks_like_suite(lost)
    assert not looks_like_suite(tmp_path / "other.yaml")


def test_a_character_that_the_first_mebibyte_ends_in_is_no_loss(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SUITE)
    long = tmp_path / "long.yaml"
    long.write_bytes(b"#" * ((1 << 20) - 1) + "\u00e9\n".encode())
    assert not looks_like_suite(long)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "deep/er/c.yaml", ".hidden/d.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SUITE)
    (tmp_path / "ci.yaml").write_text("on: push\n")
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_a_folder_is_searched_in_order(tree: Path) -> None:
    assert find_suites([tree]) == [tree / "a.yml", tree / "b.yaml", tree / "deep/er/c.yaml"]


def test_a_file_is_taken_as_it_is_and_once(tree: Path) -> None:
    ci, deep = tree / "ci.yaml", tree / "deep"
    assert find_suites([ci, deep, tree / "deep/../deep/er/c.yaml"]) == [ci, deep / "er/c.yaml"]


def test_nothing_found_is_an_error_for_each_path(tree: Path) -> None:
    with pytest.raises(SuiteError) as caught:
        find_suites([tree / "no", tree / "empty", tree])
    assert str(caught.value).splitlines() == [
        f"{tree}/empty: no suite (a .yaml with `suite:`) in this folder",
        f"{tree}/no: no such file or folder; check the path",
    ]
