"""Everything that can be wrong with a file: one SuiteError with every place, exactly."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from harness.cases.discovery import looks_like_suite
from harness.cases.load import load_suite
from harness.cases.problems import MOST_PROBLEMS, SuiteError
from harness.cases.tolerance import MOST_FACTOR
from harness.errors import HarnessError

HEAD = "suite: s\ncases:\n  - id: a\n    pipeline: ddim\n    checkpoint: builtin:ddpm-digits\n"
SOUND = HEAD + "    seed: 0\n    steps: 2\n"


def problems(tmp_path: Path, content: str | bytes) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_the_sound_suite_loads(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SOUND)
    assert len(load_suite(path).cases) == 1


# What follows SOUND (whose last line is 7) or HEAD (5), and what is said about it.
AFTER_SOUND = [
    ("    stpes: 2\n", "8:5: unknown key 'stpes'; did you mean 'steps'?"),
    ("    steps: 3\n", "8:5: the key 'steps' is given twice (first at line 7, column 5); remove one"),
    ("    seeds: [1]\n", "8:5: `seed` and `seeds` together; remove one"),
    (
        "    dtype: float46\n",
        "8:12: expected 'float32', 'float16', 'bfloat16' or 'float64', got the text 'float46'",
    ),
    ("    mode: 1\n", "8:11: expected 'pynative' or 'graph', got the number 1"),
    (
        "    jit: {level: O3}\n    mode: graph\n",
        "8:18: expected 'O0', 'O1' or 'O2', got the text 'O3'",
    ),
    ("    jit: O1\n    mode: graph\n", "8:10: expected a mapping, as `{level: O1}`, got the text 'O1'"),
    ("    jit: {levle: O1}\n    mode: graph\n", "8:11: unknown key 'levle'; did you mean 'level'?"),
    ("    jit: {}\n    mode: graph\n", "8:5: `jit` is empty; write `jit: {level: O1}`, or remove it"),
    (
        "    jit: {level: O1}\n",
        "8:5: `jit` says how a graph is compiled; add `mode: graph`, or remove it",
    ),
    (
        "    jit: {level: O1, infer_boost: true}\n    mode: graph\n",
        "8:5: `infer_boost` needs the level O0; remove one of the two",
    ),
    ("    keep: all\n", "8:11: expected 'none' or 'latents', got the text 'all'"),
    ("    strict: yes\n", "8:13: expected true or false, got the text 'yes'"),
    ("    strict: 1\n", "8:13: expected true or false, got the number 1"),
    ("    strict:\n", "8:12: expected true or false, got nothing"),
    ("    arguments: [1]\n", "8:16: expected a mapping, got a list"),
    ("    arguments: {1: 2}\n", "8:17: a key must be text; put it in quotes"),
    ("    arguments: {[1]: 2}\n", "8:17: a key must be text; put it in quotes"),
    ("    arguments: {a-b: 2}\n", "8:17: 'a-b' is not the name of an argument; write a Python identifier"),
    (
        "    arguments: {generator: 2}\n",
        "8:17: the harness itself passes 'generator'; remove it and use `seed` or `seeds`",
    ),
    ("    arguments: {x: .inf}\n", "8:20: .inf is not a finite number; write one"),
    (
        "    arguments: {x: 1e999}\n",
        "8:20: 1e999 is too large for a float; write a smaller number, or quote it to make it text",
    ),
    (
        "    arguments: {x: !!python/object/apply:os.system [echo]}\n",
        "8:20: the tag '!!python/object/apply:os.system' is not read; remove it (quotes make a value text)",
    ),
    ("    tags: [!mine a]\n", "8:12: the tag '!mine' is not read; remove it (quotes make a value text)"),
    ("    computed_parameters: unet/*\n", "8:26: expected a list, got the text 'unet/*'"),
    (
        "    computed_parameters: [unet/a, 5]\n",
        "8:35: expected text, got the number 5; put it in quotes",
    ),
    (
        '    computed_parameters: [""]\n',
        "8:27: an empty pattern matches no parameter; write one such as 'unet/*.to_q.weight'",
    ),
    (
        "    computed_parametres: [a]\n",
        "8:5: unknown key 'computed_parametres'; did you mean 'computed_parameters'?",
    ),
    ("    tags: nightly\n", "8:11: expected a list, got the text 'nightly'"),
    ("    tags: [skip]\n", "8:12: pytest itself acts on the marker 'skip'; choose another tag"),
    (
        "    tags: [a, b-c]\n",
        "8:15: 'b-c' is not allowed; a tag becomes a pytest marker: a letter, then letters, digits and '_', "
        "and no word of Python",
    ),
    (
        "    tags: [not]\n",
        "8:12: 'not' is not allowed; a tag becomes a pytest marker: a letter, then letters, digits and '_', "
        "and no word of Python",
    ),
    ("    tags: [5]\n", "8:12: expected text, got the number 5; put it in quotes"),
    (
        "    tolerance: 1e-6\n",
        "8:16: expected a mapping of tiers, as `{across_releases: calibrated}`, got the number 1e-6",
    ),
    (
        "    tolerance: calibrated\n",
        "8:16: expected a mapping of tiers, as `{across_releases: calibrated}`, got the text 'calibrated'",
    ),
    *(
        (
            f"    tolerance: {{{key}: 1}}\n",
            f"8:17: `{key}` belongs in a tier: `same_environment`, `across_releases` or `across_devices`",
        )
        for key in ("relative_l2", "calibrated", "exact")
    ),
    (
        "    tolerance: {factor: 3}\n",
        "8:17: `factor` belongs in a tier; write `{across_releases: {calibrated: {factor: …}}}`",
    ),
    (
        "    tolerance: {across_release: exact}\n",
        "8:17: unknown key 'across_release'; did you mean 'across_releases'?",
    ),
    *(
        (
            f"    tolerance: {{same_environment: {written}}}\n",
            f"8:35: expected `exact`, `calibrated` or a mapping of limits, got {described}",
        )
        for written, described in [
            ("exat", "the text 'exat'"),
            ("calibrate", "the text 'calibrate'"),
            ("0.1", "the number 0.1"),
            ("true", "true"),
            ("null", "nothing"),
            ("[exact]", "a list"),
        ]
    ),
    (
        "    tolerance: {same_environment: {calibrate: {factor: 3}}}\n",
        "8:36: unknown key 'calibrate'; did you mean 'calibrated'?",
    ),
    (
        "    tolerance: {same_environment: {exact: true}}\n",
        "8:36: `exact` is not a key; write it as the value of the tier",
    ),
    (
        "    tolerance: {same_environment: {factor: 3}}\n",
        "8:36: `factor` belongs under `calibrated`; write `{calibrated: {factor: …}}`",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {}, factor: 3}}\n",
        "8:48: `factor` belongs under `calibrated`; write `{calibrated: {factor: …}}`",
    ),
    *(
        (
            f"    tolerance: {{same_environment: {{calibrated: {written}}}}}\n",
            f"8:{column}: expected a mapping, got {described}; write `{{calibrated: {{factor: …}}}}`, "
            "or `calibrated` alone for the factor stored with the calibration",
        )
        for written, column, described in [
            ("3", 48, "the number 3"),
            ("true", 48, "true"),
            ("", 47, "nothing"),
            ("[3]", 48, "a list"),
            ("exact", 48, "the text 'exact'"),
        ]
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: 0.5}}}\n",
        "8:57: a factor of 0.5 makes limits tighter than what the calibration itself measured; "
        "give 1 or more",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: 100.5}}}\n",
        f"8:57: a factor of 100.5 makes limits that nothing exceeds; give {MOST_FACTOR} or less",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: }}}\n",
        "8:48: `factor` is empty; give a number, or remove it for the one stored with the calibration",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: '3'}}}\n",
        "8:57: expected a number, got the text '3'; write plain digits, as 1e-6, without quotes",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: true}}}\n",
        "8:57: expected a number, got true",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: .inf}}}\n",
        "8:57: .inf is not a finite number; write one",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factr: 3}}}\n",
        "8:49: unknown key 'factr'; did you mean 'factor'?",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {members: 8}}}\n",
        "8:49: unknown key 'members'; known is factor",
    ),
    (
        "    tolerance: {same_environment: {psnr: 40, calibrated: {factor: 3}, l2: 1}}\n",
        "8:58: limits or calibrated, not both; remove 'psnr', 'l2' or `calibrated`",
    ),
    (
        "    tolerance: {same_environment: {calibrated: {factor: 3}, members: 8}}\n",
        "8:48: nothing else goes with `calibrated`; remove 'members'",
    ),
    (
        "    tolerance: {same_environment: {}}\n",
        "8:35: there are no limits; give at least one, or write `exact`",
    ),
    (
        "    tolerance: {same_environment: {relative_l2: , psnr: 1}}\n",
        "8:48: expected a limit, got nothing; give one, or remove the key",
    ),
    ("    tolerance: {same_environment: {psnr: -1}}\n", "8:42: expected at least 0.0, got the number -1"),
    ("    tolerance: {same_environment: {ssim: 1.5}}\n", "8:42: expected at most 1.0, got the number 1.5"),
    ("    tolerance: {same_environment: {psnr: .nan}}\n", "8:42: .nan is not a finite number; write one"),
    (
        "    tolerance: {same_environment: {psnr: '40'}}\n",
        "8:42: expected a number, got the text '40'; write plain digits, as 1e-6, without quotes",
    ),
    (
        "    tolerance: {same_environment: {l2: 1}}\n",
        "8:36: unknown key 'l2'; known are max_abs, mean_abs, p999_abs, relative_l2, cosine_distance, "
        "worst_tile, brightness_shift, contrast_shift, psnr, ssim, ssim_worst, statistics, calibrated",
    ),
    (
        "    tolerance: {same_environment: {statistics: {mean: -1}}}\n",
        "8:55: expected at least 0.0, got the number -1",
    ),
    (
        "    tolerance: {same_environment: {statistics: [1]}}\n",
        "8:48: expected a number for all statistics, or a mapping from names to numbers, got a list",
    ),
    (
        "    batch_consistency: calibrated\n",
        "8:24: expected a mapping of limits, as `{relative_l2: 1e-6}`, got the text 'calibrated'",
    ),
    (
        "    batch_consistency: {calibrated: {factor: 3}}\n",
        "8:25: `calibrated` is for the tiers of `tolerance`; give limits for a batch and its images",
    ),
    (
        "    batch_consistency: {l2: 1}\n",
        "8:25: unknown key 'l2'; known are max_abs, mean_abs, p999_abs, relative_l2, cosine_distance, "
        "worst_tile, brightness_shift, contrast_shift, psnr, ssim, ssim_worst, statistics",
    ),
    (
        "    batch_consistency: {psnr: 40}\n",
        "8:5: `batch_consistency` compares a batch with its single images; give two or more `seeds`",
    ),
    ("    parametrize: {}\n", "8:18: `parametrize` is empty; list values, or remove it"),
    ("    parametrize: {dtype: []}\n", "8:26: the list is empty; give at least one value, or remove the key"),
    ("    parametrize: {dtype: [float16, float16]}\n", "8:36: this value is listed twice; remove one"),
    (
        "    parametrize: {steps: [1]}\n",
        "8:19: the case sets `steps` and is parametrized over `steps`; remove one of the two",
    ),
    (
        "    parametrize: {seeds: [[1]]}\n",
        "8:19: the case sets `seed` and is parametrized over `seeds`; remove one of the two",
    ),
    (
        "    parametrize: {eta: [1]}\n",
        "8:19: unknown key 'eta'; known are seed, seeds, steps, dtype, mode, checkpoint, scheduler, "
        "scheduler_arguments, arguments.NAME, scheduler_arguments.NAME",
    ),
    (
        "    parametrize: {arguments.generator: [1]}\n",
        "8:19: the harness itself passes 'generator'; remove it and use `seed` or `seeds`",
    ),
    (
        "    parametrize: {arguments.2x: [1]}\n",
        "8:19: '2x' is not the name of an argument; write a Python identifier",
    ),
    ("    parametrize: {arguments.x: 1}\n", "8:32: expected a list, got the number 1"),
    (
        "    parametrize: {arguments.x: []}\n",
        "8:32: the list is empty; give at least one value, or remove the key",
    ),
    ("    parametrize: {arguments.x: [1, 2, 1]}\n", "8:39: this value is listed twice; remove one"),
    (
        "    parametrize: {arguments.x: [a fox, 'a fox!']}\n",
        "8:40: the ids of two values would end in '-x-a-fox'; write an entry for each",
    ),
    (
        "    arguments: {x: 1}\n    parametrize: {arguments.x: [2]}\n",
        "9:19: the case sets `arguments.x` and is parametrized over `arguments.x`; remove one of the two",
    ),
    (
        "    parametrize: {checkpoint: ['hub:a/b@main']}\n",
        "8:32: 'hub:a/b@main' names no fixed revision; a branch moves, so pin a commit hash or a tag, as "
        "hub:a/b@<revision>",
    ),
    (
        "    parametrize: {scheduler: [DDIMScheduler]}\n",
        "8:19: `scheduler` is for the classes of mindone and diffusers; remove it",
    ),
    ("    <<: {steps: 3}\n", "8:5: merge keys (<<) are not read; use `defaults`"),
    ("  - nothing\n", "8:5: expected a mapping, got the text 'nothing'"),
    (
        "  - {id: a, pipeline: 'x:y', seed: 0, steps: 1}\n",
        "8:10: the id 'a' is taken (line 3, column 9); choose another",
    ),
    ("  - {pipeline: 'x:y', seed: 0, steps: 1}\n", "8:5: the key 'id' is missing; add it"),
    (
        "  - {id: b, pipeline: ddim, checkpoint: 'builtin:ddpm-digits', seed: 0}\n",
        "8:5: the key 'steps' is missing; add it to the case or to `defaults`",
    ),
    (
        "  - {id: b, seed: 0, steps: 1}\n",
        "8:5: the key 'pipeline' is missing; add it to the case or to `defaults`",
    ),
    (
        "  - {id: b, pipeline: 'x:y', steps: 1}\n",
        "8:5: a case needs `seed`, or `seeds` for a batch; add it to the case or to `defaults`",
    ),
    (
        "  - {id: b, pipeline: 'mindone:DDIMPipeline', seed: 0, steps: 1}\n",
        "8:5: the pipeline 'mindone:DDIMPipeline' needs a checkpoint; add the key 'checkpoint'",
    ),
    (
        "defaults: {id: x}\n",
        "8:12: 'id' differs from case to case; move it from `defaults` to the case",
    ),
    ("defaults: {seed: 1, seeds: [2]}\n", "8:21: `seed` and `seeds` together; remove one"),
    (
        "defaults: {batch_consistency: {psnr: 40}}\n",
        "3:5: `batch_consistency` compares a batch with its single images; give two or more `seeds`",
    ),
    ("defaults: none\n", "8:11: expected a mapping, got the text 'none'"),
    ("case: []\n", "8:1: unknown key 'case'; did you mean 'cases'?"),
    ("description: 5\n", "8:14: expected text, got the number 5; put it in quotes"),
    ("    \ttags: []\n", "8:5: a tab here; indent with spaces"),
    ("---\nsuite: t\n", "8:1: a second document starts here; put one suite in one file"),
    ("    tags: [*nope]\n", "8:12: found undefined alias 'nope'; correct the YAML"),
    (
        "    tags: [a\n",
        "9:1: expected ',' or ']', but got '<stream end>' (while parsing a flow sequence); correct the YAML",
    ),
    ('    tags: ["\\UFFFFFFFF"]\n', "8:15: an escape or a number is out of range here; correct it"),
    ('    tags: ["\\U00110000"]\n', "8:15: an escape or a number is out of range here; correct it"),
    ('    tags: ["\\uD800"]\n', "8:12: half of a surrogate pair in '\\ud800'; write the whole character"),
]


@pytest.mark.parametrize(("written", "expected"), AFTER_SOUND, ids=[w.strip() for w, _ in AFTER_SOUND])
def test_one_problem_is_said_once(tmp_path: Path, written: str, expected: str) -> None:
    assert problems(tmp_path, SOUND + written) == [expected]


AFTER_HEAD = [
    ("steps: 0\n    seed: 0", "6:12: expected at least 1, got the number 0"),
    ("steps: 2.0\n    seed: 0", "6:12: expected a whole number, got the number 2.0"),
    ("steps: true\n    seed: 0", "6:12: expected a whole number, got true"),
    (
        "steps: '2'\n    seed: 0",
        "6:12: expected a whole number, got the text '2'; write plain digits, without quotes",
    ),
    (
        "steps: 1_000\n    seed: 0",
        "6:12: expected a whole number, got the text '1_000'; write plain digits, without quotes",
    ),
    ("seed: -1\n    steps: 1", "6:11: expected at least 0, got the number -1"),
    (
        "seed: 18446744073709551616\n    steps: 1",
        "6:11: 18446744073709551616 does not fit in 64 bits; "
        "write a smaller number, or quote it to make it text",
    ),
    (
        "seed: " + "9" * 5000 + "\n    steps: 1",
        "6:11: a number of 5000 characters; write at most 100, or quote it as text",
    ),
    ("seeds: []\n    steps: 1", "6:12: the list is empty; give at least one value, or remove the key"),
    ("seeds: 3\n    steps: 1", "6:12: expected a list, got the number 3"),
    ("seeds: [0, -3]\n    steps: 1", "6:16: expected at least 0, got the number -3"),
    (
        "seeds: [0]\n    steps: 1\n    batch_consistency: {psnr: 40}",
        "8:5: `batch_consistency` compares a batch with its single images; give two or more `seeds`",
    ),
    (
        "steps: 1\n    parametrize: {seed: [1], seeds: [[2]]}",
        "7:30: `seed` and `seeds` together; remove one",
    ),
    (
        "parametrize: {seed: ["
        + ", ".join(map(str, range(101)))
        + "], steps: ["
        + ", ".join(map(str, range(1, 101)))
        + "]}",
        "6:18: the suite expands to more than 10,000 cases; split it or shorten the lists",
    ),
]


@pytest.mark.parametrize(("written", "expected"), AFTER_HEAD, ids=[w[:40] for w, _ in AFTER_HEAD])
def test_numbers(tmp_path: Path, written: str, expected: str) -> None:
    assert problems(tmp_path, f"{HEAD}    {written}\n") == [expected]


NAMES = [
    (
        "pipeline: ddmi",
        "unknown pipeline 'ddmi'; write ddim, ddpm, mindone:ClassName, diffusers:ClassName or package.module",
    ),
    ("pipeline: 'os; x:y'", "unknown pipeline 'os; x:y'; write"),
    ("pipeline: 'mindone:'", "unknown pipeline 'mindone:'; write"),
    ("pipeline: ':f'", "unknown pipeline ':f'; write"),
    ('pipeline: "ddim\\n"', "unknown pipeline 'ddim\\n'; write"),
    (
        "checkpoint: builtin:ddpm-digit",
        "unknown checkpoint 'builtin:ddpm-digit'; did you mean 'builtin:ddpm-digits'?",
    ),
    (
        "checkpoint: 'seeded:'",
        "unknown checkpoint 'seeded:'; known are seeded:ddpm-cifar10-32, seeded:ddpm-cifar10-32-random",
    ),
    (
        "checkpoint: hub:google/ddpm-cifar10-32",
        "'hub:google/ddpm-cifar10-32' names no fixed revision; a branch moves, so "
        "pin a commit hash or a tag, as hub:google/ddpm-cifar10-32@<revision>",
    ),
    ("checkpoint: hub:google/ddpm@main", "'hub:google/ddpm@main' names no fixed revision; a branch moves"),
    ("checkpoint: hub:google@v1", "'hub:google@v1' is not a Hub repository; write hub:owner/name@revision"),
    ("checkpoint: hub:a/b@", "'hub:a/b@' is not a Hub repository; write"),
    (
        "checkpoint: hf:a/b",
        "unknown kind of checkpoint 'hf:a/b'; write builtin:NAME, seeded:NAME, hub:owner/name@revision",
    ),
    ("checkpoint: ''", "'' is not a path; write the folder of the checkpoint"),
    ('checkpoint: "a\\0b"', "'a\\x00b' is not a path; write"),
    (
        "id: ../a",
        "'../a' is not allowed; a case's id starts with a letter or digit and has only lower-case letters",
    ),
    ("id: a/b", "'a/b' is not allowed; a case's id"),
    ("id: .hidden", "'.hidden' is not allowed; a case's id"),
    ("id: A", "'A' is not allowed; a case's id"),
    ('id: "a\\n"', "'a\\n' is not allowed; a case's id"),
    (f"id: {'a' * 101}", f"'{'a' * 59}…' has 101 characters; a case's id has at most 100"),
    ("id: 7", "expected text, got the number 7; put it in quotes"),
]


@pytest.mark.parametrize(("written", "expected"), NAMES, ids=[w[:40] for w, _ in NAMES])
def test_names(tmp_path: Path, written: str, expected: str) -> None:
    values = {"id": "a", "pipeline": "ddim", "checkpoint": "builtin:ddpm-digits", "seed": "0", "steps": "1"}
    key, value = written.split(": ", 1)
    body = ", ".join(f"{k}: {v}" for k, v in {**values, key: value}.items())
    found = problems(tmp_path, f"suite: s\ncases: [{{{body}}}]\n")
    assert len(found) == 1
    assert found[0].split(": ", 1)[1].startswith(expected)


@pytest.mark.parametrize("name", ["'a/b'", "..", "'A'", "a_b", "''", "-a"])
def test_a_suite_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, SOUND.replace("suite: s", f"suite: {name}"))
    assert len(found) == 1
    assert "is not allowed; a suite's name starts with a letter or digit" in found[0]


FILES: list[tuple[str | bytes, str]] = [
    ("", "1:1: the file is empty; write `suite:` and `cases:`"),
    ("# only a comment\n", "1:1: the file is empty; write `suite:` and `cases:`"),
    ("- a\n", "1:1: expected a mapping, got a list"),
    ("just words\n", "1:1: expected a mapping, got the text 'just words'"),
    ("suite: s\n", "1:1: the key 'cases' is missing; add it"),
    ("suite: s\ncases: []\n", "2:8: the list is empty; give at least one value, or remove the key"),
    ("suite: s\ncases: {}\n", "2:8: expected a list, got a mapping"),
    (b"suite: s\n# caf\xc3\xa9 \xe9\n", "2:8: the byte 0xE9 is not UTF-8; save the file as UTF-8"),
    (b"\xef\xbb\xbf# \xff", "1:3: the byte 0xFF is not UTF-8; save the file as UTF-8"),
    (
        "suite: s\n# \x07\n",
        "2:3: the character U+0007 is not allowed in YAML; remove it or escape it in double quotes",
    ),
    ("suite: s".encode("utf-16"), "1:1: the byte 0xFF is not UTF-8; save the file as UTF-8"),
]


@pytest.mark.parametrize(("content", "expected"), FILES, ids=[repr(c)[:40] for c, _ in FILES])
def test_whole_files(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert problems(tmp_path, content) == [expected]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "no.yaml"
    with pytest.raises(SuiteError, match=r"no\.yaml: no such file; check the path$"):
        load_suite(missing)
    with pytest.raises(SuiteError, match="it is a folder, not a file"):
        load_suite(tmp_path)
    with pytest.raises(SuiteError, match="cannot be read: no file has such a name"):
        load_suite(Path("a\0b.yaml"))
    unreadable = tmp_path / "a.yaml"
    unreadable.symlink_to("/proc/self/mem")  # opens, then fails to be read, even for root
    assert looks_like_suite(unreadable)
    with pytest.raises(SuiteError, match=r"a\.yaml: cannot be read: Input/output error$"):
        load_suite(unreadable)


def test_bounds(tmp_path: Path) -> None:
    laughs = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"- &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    (bomb,) = problems(tmp_path, "\n".join(laughs))
    assert bomb.endswith("more than 200,000 values, each alias (*) counted as what it stands for; use fewer")
    nested = "nested deeper than 32 levels (an alias inside its own anchor never ends); flatten it"
    assert nested in problems(tmp_path, "[" * 100_000)[0]
    assert nested in problems(tmp_path, "&a [*a]")[0]
    assert problems(tmp_path, SOUND + "#" * (1 << 20)) == [" larger than 1 MiB; split it into several suites"]


def test_all_problems_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
suite: s
extra: 1
cases:
  - {id: a, pipeline: ddim, steps: 0, seed: -1, checkpoint: 'builtin:x'}
  - {id: b, pipeline: 'x:y', steps: 1}
  - {id: c, pipeline: 'x:y', steps: 1, seed: 1, seed: 2, arguments: {z: !t 3}}
  - {id: b, pipeline: 'x:y', steps: 1, seed: 1}
  - {id: b, pipeline: 'x:y', steps: 1, seed: 1}
"""
    places = [problem.split(": ")[0] for problem in problems(tmp_path, text)]
    assert places == ["2:1", "4:36", "4:45", "4:61", "5:5", "6:49", "6:73", "7:10", "8:10"]


