"""The JSON side of a baseline: sorted, diffable, and sealed against manual edits."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.baselines.baseline import Baseline, Provenance
from harness.baselines.calibration import Calibration
from harness.baselines.git import Commit
from harness.baselines.origin import Origin
from harness.codec import parse_json
from harness.measurement.facts import Facts
from harness.measurement.figures import (
    CheckpointIdentity,
    CodeIdentity,
    Draw,
    HostProcessing,
    StepRecord,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from harness.measurement.measurement import Array

FORMAT = 2


class DocumentError(ValueError):
    """The text is not the JSON of a baseline. The message says what is wrong, but does not name the file."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ArrayForm(_Section):
    """The form of one stored array: numpy's dtype string with byte order, and the shape."""

    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, array: Array) -> ArrayForm:
        """Return the form of ``array``."""
        return cls(dtype=array.dtype.str, shape=array.shape)


class _Arrays(_Section):
    sha256: str
    forms: dict[str, ArrayForm]


class _Case(_Section):
    suite: str
    id: str
    definition: dict[str, Any]
    hash: str


class _Origin(_Section):
    harness_version: str
    git_commit: str | None
    date: str
    reason: str
    replaced: str | None
    # Absent if None, as in every baseline that was recorded locally.
    origin: Origin | None = None


class BaselineDocument(_Section):
    """The JSON file of a baseline: everything but the arrays themselves.

    ``seal`` is the sha256 over the canonical form of everything else. ``arrays`` holds the sha256 of the
    safetensors file beside it.
    """

    format: int
    case: _Case
    device: str
    arrays: _Arrays
    statistics: dict[str, float]
    trace: list[StepRecord]
    ledger: list[Draw]
    fingerprint: dict[str, str]
    canaries: dict[str, str]
    # Absent if empty, as in every baseline of a built-in pipeline.
    replaced_kernels: dict[str, int] = {}
    checkpoint: CheckpointIdentity
    # Absent if None, as in every baseline of a built-in pipeline, and in those of earlier versions.
    code: CodeIdentity | None = None
    # Absent if it is that of the array.
    output_dtype: str | None = None
    # Absent if None, as in baselines of earlier versions.
    facts: Facts | None = None
    # Absent if None, as if nothing after the last step could be observed, and in those of earlier versions.
    host: HostProcessing | None = None
    calibration: Calibration | None
    provenance: _Origin
    seal: str

    @classmethod
    def of(cls, baseline: Baseline, arrays: dict[str, Array], arrays_sha256: str) -> BaselineDocument:
        """Return the document of ``baseline``, whose ``arrays`` are stored in a file with that sha256."""
        measured, origin = baseline.measurement, baseline.provenance
        unsealed = cls(
            format=FORMAT,
            case=_Case(
                suite=baseline.suite,
                id=baseline.case_id,
                definition=origin.case_definition,
                hash=origin.case_hash,
            ),
            device=baseline.device,
            arrays=_Arrays(sha256=arrays_sha256, forms={name: ArrayForm.of(a) for name, a in arrays.items()}),
            statistics=measured.statistics,
            trace=list(measured.trace),
            ledger=list(measured.ledger),
            fingerprint=measured.fingerprint,
            canaries=measured.canaries,
            replaced_kernels=measured.replaced_kernels,
            checkpoint=measured.checkpoint,
            code=measured.code,
            output_dtype=measured.output_dtype,
            facts=measured.facts,
            host=None if measured.host is None else measured.host.giving_output,
            calibration=baseline.calibration,
            provenance=_Origin.model_validate(
                {name: getattr(origin, name) for name in _Origin.model_fields}
                | {"git_commit": None if origin.git_commit is None else str(origin.git_commit)}
            ),
            seal="",
        )
        return unsealed.model_copy(update={"seal": _seal(unsealed._data())})

    @classmethod
    def parse(cls, text: str) -> BaselineDocument:
        """Return the document in ``text``; raises :class:`DocumentError` for any other text."""
        data = _parse_json(text)
        if "format" not in data:
            raise DocumentError("the key 'format' is missing")
        if data["format"] != FORMAT:
            raise DocumentError(
                f"format {data['format']!r} is unknown; this version of harness reads {FORMAT}"
            )
        try:
            document = cls.model_validate(data)
        except ValidationError as error:
            raise DocumentError("; ".join(map(_problem, error.errors()[:5]))) from None
        if document.seal != _seal(data):
            raise DocumentError(
                "its content does not match its seal: it was edited by hand or damaged; "
                "baselines are recorded by harness record, never edited"
            )
        return document

    def text(self) -> str:
        """Return the document as JSON text: keys sorted, one line per step and per draw, full precision."""
        return _pretty(self._data(), "") + "\n"

    def _data(self, *left_out: str) -> dict[str, Any]:
        optional = ("replaced_kernels", "code", "output_dtype", "facts", "host")
        absent = {name for name in optional if not getattr(self, name)}
        data = self.model_dump(mode="json", exclude={*left_out, *absent})
        if "facts" in data:
            del data["facts"]["places"]
        for name in ("unit", "decoder"):
            if (data.get("calibration") or {name: ""})[name] is None:
                del data["calibration"][name]
        # Those of earlier versions, and of cases that name no computed parameter, have no sketches.
        if not data.get("facts", {}).get("sketches", True):
            del data["facts"]["sketches"]
        if self.provenance.origin is None and "provenance" in data:
            del data["provenance"]["origin"]
        return data

    def same_content(self, other: BaselineDocument) -> bool:
        """Whether both hold the same measurement and calibration of the same case.

        Who recorded and calibrated it, when and why does not matter. Neither do the code that computed it,
        the lines that drew the noise and the kernels that were called: the result is the same.
        """
        return self._content() == other._content()

    def same_measurement(self, other: BaselineDocument) -> bool:
        """Whether both hold the same measurement of the same case, regardless of calibration."""
        return self._content("calibration") == other._content("calibration")

    def _content(self, *left_out: str) -> bytes:
        data = self._data("provenance", "seal", "replaced_kernels", "code", *left_out)
        for draw in data["ledger"]:
            del draw["site"]
        if data.get("calibration") is not None:
            del data["calibration"]["date"], data["calibration"]["harness_version"]
        # As text, to distinguish -0.0 from 0.0.
        return canonical(data)

    def origin(self) -> Provenance:
        """Return the provenance of the recording."""
        told = self.provenance.git_commit
        return Provenance(
            **self.provenance.model_dump(exclude={"git_commit", "origin"}),
            origin=self.provenance.origin,
            git_commit=None if told is None else Commit.parse(told),
            case_definition=self.case.definition,
            case_hash=self.case.hash,
        )


