"""Record a small model with msprobe's own PrecisionDebugger: `python record.py mindspore|torch OUT [FAULT]`.

Runs where msprobe is installed. The model and its weights are the same in both frameworks. FAULT is the
relative change of what `block.linear` returns. The dumps beside this file were made by it; their call stacks,
which name files of the machine, were left out.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

FRAMEWORK, OUT, FAULT = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
CONFIG = {"task": "tensor", "rank": [], "step": [], "level": "L0", "tensor": {"data_mode": ["all"]}}
STEPS = 2
rng = np.random.default_rng(7)
WEIGHTS = {
    name: rng.standard_normal(shape).astype(np.float32)
    for name, shape in (
        ("block.linear.weight", (5, 4)), ("block.linear.bias", (5,)),
        ("out.weight", (3, 5)), ("out.bias", (3,)),
    )
}  # fmt: skip
X = rng.standard_normal((2, 4)).astype(np.float32)


def mindspore_model():
    # What the CPU lacks for the figures that msprobe computes.
    sys.path.insert(0, str(Path(__file__).parents[3]))
    import mindspore as ms
    from mindspore import Tensor, nn

    from harness.kernels.install import install

    install()

    class Dense(nn.Dense):
        def construct(self, x):
            return super().construct(x) * (1 + FAULT)

    class Block(nn.Cell):
        def __init__(self):
            super().__init__()
            self.linear, self.act = Dense(4, 5), nn.SiLU()

        def construct(self, x, scale, shift=0.0):
            return self.act(self.linear(x)) * scale + shift

    class Net(nn.Cell):
        def __init__(self):
            super().__init__()
            self.block, self.out = Block(), nn.Dense(5, 3)

        def construct(self, x):
            return self.out(self.block(x, 2.0, shift=0.5))

    net = Net()
    for parameter in net.get_parameters():
        parameter.set_data(Tensor(WEIGHTS[parameter.name]))
    net.set_train(False)
    return net, lambda: net(Tensor(X)), ms


def torch_model():
    import torch
    from torch import nn

    class Linear(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (1 + FAULT)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.act = Linear(4, 5), nn.SiLU()
            self.narrow = nn.Identity()

        def forward(self, x, scale, shift=0.0):
            # A dtype that numpy lacks, in a module that the other model has not.
            self.narrow(x.to(torch.bfloat16))
            return self.act(self.linear(x)) * scale + shift

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block, self.out = Block(), nn.Linear(5, 3)

        def forward(self, x):
            return self.out(self.block(x, 2.0, shift=0.5))

    net = Net().eval()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in WEIGHTS.items()})

    def run():
        with torch.no_grad():
            net(torch.from_numpy(X))

    return net, run, torch


if FRAMEWORK == "torch":
    from msprobe.pytorch import PrecisionDebugger
else:
    from msprobe.mindspore import PrecisionDebugger
net, run, _ = torch_model() if FRAMEWORK == "torch" else mindspore_model()
with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
    json.dump({**CONFIG, "dump_path": str(OUT)}, config)
    config.flush()
    debugger = PrecisionDebugger(config_path=config.name, dump_path=str(OUT))
for _ in range(STEPS):
    debugger.start(net)
    run()
    debugger.stop()
    debugger.step()