def test_what_only_the_whole_shows_is_not_left_for_a_second_round(tmp_path: Path) -> None:
    text = """\
suite: s
defaults: {pipeline: ddim, checkpoint: 'builtin:ddpm-digits', step: 2, dtype: float46}
cases:
  - {id: a, seed: -1, seeds: [1], batch_consistency: {relative_l2: 0}}
  - {id: a, seed: 0, kep: latents}
  - {id: b, seed: 0, seeds: [1, 2]}
  - {id: b, seed: 0, batch_consistency: {relative_l2: 0}, tags: [skip]}
  - {id: c, sed: 0}
  - {id: c, parametrize: {seed: [1], seeds: [[1, 2]], steps: [0]}}
  - {id: c, pipelin: 'x:y', scheduler: E}
  - {id: C}
"""
    assert problems(tmp_path, text) == [
        "2:63: unknown key 'step'; did you mean 'steps'?",
        "2:79: expected 'float32', 'float16', 'bfloat16' or 'float64', got the text 'float46'",
        "4:19: expected at least 0, got the number -1",
        "4:23: `seed` and `seeds` together; remove one",
        "4:35: `batch_consistency` compares a batch with its single images; give two or more `seeds`",
        "5:10: the id 'a' is taken (line 4, column 10); choose another",
        "5:22: unknown key 'kep'; did you mean 'keep'?",
        "6:22: `seed` and `seeds` together; remove one",
        "7:10: the id 'b' is taken (line 6, column 10); choose another",
        "7:22: `batch_consistency` compares a batch with its single images; give two or more `seeds`",
        "7:66: pytest itself acts on the marker 'skip'; choose another tag",
        "8:13: unknown key 'sed'; did you mean 'seed'?",
        "9:38: `seed` and `seeds` together; remove one",
        "9:63: expected at least 1, got the number 0",
        "10:5: a case needs `seed`, or `seeds` for a batch; add it to the case or to `defaults`",
        "10:10: the id 'c' is taken (line 8, column 10); choose another",
        "10:13: unknown key 'pipelin'; did you mean 'pipeline'?",
        "11:5: a case needs `seed`, or `seeds` for a batch; add it to the case or to `defaults`",
        "11:10: 'C' is not allowed; a case's id starts with a letter or digit and has only lower-case "
        "letters, digits, '.', '_' and '-' (it becomes a folder, never a path)",
    ]


