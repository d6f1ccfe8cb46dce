"""`harness explain --knobs` in the terminal and as JSON: which settings, turned back, end the drift."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from harness.counting import count
from harness.errors import in_short
from harness.operations.knobs import Foreseen, SettingsFound, Tried
from harness.releases.delta_debugging import Search
from harness.releases.environments import BYTES_EACH
from harness.releases.settings import Fixed, Setting, Why, release_of
from harness.reporting.progress import ProgressBar
from harness.reporting.reasons import text_of
from harness.reporting.tables import Table, show, table_lines

_NAMES = {
    "isa": "the instruction set (ISA)",
    "cores": "the visible cores",
    "launches": "the launch mode",
    "mode": "the mode",
    "jit": "the settings of jit",
    "level": "CANN's level of determinism",
    "hccl": "HCCL_DETERMINISTIC",
    "hf32": "HF32",
    "cpu_model": "the model of the CPU",
    "libc": "the C library",
    "mindspore": "MindSpore",
    "mint_kernels": "the version of the CPU kernels",
    "graph_operators": "the version of the operators in graphs",
}
_FIXED = {
    Why.DEVICE: "the other side is another device",
    Why.PROCESSOR: "it belongs to the processor",
    Why.SYSTEM: "it belongs to the operating system",
    Why.NPU: "it belongs to the NPU and its software",
    Why.ISA: "this processor does not have it; its widest is {told}",
    Why.CORES: "this process may run on {told} of them",
    Why.HARNESS: "it belongs to this version of harness; install the one with which the other side ran",
    Why.BUILD: "both are {told}, in two builds",
    Why.EDITED: "both are {told}, one of them edited",
    Why.ALWAYS: "harness always switches it off",
    Why.UNKNOWN: "harness cannot set it",
    Why.FAILED: "{told}",
}
_CORES_UNKNOWN = "this system cannot keep a process to some of its cores"
_MODES = {"pynative": "in PyNative", "graph": "in graph mode"}


class SettingsDisplay(ProgressBar):
    """Says what the search will take, before it begins."""

    def finished(self, result: Foreseen) -> None:
        """Print what is foreseen."""
        show(self.console, foreseen_text(result))


def foreseen_text(foreseen: Foreseen) -> str:
    """Return what a search takes, as one line."""
    names = ", ".join(map(_name, (each.name for each in foreseen.settings)))
    runs = count(foreseen.least, "run")
    if len(foreseen.settings) > 2 and foreseen.most > foreseen.least:
        runs = f"{foreseen.least} to {count(foreseen.most, 'run')}"
    text = f"to turn back: {names}; {runs} of about {foreseen.seconds:.0f} s"
    if foreseen.made:
        size = f"{BYTES_EACH / 1e9:.1f} GB"
        text += f"; environments to make ({size} each) for: {', '.join(map(_name, foreseen.made))}"
    return text


def settings_text(found: SettingsFound) -> str:
    """Return what was found as text: the conclusion, the settings that differ, and notes."""
    lines = [f"{found.name}, compared with {found.reference}: {_concluded(found)}"]
    rows = list(_rows(found))
    if rows:
        other = _other(found)
        table = Table(("setting", "here", other, "turned back alone, it gives"), rows)
        lines += ["", "settings that differ:", *(str(line) for line in table_lines(table, "  "))]
    if (whole := found.whole) is not None and len(whole.turned) > 1:
        together = "all that can be turned back" if len(whole.turned) == len(found.settings) else None
        names = together or _listed([_name(each) for each in whole.turned])
        lines.append(f"{names}, together: {_gives(whole, found)}")
    if found.tried:
        lines.append(
            f"{count(len(found.tried), 'run')} with settings turned back, {found.seconds:.0f} s in all"
        )
    lines += [f"note: {note}" for note in _notes(found)]
    return "\n".join(lines)


def settings_json(found: SettingsFound) -> str:
    """Return what was found as JSON."""
    data = {
        "case": found.name,
        "reference": found.reference,
        "conclusion": found.conclusion,
        "explained": found.explained,
        "tier": found.tier.value,
        "settings": [_setting_json(each) for each in found.settings],
        "fixed": [
            {**_setting_json(each.setting), "why": each.why.value, "told": each.told} for each in found.fixed
        ],
        "here": _tried_json(found.here),
        "tried": list(map(_tried_json, found.tried)),
        "bits": _search_json(found.bits),
        "verdicts": None if found.verdicts is None else _search_json(found.verdicts),
        "unrepeated": None if found.unrepeated is None else text_of(found.unrepeated),
        "seconds": round(found.seconds, 1),
    }
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _concluded(found: SettingsFound) -> str:
    other = _other(found)
    match found.conclusion:
        case "nothing":
            return f"nothing differs: the bits here are those of the {other}"
        case "repetition":
            return "the case does not repeat, so no setting can be told from chance"
        case "fixed" if not found.fixed:
            return "no setting differs, so none is the cause: the bits differ in the same environment"
        case "fixed":
            return "nothing that differs can be turned back here"
        case "none":
            return (
                f"not the settings that can be turned back: none of them brings the bits of the {other}. The "
                "cause is the pipeline's code, or what cannot be turned back"
            )
        case "undecided":
            return f"not decided in {count(len(found.tried), 'run')}: allow more with --max-runs"
    best = found.best
    assert best is not None
    ends = f"the bits are those of the {other}" if best is found.bits else "the case passes"
    if best.alone:
        chosen = [each for each in found.settings if each.name in best.alone]
        names = " alone, or ".join(_name(each.name) for each in chosen)
        return f"{names} alone: {', or '.join(map(_turned, chosen))} {ends}"
    chosen = [each for each in found.settings if each.name in best.together]
    names = _listed([_name(each.name) for each in chosen])
    return f"{names}, only together: {_with(chosen)} {ends}"


def _notes(found: SettingsFound) -> Iterator[str]:
    best = found.best
    if found.unrepeated is not None:
        yield text_of(found.unrepeated)
    if best is not None and best is not found.bits:
        yield f"no setting brings the bits of the {_other(found)}; these end the drift by the case's limits"
    if best is not None and best.together:
        if best.smallest:
            runs = " that runs" if any(each.error is not None for each in found.tried) else ""
            yield f"no smaller set of settings{runs} does the same, so none of them can be left out"
        else:
            yield "a smaller set may do the same: the search ended early, allow more runs with --max-runs"
    if best is not None and best.alone and best.all_of_them is False:
        yield "all settings together do not do the same: they work against each other"
    if found.conclusion in ("none", "fixed", "repetition"):
        yield "harness explain without --knobs says where the difference begins"


def _rows(found: SettingsFound) -> Iterator[Sequence[str]]:
    held = {each.setting.name: each for each in found.fixed}
    for each in found.settings:
        tried = found.of(each.name)
        given = "not tried" if tried is None else _gives(tried, found)
        given = _cannot(held.pop(each.name)) if each.name in held else given
        yield _name(each.name).removeprefix("the "), *_values(each), given
    for fixed in held.values():
        yield _name(fixed.setting.name).removeprefix("the "), *_values(fixed.setting), _cannot(fixed)


def _values(setting: Setting) -> tuple[str, str]:
    here, there = setting.here or "(none)", setting.there or "(none)"
    if release_of(here) != release_of(there):
        return release_of(here), release_of(there)
    return here, there


def _gives(tried: Tried, found: SettingsFound) -> str:
    if tried.error is not None:
        return f"no result: {in_short(str(tried.error))}"
    if tried.same:
        return f"the bits of the {_other(found)}"
    assert tried.verdict is not None
    return f"other bits, {tried.verdict.value}"


def _cannot(fixed: Fixed) -> str:
    text = _CORES_UNKNOWN if fixed.why is Why.CORES and not fixed.told else _FIXED[fixed.why]
    return f"cannot be turned back: {text.format(told=fixed.told)}"


def _with(settings: Sequence[Setting]) -> str:
    return _listed([_turned(each) for each in settings])


def _turned(setting: Setting) -> str:
    """Return a setting turned back, as part of a sentence: ``with one core``."""
    name, there = setting.name, setting.there
    if name == "cores":
        return "with one core" if there == "1" else f"with {there} cores"
    if name == "mode" and there in _MODES:
        return _MODES[there]
    if name == "launches":
        return f"with {there} launches"
    if name == "isa":
        return f"with {there}"
    if name == "jit":
        return "with MindSpore's own settings of jit" if there is None else f"with jit at {there}"
    return f"with {_name(name)} {release_of(there or '')}"


def _name(name: str) -> str:
    return _NAMES.get(name, name)


def _other(found: SettingsFound) -> str:
    return "baseline" if found.stored else "reference"


def _listed(texts: Sequence[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _setting_json(setting: Setting) -> dict[str, Any]:
    return {"name": setting.name, "here": setting.here, "there": setting.there}


def _tried_json(tried: Tried) -> dict[str, Any]:
    return {
        "turned": list(tried.turned),
        "same": tried.same,
        "verdict": None if tried.verdict is None else tried.verdict.value,
        "error": None if tried.error is None else str(tried.error),
    }


def _search_json(search: Search) -> dict[str, Any]:
    return {
        "alone": list(search.alone),
        "together": list(search.together),
        "all_of_them": search.all_of_them,
        "smallest": search.smallest,
        "complete": search.complete,
    }
