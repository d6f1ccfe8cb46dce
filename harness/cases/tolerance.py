"""Tolerances: the limits of a comparison, in three tiers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    Tag,
    WithJsonSchema,
    model_validator,
)

from harness.cases.wording import described, quoted

# The word in a tier for limits from calibration, and the key that contains their options.
CALIBRATED = "calibrated"
# A larger safety factor is a mistake: limits of that many times the envelope hide faults.
MOST_FACTOR = 100
FACTOR_MISPLACED = "`factor` belongs under `calibrated`; write `{calibrated: {factor: …}}`"
# Measured values must be at least these limits. For all other metrics, they must be at most the limit.
AT_LEAST = ("psnr", "ssim", "ssim_worst")


class Strict(BaseModel):
    """What every part of a suite shares: no unknown keys, no coercion, no change afterwards."""

    # The validator of a whole file is built when the first file is read; none is built for its parts alone.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


def _not_null(value: object) -> object:
    # A limit left empty would silently limit nothing.
    if value is None:
        raise ValueError("expected a limit, got nothing; give one, or remove the key")
    return value


def _factor(value: float) -> float:
    if value < 1:
        raise ValueError(
            f"a factor of {value:g} makes limits tighter than what the calibration itself measured; "
            "give 1 or more"
        )
    if value > MOST_FACTOR:
        raise ValueError(
            f"a factor of {value:g} makes limits that nothing exceeds; give {MOST_FACTOR} or less"
        )
    return value


def _statistics_kind(value: object) -> str | None:
    if isinstance(value, dict):
        return "(each)"
    return "(all)" if isinstance(value, int | float) and not isinstance(value, bool) else None


NonNegative = Annotated[float, Field(ge=0)]
_LIMIT: dict[str, Any] = {"type": "number", "minimum": 0}

Limit = Annotated[NonNegative | None, BeforeValidator(_not_null), WithJsonSchema(_LIMIT)]
Similarity = Annotated[
    Annotated[float, Field(ge=0, le=1)] | None,
    BeforeValidator(_not_null),
    WithJsonSchema({**_LIMIT, "maximum": 1}),
]
StatisticsLimit = Annotated[
    Annotated[
        Annotated[NonNegative, Tag("(all)")]
        | Annotated[dict[str, NonNegative], Field(min_length=1), Tag("(each)")],
        Discriminator(
            _statistics_kind,
            custom_error_type="statistics_kind",
            custom_error_message="expected a number for all statistics, or a mapping from names to numbers",
        ),
    ]
    | None,
    BeforeValidator(_not_null),
    WithJsonSchema(
        {"anyOf": [_LIMIT, {"type": "object", "additionalProperties": _LIMIT, "minProperties": 1}]}
    ),
]

Factor = Annotated[
    Annotated[float, AfterValidator(_factor)] | None,
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": MOST_FACTOR}),
]


class Limits(Strict):
    """The limits of a comparison; a metric without one is shown but does not decide.

    ``psnr``, ``ssim`` and ``ssim_worst`` must be at least their limit, every other metric at most.
    Differences are in the unit of the arrays compared: for images, of [0, 1].
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    max_abs: Limit = Field(None, description="Largest absolute difference")
    mean_abs: Limit = Field(None, description="Mean absolute difference")
    p999_abs: Limit = Field(None, description="99.9th percentile of the absolute difference")
    relative_l2: Limit = Field(None, description="L2 norm of the difference over that of the baseline")
    cosine_distance: Limit = Field(None, description="1 - cosine similarity")
    worst_tile: Limit = Field(None, description="The difference in the tile where it is largest")
    brightness_shift: Limit = Field(None, description="Change of the mean")
    contrast_shift: Limit = Field(None, description="Change of the standard deviation")
    psnr: Limit = Field(None, description="At least this peak signal-to-noise ratio, in dB")
    ssim: Similarity = Field(None, description="At least this structural similarity")
    ssim_worst: Similarity = Field(None, description="At least this structural similarity in every window")
    statistics: StatisticsLimit = Field(None, description="Change of every statistic, or of each named one")

    @model_validator(mode="after")
    def _decides_something(self) -> Limits:
        if not self.given():
            raise ValueError("there are no limits; give at least one, or write `exact`")
        return self

    def given(self) -> dict[str, float | dict[str, float]]:
        """Return the limits that are set, by metric, in the order of the fields."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}


class Calibrated(Strict):
    """Limits measured by the calibration in the baseline: for each metric, statistic and step its envelope,
    the largest deviation of the calibration's members, times a factor.

    ``factor`` None stands for the factor stored with the calibration.
    """

    factor: Factor = Field(
        None, description="What the envelope is multiplied by (the calibration's own factor unless given)"
    )


def _options(value: object) -> object:
    """Return the input for Calibrated: nothing for the word, or the options under the key."""
    if not isinstance(value, dict):
        return {} if value == CALIBRATED else value
    others = [key for key in value if key != CALIBRATED]
    if "factor" in others:
        raise ValueError(FACTOR_MISPLACED)
    if others:
        limits = any(key in Limits.model_fields for key in others)
        what = "limits or calibrated, not both" if limits else "nothing else goes with `calibrated`"
        raise ValueError(f"{what}; remove {', '.join(map(quoted, others))}{' or `calibrated`' * limits}")
    options = value[CALIBRATED]
    if not isinstance(options, dict):
        raise ValueError(
            f"expected a mapping, got {described(options)}; write `{{calibrated: {{factor: …}}}}`, "
            "or `calibrated` alone for the factor stored with the calibration"
        )
    if options.get("factor", 1) is None:
        raise ValueError(
            "`factor` is empty; give a number, or remove it for the one stored with the calibration"
        )
    return options


def _tier_kind(value: object) -> str | None:
    # The tag and the key are the same word, so that a problem with the options is located under the key.
    if value == CALIBRATED or isinstance(value, Calibrated):
        return CALIBRATED
    if isinstance(value, dict | Limits):
        return CALIBRATED if isinstance(value, dict) and CALIBRATED in value else "(limits)"
    return "(exact)" if value == "exact" else None


def _null_is_calibrated(value: object) -> object:
    return Calibrated() if value is None else value


def _word_or_key(schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Return the JSON Schema of what _options reads."""
    options = {**handler(schema), "description": "Limits from the baseline's calibration"}
    mapping = {"type": "object", "properties": {CALIBRATED: options}, "required": [CALIBRATED]}
    return {"anyOf": [{"type": "string", "const": CALIBRATED}, {**mapping, "additionalProperties": False}]}


