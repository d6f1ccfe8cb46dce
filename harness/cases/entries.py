"""The shape of a suite file: what may be written, before defaults and parametrize are applied."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from harness.cases import names
from harness.cases.relations import Relation, check_relation
from harness.cases.tolerance import Limits, Strict, Tolerance
from harness.cases.wording import quoted, suggestion
from harness.promises import Promise

MAX_SEED = 2**64 - 1

Dtype = Literal["float32", "float16", "bfloat16", "float64"]
Mode = Literal["pynative", "graph"]
Keep = Literal["none", "latents"]
Run = Literal["always", "nightly"]
# The values of FailureCause that say what is wrong.
Fails = Literal[
    "unseeded-draw",
    "not-repeatable",
    "state-left-behind",
    "missing-kernel",
    "missing-package",
    "failed-operator",
    "not-compiled",
    "out-of-memory",
    "crash",
    "timeout",
]


def _matching(*patterns: str) -> Any:
    """Return a field whose JSON Schema requires one of ``patterns``; a validator words the error."""
    schemas: list[Any] = [{"pattern": f"^({pattern})$"} for pattern in patterns]
    return Field(json_schema_extra=schemas[0] if len(schemas) == 1 else {"anyOf": schemas})


def _one_of(*known: str) -> str:
    """Return a pattern for the names in ``known``."""
    return "|".join(name.replace(".", r"\.") for name in known)


def _except(pattern: str, reserved: Iterable[str]) -> dict[str, Any]:
    """Return the JSON Schema of names that match ``pattern`` but are not in ``reserved``."""
    return {"pattern": f"^({pattern})$", "not": {"enum": sorted(reserved)}}


def _may_be_missing(description: str) -> Any:
    """Return a field that may be omitted but not null; model_fields_set says whether it was written."""
    return Field(default=None, description=description)


SuiteName = Annotated[str, AfterValidator(names.check_suite_name), _matching(names.SUITE_PATTERN)]
CaseId = Annotated[str, AfterValidator(names.check_case_id), _matching(names.CASE_PATTERN)]
TagName = Annotated[
    str,
    AfterValidator(names.check_tag),
    WithJsonSchema(
        {"type": "string", **_except(names.TAG_PATTERN, names.PYTEST_MARKERS | names.EXPRESSION_WORDS)}
    ),
]
Arguments = Annotated[
    dict[Annotated[str, AfterValidator(names.check_argument)], Any],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": _except(names.IDENTIFIER, {*names.OWN_ARGUMENTS, *keyword.kwlist}),
        }
    ),
]
Invariances = Annotated[
    dict[Annotated[str, AfterValidator(check_relation)], Promise],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"enum": [each.value for each in Relation]},
            "additionalProperties": {"enum": list(get_args(Promise))},
        }
    ),
]
PipelineName = Annotated[
    str,
    AfterValidator(names.check_pipeline),
    _matching(_one_of(*names.PIPELINES), names.MINDONE_PATTERN, names.FACTORY_PATTERN),
]
CheckpointSpec = Annotated[
    str,
    AfterValidator(names.check_checkpoint),
    _matching(
        f"builtin:({_one_of(*names.BUILTIN_CHECKPOINTS)})",
        f"seeded:({_one_of(*names.SEEDED_CHECKPOINTS)})",
        names.HUB_PATTERN,
        names.PATH_PATTERN,
    ),
]
SchedulerName = Annotated[str, AfterValidator(names.check_scheduler), _matching(names.IDENTIFIER)]
SchedulerArguments = Annotated[
    dict[Annotated[str, AfterValidator(names.check_setting)], Any],
    WithJsonSchema({"type": "object", "propertyNames": _except(names.IDENTIFIER, keyword.kwlist)}),
]
ParameterPattern = Annotated[
    str,
    AfterValidator(names.check_parameter_pattern),
    WithJsonSchema({"type": "string", "pattern": r"\S"}),
]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Seeds = Annotated[list[Seed], Field(min_length=1)]
Steps = Annotated[int, Field(ge=1)]
ReferenceFactor = Annotated[float, Field(ge=1, le=1e6)]
# As long as locks can wait.
Timeout = Annotated[float, Field(ge=0.001, le=1e6)]


class JitEntry(Strict):
    """How `mindspore.jit` compiles a case in graph mode."""

    level: Literal["O0", "O1", "O2"] = _may_be_missing("O0: no fusion, O1: fusion, O2: the whole graph (GE)")
    exec_order: Literal["bfs", "dfs"] = _may_be_missing("The order of the operators of the graph")
    infer_boost: bool = _may_be_missing("true: faster operators for inference; needs level O0")


class DefaultsEntry(Strict):
    """The keys that `defaults` and a case share. Read a field only where model_fields_set has it."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["seed", "seeds"]}})

    pipeline: PipelineName = _may_be_missing(
        "ddim, ddpm, mindone:ClassName, diffusers:ClassName, package.module:factory, or "
        "mindone:package.module:factory"
    )
    checkpoint: CheckpointSpec = _may_be_missing(
        "builtin:NAME, seeded:NAME, hub:owner/name@revision, or a folder relative to this file"
    )
    scheduler: SchedulerName = _may_be_missing(
        "For mindone and diffusers: a scheduler class in place of the checkpoint's, made from its "
        "configuration"
    )
    scheduler_arguments: SchedulerArguments = _may_be_missing(
        "For mindone and diffusers: settings of the scheduler over those of the checkpoint"
    )
    seed: Seed = _may_be_missing("Seed of the one image")
    seeds: Seeds = _may_be_missing("Seeds of a batch, one generator per image")
    steps: Steps = _may_be_missing(
        "Number of denoising steps, which a pipeline that is not built in may lack"
    )
    arguments: Arguments = _may_be_missing("Further arguments of the pipeline")
    dtype: Dtype = _may_be_missing("float32 unless given; float64 is for diffusers")
    mode: Mode = _may_be_missing("pynative unless given")
    jit: JitEntry = _may_be_missing("For mode graph: how it is compiled; part of the environment")
    tolerance: Tolerance = _may_be_missing("Limits of the comparison with the baseline, by tier")
    tags: list[TagName] = _may_be_missing("pytest markers; those of defaults and case add up")
    strict: bool = _may_be_missing("Compare only in the environment of the baseline")
    isolate: bool = _may_be_missing("Run in a worker process of its own, which no other case shares")
    timeout: Timeout = _may_be_missing(
        "Time limit for one run in seconds, in place of --harness-timeout or --timeout"
    )
    repeat: bool = _may_be_missing(
        "false: never call the pipeline twice in one process; true: do so in every run"
    )
    computed_parameters: list[ParameterPattern] = _may_be_missing(
        "Patterns of parameters that are computed after loading (fused, merged), such as unet/*.to_q.weight: "
        "elsewhere they may be rounded otherwise"
    )
    keep: Keep = _may_be_missing("latents: store them for every step")
    run: Run = _may_be_missing(
        "nightly: pytest leaves the case out, unless it is asked for by its id, -k or --harness-nightly"
    )
    batch_consistency: Limits = _may_be_missing(
        "Limits for image i of the batch against the single image of its seed"
    )
    reference: Literal["diffusers"] = _may_be_missing(
        "For mindone: hold the case also to its original, which `harness record --reference` records"
    )
    reference_factor: ReferenceFactor = _may_be_missing(
        "For a reference: how many times as far from float64 as the original the case may be"
    )
    invariances: Invariances = _may_be_missing(
        "What `harness invariance` must find, by relation: identical, within (the calibrated limits), or any"
    )


