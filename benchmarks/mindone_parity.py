"""How far mindone on this machine is from diffusers on torch, as Markdown tables.

    python benchmarks/mindone_parity.py [--json FILE]

Runs what tests/data/parity/mindone/runs.py lists, with the checkpoints of suites/mindone, and compares with
the arrays in reference.safetensors there; see the README beside them.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from safetensors import safe_open

from harness.execution.profile import Profile, claim_core

ROOT = Path(__file__).parents[1]
CHECKPOINTS = ROOT / "suites" / "mindone" / "checkpoints"
REFERENCE = ROOT / "tests" / "data" / "parity" / "mindone"
sys.path.insert(0, str(REFERENCE))

from runs import (  # noqa: E402
    BETAS,
    COMPONENTS,
    PIPELINES,
    PROMPTS,
    SCHEDULER_SHAPE,
    SCHEDULER_STEPS,
    SCHEDULERS,
    SEED,
    Component,
    Pipeline,
    Scheduler,
    predict,
    relative_l2,
    scheduler_bias,
)

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="a file for all figures")
    path = parser.parse_args().json
    with safe_open(REFERENCE / "reference.safetensors", "numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict

    start_mindspore()
    figures = dict(measure(arrays))
    if path is not None:
        path.write_text(json.dumps(figures, indent=2))
    print(table(figures, json.loads(metadata["1_ulp_relative_l2"])))
    print(schedulers_in_words(figures))
    print(versions(json.loads(metadata["versions"])))


def start_mindspore() -> None:
    """Import MindSpore under the worker's profile, with kernels for mint where the device is the CPU."""
    profile = Profile(core=claim_core().core)
    profile.apply_before_import()
    import mindspore  # noqa: F401

    profile.apply_after_import()
    from harness.kernels import install

    install()


def measure(arrays: dict[str, np.ndarray]) -> Iterator[tuple[str, Figures]]:
    """Yield each run's name and how far its output is from torch's.

    ``exact_exp_relative_l2`` is what is left of the deviation with :func:`exact_exponential`.
    """
    yield "tokens", {"different": int(np.sum(tokens() != arrays["tokens"]))}
    for name, component in COMPONENTS.items():
        output, exact = run_component(component)
        truth = arrays[f"{name}, float64"]
        to_truth = {
            "float64_relative_l2": relative_l2(output, truth),
            "torch_float64_relative_l2": relative_l2(arrays[name], truth),
        }
        yield name, deviation(output, exact, arrays[name]) | to_truth
    for name, pipeline in PIPELINES.items():
        yield name, deviation(*run_pipeline(pipeline), arrays[name])
    for name, scheduler in SCHEDULERS.items():
        try:
            yield name, {"relative_l2": relative_l2(run_scheduler(scheduler), arrays[name])}
        except ValueError as error:
            yield name, {"error": str(error).splitlines()[0]}


def deviation(output: np.ndarray, exact: np.ndarray, reference: np.ndarray) -> Figures:
    assert output.shape == reference.shape, (output.shape, reference.shape)
    assert output.dtype == reference.dtype, (output.dtype, reference.dtype)
    difference = np.abs(output.astype(np.float64) - reference)
    return {
        "relative_l2": relative_l2(output, reference),
        "exact_exp_relative_l2": relative_l2(exact, reference),
        "max_abs": float(difference.max()),
    }


@contextmanager
def exact_exponential() -> Iterator[None]:
    """Make timestep embeddings with a correctly rounded exp: MindSpore's is not (docs/findings.md)."""
    import mindspore as ms
    from mindone.diffusers.models import embeddings

    def exp(exponent: ms.Tensor) -> ms.Tensor:
        return ms.Tensor(np.exp(exponent.asnumpy().astype(np.float64)).astype(np.float32))

    sound = embeddings.mint
    embeddings.mint = SimpleNamespace(**{**vars(sound), "exp": exp})
    try:
        yield
    finally:
        embeddings.mint = sound


def tokens() -> np.ndarray:
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(CHECKPOINTS / "stable-diffusion" / "tokenizer")
    return tokenizer(list(PROMPTS), padding="max_length", truncation=True, return_tensors="np").input_ids


