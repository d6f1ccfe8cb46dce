"""The arrays of a baseline: those that its JSON file lists, each in the form that it gives."""

from __future__ import annotations

from harness.baselines.document import ArrayForm
from harness.measurement.arrays import ArraysError, decode_arrays
from harness.measurement.measurement import Array


def listed_arrays(data: bytes, forms: dict[str, ArrayForm]) -> dict[str, Array]:
    """Return the read-only arrays that ``data`` holds.

    Raises :class:`ArraysError` where ``data`` is not safetensors, or an array is missing, unexpected, or of
    another dtype or shape than ``forms`` says.
    """
    arrays, _ = decode_arrays(data)
    if "output" not in forms:
        raise ArraysError("its JSON file lists no array 'output'")
    for name, form in forms.items():
        if name not in arrays:
            raise ArraysError(f"the array {name!r} is missing")
        found = ArrayForm.of(arrays[name])
        if found != form:
            raise ArraysError(
                f"the array {name!r} is {found.dtype} {list(found.shape)}, "
                f"its JSON file says {form.dtype} {list(form.shape)}"
            )
    if extra := sorted(arrays.keys() - forms.keys()):
        raise ArraysError(f"the array {extra[0]!r} is not in its JSON file")
    return arrays
