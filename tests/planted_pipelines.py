"""A pipeline of a user whose output is moved by settings of its environment: it reads which are in force."""

import os
from types import SimpleNamespace

import numpy as np


def _in_force(mode):
    import mindspore as ms
    from mindspore._c_expression import RuntimeConf

    return {
        "isa": os.environ["ONEDNN_MAX_CPU_ISA"],
        "cores": str(len(os.sched_getaffinity(0))),
        "launches": "blocking" if RuntimeConf.get_instance().is_launch_blocking() else "asynchronous",
        "mode": mode,
        "numpy": np.__version__,
        "mindspore": ms.__version__,
    }


def moved(checkpoint, dtype, mode):
    """Move the output by 0.25 unless ``rule`` (all, any) of the settings in ``values`` are in force.

    ``values`` are lines such as ``cores=2``. The multiplication is MindSpore's.
    """
    import mindspore as ms

    def call(*, batch_size, generator, num_inference_steps, output_type, callback_on_step_end, values, rule):
        wanted = dict(each.split("=") for each in values)
        found = _in_force(mode)
        right = {"all": all, "any": any}[rule](found[name] == value for name, value in wanted.items())
        latents = generator.standard_normal((batch_size, 1, 8, 8)).astype(np.float32)
        for step in range(num_inference_steps):
            latents = (ms.Tensor(latents) * 0.5).asnumpy()
            callback_on_step_end(None, step, 999 - step, {"latents": latents})
        images = np.clip(latents.transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1)
        return SimpleNamespace(images=images + np.float32(0 if right else 0.25))

    return call
