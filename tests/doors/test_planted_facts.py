"""A loader's mistake of one element, and a constant that no step reads, are drift that no figure shows."""

from user_project import Project

SUITE = """\
suite: small
defaults:
  {pipeline: ddim, checkpoint: "builtin:ddpm-digits", seed: 0, steps: 2,
   tolerance: {same_environment: {relative_l2: 1.0}}}
cases:
  - id: float32
  - {id: float16, dtype: float16}
"""
LOAD = "parameters[name].set_data(Tensor(array, self.dtype))"
# The neighbour of one number, in the dtype of the model.
MISTAKE = (
    "changed = np.array(array); changed[-1:] = np.nextafter(changed[-1:], changed.dtype.type(9))\n"
    '            parameters[name].set_data(Tensor(changed if name == "conv_out.bias" else array, self.dtype))'
)
TABLE = "return np.cumprod(alphas, dtype=np.float64).astype(np.float32)"
# Two steps visit neither this timestep nor the one before.
OTHER = (
    "table = np.cumprod(alphas, dtype=np.float64); table[123] *= 1 + 1e-6; return table.astype(np.float32)"
)


def test_both_are_named_first_in_every_dtype(tmp_path):
    project = Project(tmp_path / "project")
    project.suite("small", SUITE)
    project.keep_baselines()
    assert set(project.compare().verdicts.values()) == {"identical"}
    project.edit_core("pipelines/models/unet2d.py", LOAD, MISTAKE)
    project.edit("core/harness/pipelines/schedulers/schedule.py", TABLE, OTHER)
    compared = project.compare()
    assert compared.verdicts == {"small/float32": "drift", "small/float16": "drift"}
    for name in compared.verdicts:
        told = compared.explanation(name)
        parameter = told.index("- the loaded parameter unet/conv_out.bias is not the one recorded\n")
        constant = told.index(
            "- the constant scheduler.alphas_cumprod is not the one recorded: at [123] (timestep 123)"
        )
        assert parameter < constant
        assert "1. inputs: the loaded parameter unet/conv_out.bias is not the one recorded" in told
        assert "2. schedule: the constant scheduler.alphas_cumprod" in told