# The keys whose values are parametrized one by one, as `arguments.eta`, and what checks the names in them.
PARTS = {"arguments": names.check_argument, "scheduler_arguments": names.check_setting}


def _check_part(key: str) -> str:
    """Return ``key``, which is no field of ParametrizeEntry, if it is the name of an argument."""
    whole, dot, name = key.partition(".")
    try:
        if dot and whole in PARTS:
            PARTS[whole](name)
            return key
        known = [*ParametrizeEntry.model_fields, *(f"{each}.NAME" for each in PARTS)]
        raise ValueError(f"unknown key {quoted(key)}; {suggestion(key, known)}")
    except ValueError as error:
        raise PydanticCustomError("key_error", "{error}", {"error": str(error)}) from None


def _parts_schema(schema: dict[str, Any]) -> None:
    """Describe the keys with a dot to editors, which the loader checks by :func:`_check_part`."""
    each = {"type": "array", "minItems": 1, "description": "One case per value of this argument"}
    reserved = [f"arguments.{name}" for name in names.OWN_ARGUMENTS]
    reserved += [f"{whole}.{name}" for whole in PARTS for name in keyword.kwlist]
    schema["patternProperties"] = {rf"^({'|'.join(PARTS)})\.{names.IDENTIFIER}$": each}
    schema["propertyNames"] = {"not": {"enum": sorted(reserved)}}
    schema |= {"additionalProperties": False, "minProperties": 1, "not": {"required": ["seed", "seeds"]}}


class ParametrizeEntry(Strict):
    """The keys a case is expanded over, in the order in which they enter its id, then those with a dot."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_parts_schema)
    __pydantic_extra__: dict[
        Annotated[str, AfterValidator(_check_part)], Annotated[list[Any], Field(min_length=1)]
    ]

    seed: Annotated[list[Seed], Field(min_length=1)] = _may_be_missing("One case per seed")
    seeds: Annotated[list[Seeds], Field(min_length=1)] = _may_be_missing("One case per batch of seeds")
    steps: Annotated[list[Steps], Field(min_length=1)] = _may_be_missing("One case per number of steps")
    dtype: Annotated[list[Dtype], Field(min_length=1)] = _may_be_missing("One case per dtype")
    mode: Annotated[list[Mode], Field(min_length=1)] = _may_be_missing("One case per mode")
    checkpoint: Annotated[list[CheckpointSpec], Field(min_length=1)] = _may_be_missing(
        "One case per checkpoint"
    )
    scheduler: Annotated[list[SchedulerName], Field(min_length=1)] = _may_be_missing("One case per scheduler")
    scheduler_arguments: Annotated[list[SchedulerArguments], Field(min_length=1)] = _may_be_missing(
        "One case per group of settings of the scheduler"
    )


class CaseEntry(DefaultsEntry):
    """One entry of `cases`."""

    id: CaseId = Field(
        description="Name of the case, unique in the suite; a folder of baselines is named after it"
    )
    fails: Fails = _may_be_missing(
        "Why the case is expected to fail: it fails where it does not, or for another cause"
    )
    parametrize: ParametrizeEntry = _may_be_missing(
        "Lists that expand this entry into one case per combination"
    )


class SuiteEntry(Strict):
    """A whole suite file."""

    suite: SuiteName = Field(description="Name of the suite; a folder of baselines is named after it")
    description: str = _may_be_missing("What the suite is for")
    defaults: DefaultsEntry = _may_be_missing("Keys for every case that does not set them itself")
    cases: Annotated[list[CaseEntry], Field(min_length=1)] = Field(description="The cases")