def test_a_wrong_value_is_said_once_however_often_it_is_used(tmp_path: Path) -> None:
    cases = "[{id: a, steps: &n 0, pipeline: 'x:y', seed: 0}, {id: b, steps: *n, pipeline: 'x:y', seed: 0}]"
    assert problems(tmp_path, f"suite: s\ncases: {cases}") == ["2:24: expected at least 1, got the number 0"]


def test_a_key_named_like_a_form_of_its_parent_does_not_move_the_place(tmp_path: Path) -> None:
    text = SOUND + "    tolerance: {same_environment: {limits: {}, psnr: -1}}\n"
    assert [p.split(": ")[0] for p in problems(tmp_path, text)] == ["8:36", "8:54"]
    text = SOUND + "    tolerance: {same_environment: {statistics: {each: 1, mean: -1}}}\n"
    assert [p.split(": ")[0] for p in problems(tmp_path, text)] == ["8:64"]


def test_wrong_defaults_are_not_also_missing_keys_of_the_cases(tmp_path: Path) -> None:
    text = "suite: s\ndefaults: {steps: 0, pipeline: 'x:y', seed: 0}\ncases: [{id: a}]"
    assert problems(tmp_path, text) == ["2:19: expected at least 1, got the number 0"]


def test_problems_are_data_and_survive_pickling(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SOUND + "    stpes: 1\n")
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.column) == (path, 8, 5)
    assert isinstance(caught.value, HarnessError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.problems, str(copy)) == (caught.value.problems, str(caught.value))


