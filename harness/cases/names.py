"""The names that a case may use: pipelines, checkpoints, ids and tags."""

from __future__ import annotations

import keyword
import re

from harness.cases.wording import quoted, suggestion

PIPELINES = ("ddim", "ddpm")
BUILTIN_CHECKPOINTS = ("ddpm-digits",)
SEEDED_CHECKPOINTS = ("ddpm-cifar10-32", "ddpm-cifar10-32-random")

# Names become folders of baselines, and file systems allow 255 bytes.
MAX_NAME = 100

SUITE_PATTERN = r"[a-z0-9][a-z0-9-]*"
CASE_PATTERN = r"[a-z0-9][a-z0-9._-]*"
TAG_PATTERN = r"[A-Za-z][A-Za-z0-9_]*"
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
MINDONE = "mindone"
DIFFUSERS = "diffusers"
FACTORY_PATTERN = rf"{IDENTIFIER}(\.{IDENTIFIER})*:{IDENTIFIER}"
MINDONE_CLASS_PATTERN = rf"{MINDONE}:{IDENTIFIER}"
MINDONE_PATTERN = rf"{MINDONE_CLASS_PATTERN}|{MINDONE}:{FACTORY_PATTERN}"
DIFFUSERS_PATTERN = rf"{DIFFUSERS}:{IDENTIFIER}"
HUB_PATTERN = r"hub:[A-Za-z0-9._-]+/[A-Za-z0-9._-]+@[A-Za-z0-9._/-]+"
PATH_PATTERN = r"[^:]+|[^:]*/.*"

# A branch moves, so it is refused. Only these names can be recognised without asking the Hub.
_BRANCHES = frozenset({"main", "master", "HEAD"})
# pytest gives these markers a meaning of its own: a case tagged `skip` would never run.
PYTEST_MARKERS = frozenset({"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"})
# The words that `-m` reads as operators and constants.
EXPRESSION_WORDS = frozenset({"and", "or", "not", "None", "True", "False"})
# The arguments that the harness itself passes to every pipeline, and the key of a case that sets each.
OWN_ARGUMENTS = {
    "batch_size": "`seeds`",
    "generator": "`seed` or `seeds`",
    "num_inference_steps": "`steps`",
    "callback_on_step_end": "`keep`",
}


def check_suite_name(name: str) -> str:
    """Return ``name``, or raise ValueError if it cannot be the name of a suite."""
    return _check(name, SUITE_PATTERN, "a suite's name", "lower-case letters, digits and '-'")


def check_case_id(name: str) -> str:
    """Return ``name``, or raise ValueError if it cannot be the id of a case."""
    return _check(name, CASE_PATTERN, "a case's id", "lower-case letters, digits, '.', '_' and '-'")


def _check(name: str, pattern: str, kind: str, allowed: str) -> str:
    if not re.fullmatch(pattern, name):
        rule = (
            f"{kind} starts with a letter or digit and has only {allowed} (it becomes a folder, never a path)"
        )
        raise ValueError(f"{quoted(name)} is not allowed; {rule}")
    if len(name) > MAX_NAME:
        raise ValueError(f"{quoted(name)} has {len(name)} characters; {kind} has at most {MAX_NAME}")
    return name


def check_tag(tag: str) -> str:
    """Return ``tag``, or raise ValueError if it cannot be a pytest marker of its own."""
    if len(tag) > MAX_NAME:
        raise ValueError(f"{quoted(tag)} has {len(tag)} characters; a tag has at most {MAX_NAME}")
    if not re.fullmatch(TAG_PATTERN, tag) or tag in EXPRESSION_WORDS:
        rule = "a tag becomes a pytest marker: a letter, then letters, digits and '_', and no word of Python"
        raise ValueError(f"{quoted(tag)} is not allowed; {rule}")
    if tag in PYTEST_MARKERS:
        raise ValueError(f"pytest itself acts on the marker {quoted(tag)}; choose another tag")
    return tag


def check_parameter_pattern(pattern: str) -> str:
    """Return ``pattern``, or raise ValueError if no name of a parameter could match it."""
    if not pattern.strip():
        raise ValueError("an empty pattern matches no parameter; write one such as 'unet/*.to_q.weight'")
    return pattern