def canonical(data: Any) -> bytes:
    """Return the canonical JSON of ``data``: sorted keys, no spaces, ASCII. NaN and Inf raise ValueError."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in data.items() if key != "seal"})).hexdigest()


def _pretty(value: Any, indent: str) -> str:
    """Lay out mappings with one key per line, lists of mappings one entry per line, the rest on one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{_line(key)}: {_pretty(value[key], inner)}" for key in sorted(value)]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + _line(entry) for entry in value) + f"\n{indent}]"
    return _line(value)


def _line(value: Any) -> str:
    # json writes floats with repr, which reads back to the same bits.
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _parse_json(text: str) -> dict[str, Any]:
    try:
        data = parse_json(text, object_pairs_hook=_no_duplicates, parse_constant=_finite, parse_float=_finite)
    except json.JSONDecodeError as error:
        where = "it ends too early" if error.pos >= len(text.rstrip()) else "it is not JSON"
        raise DocumentError(f"line {error.lineno}, column {error.colno}: {where}: {error.msg}") from None
    except ValueError as error:  # what the hooks refuse, nesting, or an integer of thousands of digits
        raise DocumentError(str(error)) from None
    if not isinstance(data, dict):
        raise DocumentError(f"it holds a {type(data).__name__}, not a mapping")
    return data


def _no_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise DocumentError(f"the key {key!r} occurs twice")
        result[key] = value
    return result


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise DocumentError(f"{number} is not a number that a baseline can hold")
    return value


def _problem(error: ErrorDetails) -> str:
    """Return one pydantic error as a phrase: ``the key 'trace.3.step' is missing``."""
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"the key {where!r} is missing"
    if error["type"] == "extra_forbidden":
        return f"the key {where!r} is unknown"
    return f"{where!r}: {error['msg']}"
