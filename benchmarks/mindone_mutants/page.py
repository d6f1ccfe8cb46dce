"""The page docs/mindone-mutants.md, and the sample of the night: what a campaign found, in tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.mindone_mutants.campaign import SOUND, Campaign, Result
from benchmarks.mindone_mutants.operators import Mutant
from benchmarks.mindone_mutants.reach import Module, Reach, by_area, ranges
from benchmarks.mindone_mutants.universe import EFFECTIVE, NIGHTLY, SEED, drawn
from benchmarks.pages import write_between

DOCUMENT = Path(__file__).parents[2] / "docs" / "mindone-mutants.md"
SAMPLE = Path(__file__).parent / "nightly.json"
BEGIN, END = "<!-- mutants -->", "<!-- end of mutants -->"


def write(campaign: Campaign) -> None:
    """Write the tables between the markers of the page, and the sample of the night."""
    write_between(DOCUMENT, BEGIN, END, "\n".join(tables(campaign)))
    effective = {
        Mutant(**each.mutant).key: each for each in campaign.results() if each.effective_by is not None
    }
    # As they are drawn, an area after the other, whatever was run first.
    chosen = [effective[each.key] for each in drawn(campaign.seed) if each.key in effective]
    # What was said names paths of the machine, and is not held to anything.
    sample = [asdict(replace(each, verdict="", passed=())) for each in chosen[:NIGHTLY]]
    SAMPLE.write_text(json.dumps(sample, indent=1) + "\n")


def tables(campaign: Campaign) -> list[str]:
    results = campaign.results()
    effective = [each for each in results if each.effective_by is not None]
    caught = [each for each in effective if each.caught_by is not None]
    recorded = [name for name in campaign.cases if name in campaign.targets]
    always = [name for name in recorded if campaign.cases[name].run == "always"]
    probes = [
        name
        for name, each in campaign.targets.items()
        if name not in campaign.cases and each["found"] == "alike"
    ]
    modules = Reach(campaign.data_file, tuple(recorded)).modules()
    alone = {each.file: each for each in Reach(campaign.data_file, tuple(always)).modules()}
    unfit = sum(campaign.targets[name]["found"] not in SOUND for name in recorded)
    share = _share(len(caught), len(effective))
    return [
        f"Seed {SEED}. {len(results)} mutants were drawn from lines that a probe runs; {len(effective)} are "
        f"effective ({EFFECTIVE} were wanted). **The recorded cases catch {len(caught)} of these, {share}.**",
        "",
        f"Recorded were {len(recorded)} of the {len(campaign.cases)} cases ({len(always)} run always, "
        f"the others at night) and of {len(probes)} probes. {unfit} of these cases were "
        "incomparable across releases when they were recorded, and judge no mutant.",
        "",
        *_counts("area", effective, lambda each: str(each.mutant["area"])),
        *_counts("operator", effective, lambda each: str(each.mutant["operator"])),
        "## What no recorded case notices",
        "",
        *survivors(campaign, effective),
        "## Which code the recorded cases run",
        "",
        "Statements within functions, without those that raise an error; branches are the ways out of a line "
        "that has several.",
        "",
        *coverage(modules, alone),
        "### Lines that no recorded case runs",
        "",
        *missing(modules),
    ]


def _counts(head: str, results: list[Result], of: object) -> list[str]:
    assert callable(of)
    total, caught = (
        Counter(map(of, results)),
        Counter(of(each) for each in results if each.caught_by is not None),
    )
    rows = [
        f"| {name} | {count} | {caught[name]} | {_share(caught[name], count)} |"
        for name, count in sorted(total.items())
    ]
    return [f"| {head} | effective | caught | share |", "|---|---|---|---|", *rows, ""]


def survivors(campaign: Campaign, effective: Iterable[Result]) -> list[str]:
    rows = []
    covering = campaign.covering()
    for each in effective:
        if each.caught_by is not None:
            continue
        _, cases = covering(Mutant(**each.mutant))
        why = f"recorded cases that run it and pass: {len(cases)}" if cases else "no recorded case judges it"
        place = f"{each.mutant['file']}:{each.mutant['line']}"
        rows.append(f"| `{place}` | {_code(each.told)} | {why} | {_code(each.probe_told)} |")
    if not rows:
        return ["Nothing: every effective mutant was caught.", ""]
    return ["| place | change | today | a case like this would catch it |", "|---|---|---|---|", *rows, ""]


def coverage(modules: Iterable[Module], alone: dict[str, Module]) -> list[str]:
    rows = [
        "| module | statements | run | run by cases that run always | branches | taken |",
        "|---|---|---|---|---|---|",
    ]
    for area, found in by_area(modules).items():
        kept = [each for each in found if each.statements]
        rows.append(_row(f"**{area}**", kept, [alone[each.file] for each in kept]))
        rows += [_row(f"`{each.file}`", [each], [alone[each.file]]) for each in kept]
    return [*rows, ""]


def _row(name: str, modules: list[Module], alone: list[Module]) -> str:
    statements = sum(each.statements for each in modules)
    branches = sum(each.branches for each in modules)
    run = statements - sum(len(each.missing) for each in modules)
    always = statements - sum(len(each.missing) for each in alone)
    taken = branches - sum(each.missing_branches for each in modules)
    shares = (_share(run, statements), _share(always, statements), str(branches), _share(taken, branches))
    return f"| {name} | {statements} | {' | '.join(shares)} |"


def missing(modules: Iterable[Module]) -> list[str]:
    """Return the lines that no case runs, by module; a module that no case runs at all is named only."""
    untouched = [each.file for each in modules if each.statements and len(each.missing) == each.statements]
    listed = [each for each in modules if each.missing and each.file not in untouched]
    rows = [f"- `{each.file}`: {ranges(each.missing)}" for each in listed]
    names = ", ".join(f"`{each}`" for each in untouched)
    return [*rows, "", f"No recorded case runs anything of: {names or 'none'}."]


def of_line(campaign: Campaign, place: str) -> list[str]:
    """Return which cases run FILE:LINE, or each line of FILE, and what came of the mutants there."""
    file, _, line = place.partition(":")
    cases = tuple(name for name in campaign.cases if name in campaign.targets)
    found = {
        number: names
        for number, names in Reach(campaign.data_file, cases).cases_of(file).items()
        if names and line in ("", str(number))
    }
    told = [f"{file}:{number}: {', '.join(names)}" for number, names in found.items()]
    for each in campaign.results():
        mutant = Mutant(**each.mutant)
        if mutant.file == file and line in ("", str(mutant.line)) and each.effective_by is not None:
            told.append(f"{mutant.key} {each.told}: {each.caught_by or 'no case'} notices it")
    return told or [f"{place}: no case runs it"]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|').replace('`', '')}`"
