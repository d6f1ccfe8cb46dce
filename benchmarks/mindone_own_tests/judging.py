"""Comparing how the tests ended with what is expected of them (expected.yaml)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.mindone_own_tests.running import TESTS, Told, read, wanted

EXPECTED = Path(__file__).with_name("expected.yaml")
FINE = ("passed", "skipped")


@dataclass(frozen=True)
class Expectation:
    """Tests that fail for a known reason: those of the dtypes whose name contains one of the texts."""

    cause: str
    reason: str
    dtypes: tuple[str, ...]
    tests: tuple[str, ...]

    def covers(self, test: str, dtype: str) -> str | None:
        """Return the text by which this covers a test; None if it does not."""
        if dtype not in self.dtypes:
            return None
        return next((each for each in self.tests if each in test), None)


@dataclass(frozen=True)
class Verdict:
    """What became of the tests of one dtype."""

    dtype: str
    results: dict[str, Told]
    causes: dict[str, Expectation]  # of each test that failed as expected
    failures: list[str]  # unexpected
    passes: list[str]  # unexpected
    stale: list[str]  # expectations that no test meets
    missing: list[str]  # tests without a result

    @property
    def good(self) -> bool:
        """Return whether everything ended as expected."""
        return not (self.failures or self.passes or self.stale or self.missing)


def expectations(file: Path = EXPECTED) -> list[Expectation]:
    """Return what is expected to fail."""
    entries: list[dict[str, Any]] = yaml.safe_load(file.read_text())
    return [
        Expectation(each["cause"], each["reason"], tuple(each["dtypes"]), tuple(each["tests"]))
        for each in entries
    ]


def verdict(dtype: str, results: dict[str, Told], tests: list[str], expected: list[Expectation]) -> Verdict:
    """Judge the results of a dtype; ``tests`` are those that should have one."""
    causes: dict[str, Expectation] = {}
    failures, passes = [], []
    met: set[tuple[int, str]] = set()
    for test, told in results.items():
        covering = [
            (index, each, text) for index, each in enumerate(expected) if (text := each.covers(test, dtype))
        ]
        met |= {(index, text) for index, _, text in covering}
        if told["outcome"] not in FINE:
            if covering:
                causes[test] = covering[0][1]
            else:
                failures.append(test)
        elif covering and told["outcome"] == "passed":
            passes.append(test)
    stale = [
        text for index, each in enumerate(expected) for text in each.tests
        if dtype in each.dtypes and (index, text) not in met
    ]  # fmt: skip
    return Verdict(
        dtype, results, causes, failures, passes, stale, [each for each in tests if each not in results]
    )


def of_folder(work: Path) -> list[Verdict]:
    """Judge every dtype that has results in the folder."""
    known = expectations()
    verdicts = []
    for dtype in ("float32", "float16", "bfloat16"):
        if results := {each["test"]: each for each in read(work / f"{dtype}.jsonl")}:
            every = read(work / "tests.jsonl")
            verdicts.append(verdict(dtype, results, wanted(every, dtype), known))
    return verdicts


def judge(work: Path) -> int:
    """Print what is not as expected; return 1 if there is anything."""
    verdicts = of_folder(work)
    if not verdicts:
        print(f"{work} holds no results")
        return 1
    for each in verdicts:
        passed = sum(told["outcome"] == "passed" for told in each.results.values())
        print(
            f"{each.dtype}: {len(each.results)} tests, {passed} passed, {len(each.causes)} failed as expected"
        )
        for words, tests in (
            ("fails unexpectedly", each.failures),
            ("passes, but is expected to fail", each.passes),
            ("is expected to fail, but there is no such test", each.stale),
            ("has no result", each.missing),
        ):
            for test in tests:
                message = each.results.get(test, {}).get("message", "")
                print(f"  {words}: {test.removeprefix(f'{TESTS}/')} {message}".rstrip())
    return 0 if all(each.good for each in verdicts) else 1