def _or_null(schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
    return {"anyOf": [handler(schema), {"type": "null"}]}


Exact = Annotated[Literal["exact"], WithJsonSchema({"type": "string", "const": "exact"})]
TierLimits = Annotated[
    Annotated[Exact, Tag("(exact)")]
    | Annotated[
        Calibrated,
        BeforeValidator(_options),
        GetPydanticSchema(get_pydantic_json_schema=_word_or_key),
        Tag(CALIBRATED),
    ]
    | Annotated[Limits, Tag("(limits)")],
    Discriminator(
        _tier_kind,
        custom_error_type="tier_kind",
        custom_error_message="expected `exact`, `calibrated` or a mapping of limits",
    ),
]
TierLimitsOrDefault = Annotated[
    TierLimits,
    BeforeValidator(_null_is_calibrated),
    GetPydanticSchema(get_pydantic_json_schema=_or_null),
]


class Tolerance(Strict):
    """What a comparison is held to, by how alike the two environments are.

    None in ``across_devices`` means that the case is not compared across devices. In YAML, null takes back
    what `defaults` set; in ``across_releases`` that leaves Calibrated(), so that this tier is never None.
    """

    same_environment: TierLimits = Field(
        "exact", description="Where the fingerprints are equal (exact unless given)"
    )
    across_releases: TierLimitsOrDefault = Field(
        default_factory=Calibrated,
        description="Where software or the CPU's model differs (calibrated unless given; so is null)",
    )
    across_devices: TierLimits | None = Field(
        None, description="Where type, SoC, ISA or visible cores differ (null: not compared)"
    )

    def overridden_by(self, other: Tolerance) -> Tolerance:
        """Return this tolerance with each tier that ``other`` sets replaced whole."""
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set})
