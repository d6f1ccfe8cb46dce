"""What a wrong cell looks like, in words."""

from __future__ import annotations

from harness.explanation.hypotheses import kinds
from harness.reporting.figures import figure

_FAMILIES: dict[kinds.Family, str] = {
    kinds.Family.ACTIVATION: "the activation",
    kinds.Family.GATE: "the gated activation",
    kinds.Family.NORMALISATION: "the normalisation",
    kinds.Family.TIMESTEP: "the embedding of the timestep",
    kinds.Family.ATTENTION: "the attention",
}


def mistake_text(mistake: kinds.Mistake) -> str:
    """Return what the port does otherwise, as the end of a sentence that begins with "looks like"."""
    match mistake:
        case kinds.Factor(value=value):
            return f"a factor: every value is {figure(value, 4)} times the original's"
        case kinds.Offset(value=value):
            return f"an offset: every value is {figure(value, 4)} more than the original's"
        case kinds.ChannelOffset(axis=axis):
            return f"another bias, or none: the difference is one number per index of axis {axis}"
        case kinds.ChannelFactor(axis=axis):
            return f"another scale, or none: the quotient is one number per index of axis {axis}"
        case kinds.Summand(name=name, times=times):
            lacks = "a sum that lacks" if abs(times + 1) < 0.01 else f"{figure(times, 4)} times"
            more = "" if abs(times + 1) < 0.01 else ", added to the original's result"
            return f"{lacks} `{name}`{more}"
        case kinds.Coefficients(names=names, ours=ours, theirs=theirs):
            return f"other coefficients: {_sum(names, ours)}, where the original has {_sum(names, theirs)}"
        case _:
            return _places_text(mistake)


def _sum(names: tuple[str, ...], values: tuple[float, ...]) -> str:
    return " + ".join(f"{figure(value, 4)} `{name}`" for name, value in zip(names, values, strict=True))


def _places_text(mistake: kinds.Mistake) -> str:
    match mistake:
        case kinds.Permuted(axes=axes):
            return f"permuted axes: the original's values with its axes in the order {list(axes)}"
        case kinds.Regrouped(axis=axis, parts=parts):
            return f"another order of groups: axis {axis} split into {parts}, and put together the other way"
        case kinds.PartsNotMoved(axis=axis, parts=parts):
            return (
                f"another order of axes: axis {axis}, of {parts} parts, was not moved behind axis {axis - 1}"
            )
        case kinds.Reversed(axis=axis):
            return f"reverse order along axis {axis}"
        case kinds.Swapped(axis=axis):
            return f"swapped halves of axis {axis}"
        case kinds.Rolled(axis=axis, places=places):
            return f"the original's values, moved by {places} along axis {axis}"
        case kinds.Clipped(low=low, high=high):
            return f"values clipped to {figure(low, 4)} to {figure(high, 4)}, which the original's are not"
        case kinds.Unclipped(low=low, high=high):
            return f"values that are not clipped, to {figure(low, 4)} to {figure(high, 4)}"
        case kinds.Border():
            return "another padding: only the border of the last two axes differs"
        case kinds.Lacking(names=names):
            return f"an argument that is not passed: {', '.join(f'`{name}`' for name in names)}"
        case kinds.Part(axis=axis, first=first, last=last, size=size):
            where = f"index {first}" if first == last else f"the indices {first} to {last}"
            return f"a part alone: only {where} of axis {axis} differ, of {size}"
        case _:
            return _formula_text(mistake)


def _formula_text(mistake: kinds.Mistake) -> str:
    match mistake:
        case kinds.Rounded(dtype=dtype):
            return f"fewer digits: its values are those of {dtype}, the original's are not"
        case kinds.RoundedInside(dtype=dtype):
            return f"fewer digits: the difference is as large as if something inside were {dtype}"
        case kinds.Variant(family=family, ours=ours, theirs=theirs):
            pairs = [f"{name} {ours[name]} instead of {theirs[name]}" for name in sorted(ours)]
            return f"another formula of {_FAMILIES[family]}: {', '.join(pairs)}"
        case _:
            raise TypeError(f"no words for {mistake!r}")