def check_argument(name: str) -> str:
    """Return ``name``, or raise ValueError if it cannot be a keyword argument that the user chooses."""
    if name in OWN_ARGUMENTS:
        raise ValueError(f"the harness itself passes {quoted(name)}; remove it and use {OWN_ARGUMENTS[name]}")
    return check_setting(name)


def check_setting(name: str) -> str:
    """Return ``name``, or raise ValueError if it cannot be a keyword argument."""
    if not re.fullmatch(IDENTIFIER, name) or keyword.iskeyword(name):
        raise ValueError(f"{quoted(name)} is not the name of an argument; write a Python identifier")
    return name


def check_pipeline(name: str) -> str:
    """Return ``name``, or raise ValueError if it is neither built in nor in one of the two other forms."""
    if name in PIPELINES or re.fullmatch(f"{FACTORY_PATTERN}|{MINDONE_PATTERN}", name):
        return name
    forms = f"write {', '.join(PIPELINES)}, mindone:ClassName, diffusers:ClassName or package.module:factory"
    raise ValueError(f"unknown pipeline {quoted(name)}; {forms}")


def needs_checkpoint(pipeline: str) -> bool:
    """Return whether a case must name a checkpoint. A user's factory may have its own weights."""
    return pipeline in PIPELINES or is_class(pipeline)


def is_mindone(pipeline: str) -> bool:
    """Return whether a pipeline runs on mindone."""
    return pipeline.startswith(f"{MINDONE}:")


def is_mindone_class(pipeline: str) -> bool:
    """Return whether a pipeline is one of mindone's own classes."""
    return is_mindone(pipeline) and re.fullmatch(MINDONE_CLASS_PATTERN, pipeline) is not None


def is_diffusers(pipeline: str) -> bool:
    """Return whether a pipeline runs on diffusers, and so on torch."""
    return re.fullmatch(DIFFUSERS_PATTERN, pipeline) is not None


def is_class(pipeline: str) -> bool:
    """Return whether a pipeline is a class of mindone or diffusers, whose scheduler a case may choose."""
    return is_mindone_class(pipeline) or is_diffusers(pipeline)


def check_scheduler(name: str) -> str:
    """Return ``name``, or raise ValueError if it cannot be the name of a class."""
    if not re.fullmatch(IDENTIFIER, name):
        raise ValueError(f"{quoted(name)} is not the name of a class; write as EulerDiscreteScheduler")
    return name


def check_checkpoint(spec: str) -> str:
    """Return ``spec``, or raise ValueError if it is neither builtin:, seeded:, hub: nor a path.

    Whether a path or a repository exists is checked when the case runs.
    """
    kind, colon, name = spec.partition(":")
    if not colon or "/" in kind:
        if not spec.strip() or not spec.isprintable():
            raise ValueError(f"{quoted(spec)} is not a path; write the folder of the checkpoint")
        return spec
    if kind in ("builtin", "seeded"):
        known = BUILTIN_CHECKPOINTS if kind == "builtin" else SEEDED_CHECKPOINTS
        if name not in known:
            raise ValueError(
                f"unknown checkpoint {quoted(spec)}; {suggestion(spec, [f'{kind}:{n}' for n in known])}"
            )
        return spec
    if kind == "hub":
        return _check_hub(spec)
    forms = "write builtin:NAME, seeded:NAME, hub:owner/name@revision or a path"
    raise ValueError(
        f"unknown kind of checkpoint {quoted(spec)}; {forms} (with a colon in it: ./{quoted(spec)[1:-1]})"
    )


def _check_hub(spec: str) -> str:
    repository, at, revision = spec.partition("@")
    pinned = "a branch moves, so pin a commit hash or a tag"
    if not at or revision in _BRANCHES:
        raise ValueError(
            f"{quoted(spec)} names no fixed revision; {pinned}, as {quoted(repository)[1:-1]}@<revision>"
        )
    if not re.fullmatch(HUB_PATTERN, spec):
        raise ValueError(f"{quoted(spec)} is not a Hub repository; write hub:owner/name@revision")
    return spec
