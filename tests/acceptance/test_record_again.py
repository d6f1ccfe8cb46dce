"""`harness record`, then the comparing run, then `harness record` again, on cases that are
more than one image in float32."""

import pytest

FORMS = """\
suite: forms
defaults: {pipeline: ddim, checkpoint: builtin:ddpm-digits, seed: 0, steps: 3}
cases:
  - {id: batch, seeds: [0, 1], batch_consistency: {relative_l2: 1.0e-6}}
  - {id: half-graph, dtype: float16, mode: graph, keep: latents}
"""


@pytest.mark.slow
def test_what_was_recorded_is_identical_and_recording_again_changes_no_file(project):
    project.suite("forms", FORMS)
    project.record()
    first = project.baselines()
    assert len(first) == 4
    found = project.compare()
    assert found.returncode == 0, found.text
    assert found.verdicts == {"forms/batch": "identical", "forms/half-graph": "identical"}
    assert set(found.tiers.values()) == {"same_environment"}
    project.record("--reason", "nothing changed")
    assert project.baselines() == first