def test_a_message_stays_on_one_line_and_short(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SOUND + '    dtype: "' + "x" * 5000 + '\\n\\e[31m"\n')
    assert len(problem) < 200
    (problem,) = problems(tmp_path, SOUND + '    dtype: "a\\nb\\e[31m"\n')
    assert problem.endswith("got the text 'a\\nb\\x1b[31m'")


def many(template: str, count: int) -> str:
    return ",".join(template.format(i) for i in range(count))


@pytest.mark.parametrize(
    "content",
    {
        "wrong values": HEAD + f"    steps: 2\n    parametrize: {{seed: [{many('a', 100_000)}]}}\n",
        "repeated keys": SOUND + f"    arguments: {{{many('k: {}', 100_000)}}}\n",
        "unknown keys": "suite: s\ncases:\n  - {" + many("k{}: 1", 60_000) + "}\n",
        "no cases": f"suite: s\ncases: [{many('1', 150_000)}]\n",
        "cases beyond the limit": SOUND
        + "".join(f"  - {{id: b{i}, pipeline: 'a:b', seed: 0}}\n" for i in range(18_000)),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_file_that_is_wrong_all_over_is_told_in_short(tmp_path: Path, content: tuple[str, str]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(content[1])
    started = time.process_time()
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == MOST_PROBLEMS + 1
    assert lines[-1] == "and more than these 100: correct them first"
    assert len(str(caught.value)) < 50_000
    # Minutes before; a second or two now.
    assert time.process_time() - started < 30


def test_a_list_that_is_too_long_is_not_looked_through(tmp_path: Path) -> None:
    text = HEAD + f"    steps: 2\n    parametrize: {{seed: [{many('1', 149_000)}]}}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.endswith("the suite expands to more than 10,000 cases; split it or shorten the lists")


def test_a_tag_has_a_length(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SOUND + f"    tags: [{'x' * 5000}]\n")
    assert problem.endswith("has 5000 characters; a tag has at most 100")
