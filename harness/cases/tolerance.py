"""Tolerances: the limits of a comparison, in three tiers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

# Measured values must be at least these limits; at most all the others.
AT_LEAST = ("psnr", "ssim", "ssim_worst")


class Strict(BaseModel):
    """What every part of a suite shares: no unknown keys, no coercion, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _not_null(value: object) -> object:
    # A limit left empty would be one that silently limits nothing.
    if value is None:
        raise ValueError("expected a limit, got nothing; give one, or remove the key")
    return value


def _statistics_kind(value: object) -> str | None:
    if isinstance(value, dict):
        return "each"
    return "all" if isinstance(value, int | float) and not isinstance(value, bool) else None


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
        Annotated[NonNegative, Tag("all")]
        | Annotated[dict[str, NonNegative], Field(min_length=1), Tag("each")],
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
            raise ValueError("limits that limit nothing; give at least one, or write `exact`")
        return self

    def given(self) -> dict[str, float | dict[str, float]]:
        """Return the limits that are set, by metric, in the order of the fields."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}


def _tier_kind(value: object) -> str | None:
    if isinstance(value, dict | Limits):
        return "limits"
    return "exact" if isinstance(value, str) else None


Exact = Annotated[Literal["exact"], WithJsonSchema({"type": "string", "const": "exact"})]
Tier = Annotated[
    Annotated[Exact, Tag("exact")] | Annotated[Limits, Tag("limits")],
    Discriminator(
        _tier_kind,
        custom_error_type="tier_kind",
        custom_error_message="expected `exact` or a mapping of limits",
    ),
]


class Tolerance(Strict):
    """What a comparison is held to, by how alike the two environments are.

    None in ``across_releases`` leaves the limits to calibration; None in ``across_devices`` means that
    the case is not compared across devices. In YAML, null takes back what `defaults` set.
    """

    same_environment: Tier = Field(
        "exact", description="Where the fingerprints are equal (exact unless given)"
    )
    across_releases: Tier | None = Field(
        None, description="Where software or the CPU's model differs (null: as calibrated)"
    )
    across_devices: Tier | None = Field(
        None, description="Where type, SoC, ISA or visible cores differ (null: not compared)"
    )

    def overridden_by(self, other: Tolerance) -> Tolerance:
        """Return this tolerance with each tier that ``other`` sets replaced whole."""
        return self.model_copy(update={name: getattr(other, name) for name in other.model_fields_set})
