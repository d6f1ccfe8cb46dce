"""A case's hash changes with what comes out and with nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cases.case import Case
from harness.cases.job import Job
from harness.cases.load import load_suite

PLAIN = """\
suite: s
cases:
  - id: a
    pipeline: ddim
    checkpoint: builtin:ddpm-digits
    seeds: [0, 1]
    steps: 2
    arguments: {eta: 0.5, clip: {low: -1, high: 1}}
    dtype: float16
    mode: graph
    keep: latents
    batch_consistency: {psnr: 60}
"""

REARRANGED = """\
# The same case, said in another way.
cases:
- keep: "latents"
  tags: [nightly]
  batch_consistency: {relative_l2: 1e-6}
  arguments:
    clip:
      high: 1
      low: -1
  id: another-name
  steps: 2
  strict: true
  isolate: true
  timeout: 2.5
  computed_parameters: ["unet/*"]
suite: t
defaults:
  mode: graph
  dtype: 'float16'
  tolerance: {across_devices: {psnr: 50}}
  arguments: {eta: 5.0e-1}
  seeds:
    - 0
    - 0x1
  checkpoint: builtin:ddpm-digits
  pipeline: ddim
"""


def only_case(tmp_path: Path, text: str) -> Case:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    (case,) = load_suite(path).cases
    return case


def test_layout_defaults_and_judgement_do_not_change_the_hash(tmp_path: Path) -> None:
    one, two = only_case(tmp_path, PLAIN), only_case(tmp_path, REARRANGED)
    assert one.definition() == two.definition()
    assert one.hash() == two.hash()


def test_the_hash_is_stable_between_releases_of_the_harness(tmp_path: Path) -> None:
    # Baselines in the field carry this hash: changing how it is made turns them all stale.
    assert (
        only_case(tmp_path, PLAIN).hash()
        == "35896991a9695197593105f0cf441196d9f885f7a8aa6dbd18ecc5aaec3e3d21"
    )


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("pipeline: ddim", "pipeline: ddpm", "pipeline"),
        ("builtin:ddpm-digits", "some/folder", "checkpoint"),
        ("seeds: [0, 1]", "seeds: [0, 2]", "seeds"),
        ("seeds: [0, 1]", "seeds: [1, 0]", "seeds"),
        ("steps: 2", "steps: 3", "steps"),
        ("eta: 0.5", "eta: 0.25", "arguments"),
        ("low: -1", "low: -1.0", "arguments"),
        ("dtype: float16", "dtype: float32", "dtype"),
        ("mode: graph", "mode: pynative", "mode"),
        ("keep: latents", "keep: none", "keep"),
        ("    batch_consistency: {psnr: 60}\n", "", "singles"),
    ],
)
def test_each_field_that_decides_the_output_changes_the_hash(
    tmp_path: Path, before: str, after: str, field: str
) -> None:
    one, two = only_case(tmp_path, PLAIN), only_case(tmp_path, PLAIN.replace(before, after))
    # As text: 1 == 1.0 in Python.
    differing = {k for k, v in one.definition().items() if json.dumps(v) != json.dumps(two.definition()[k])}
    assert differing == {field}
    assert one.hash() != two.hash()


def test_one_seed_in_a_list_is_the_plain_seed(tmp_path: Path) -> None:
    text = PLAIN.replace("    batch_consistency: {psnr: 60}\n", "")
    batch = only_case(tmp_path, text.replace("seeds: [0, 1]", "seeds: [0]"))
    single = only_case(tmp_path, text.replace("seeds: [0, 1]", "seed: 0"))
    assert batch.definition() == single.definition()
    assert batch.hash() == single.hash()


def test_a_job_is_plain_data_and_knows_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_case(tmp_path, PLAIN)
    monkeypatch.chdir(tmp_path)
    (case,) = load_suite(Path("s.yaml")).cases
    job = case.job()
    base, place = str(tmp_path.resolve()), f"s.yaml:{case.line}:{case.column}"
    assert (job.name, job.base, job.root, job.place) == ("s/a", base, base, place)
    of_definition = ("pipeline", "checkpoint", "arguments", "dtype", "mode", "singles", "steps")
    assert {key: getattr(job, key) for key in of_definition}.items() <= case.definition().items()
    assert Job.from_wire(json.loads(json.dumps(job.to_wire()))) == job
    assert job.singles is True


def test_changing_a_job_does_not_change_the_case(tmp_path: Path) -> None:
    case = only_case(tmp_path, PLAIN)
    before = case.hash()
    case.job().arguments["clip"]["low"] = 5
    assert case.hash() == before