def run_component(component: Component) -> tuple[np.ndarray, np.ndarray]:
    """Return the output of a component as it is, and with :func:`exact_exponential`."""
    import mindspore as ms
    from mindone import diffusers, transformers
    from mindone.diffusers.pipelines import unclip

    kind = next(
        getattr(library, component.kind)
        for library in (diffusers, transformers, unclip)
        if hasattr(library, component.kind)
    )
    model = kind.from_pretrained(str(CHECKPOINTS / component.folder)).set_train(False)
    arguments = {
        name: ms.Tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in component.arguments().items()
    }
    call = getattr(model, component.call)
    output = call(**arguments)[component.output].asnumpy()
    with exact_exponential():
        return output, call(**arguments)[component.output].asnumpy()


def run_pipeline(run: Pipeline) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a pipeline as it is, and with :func:`exact_exponential`."""
    from mindone import diffusers
    from PIL import Image

    pipeline = getattr(diffusers, run.kind).from_pretrained(str(CHECKPOINTS / run.folder))
    if run.scheduler is not None:
        pipeline.scheduler = getattr(diffusers, run.scheduler).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    arguments = dict(run.arguments)
    if run.picture is not None:
        arguments["image"] = Image.open(CHECKPOINTS / run.picture).convert("RGB")

    def images() -> np.ndarray:
        generator = np.random.Generator(np.random.PCG64(SEED))
        return pipeline(generator=generator, output_type="np", **arguments)[0]

    output = images()
    with exact_exponential():
        return output, images()


def run_scheduler(run: Scheduler) -> np.ndarray:
    """Return the last sample of a scheduler that is given :func:`runs.predict` for a model."""
    import mindspore as ms
    from mindone import diffusers

    scheduler = getattr(diffusers, run.kind).from_config(BETAS | run.settings)
    scheduler.set_timesteps(SCHEDULER_STEPS)
    generator, bias = np.random.Generator(np.random.PCG64(SEED)), ms.Tensor(scheduler_bias())
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    noise = generator.standard_normal(SCHEDULER_SHAPE).astype(np.float32)
    sample = ms.Tensor(noise) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        predicted = predict(scheduler.scale_model_input(sample, timestep), bias)
        sample = scheduler.step(predicted, timestep, sample, **extra, return_dict=False)[0]
    return sample.asnumpy()


def table(figures: dict[str, Figures], moved: dict[str, float]) -> str:
    """Return two Markdown tables: components, with who is nearer to float64, and pipelines."""
    shared = {"relative L2": "relative_l2", "with exact exp": "exact_exp_relative_l2", "max abs": "max_abs"}
    nearer = {"mindone to float64": "float64_relative_l2", "torch to float64": "torch_float64_relative_l2"}
    ulp = {"1 ulp of noise": "moved"}
    pipelines = {name: {**figures[name], "moved": moved[name]} for name in PIPELINES}
    components = {name: figures[name] for name in COMPONENTS}
    return "\n".join(
        _rows("component", components, shared | nearer) + _rows("pipeline", pipelines, shared | ulp)
    )


def _rows(head: str, figures: dict[str, Figures], columns: dict[str, str]) -> list[str]:
    rows = [[head, *columns], ["---"] * (1 + len(columns))]
    rows += [[name, *(f"{row[key]:.1e}" for key in columns.values())] for name, row in figures.items()]
    return [f"| {' | '.join(row)} |" for row in rows] + [""]


def schedulers_in_words(figures: dict[str, Figures]) -> str:
    found = {name: figures[name].get("relative_l2", float("nan")) for name in SCHEDULERS}
    finite = [value for value in found.values() if np.isfinite(value)]
    failed = [name for name, value in found.items() if not np.isfinite(value)]
    within = f"{len(finite)} of {len(found)} settings of schedulers: {min(finite):.1e} to {max(finite):.1e}"
    return f"{within}; NaN or an error: {'; '.join(failed) or 'none'}\n"


def versions(torch: dict[str, str]) -> str:
    from importlib.metadata import version

    ours = ", ".join(f"{name} {version(name)}" for name in ("mindspore", "mindone", "transformers"))
    theirs = ", ".join(f"{name} {torch[name]}" for name in ("torch", "diffusers", "transformers"))
    return f"{ours} on CPU against {theirs}"


if __name__ == "__main__":
    main()
