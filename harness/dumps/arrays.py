"""Read the array files of a dump: ``.npy`` of MindSpore, ``.pt`` of torch. Nothing in them is executed.

A ``.pt`` file is a zip with the numbers, and a pickle that says how they form a tensor. That pickle is never
unpickled: its opcodes are listed, and only those of one plain tensor are understood.
"""

from __future__ import annotations

import ast
import io
import math
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from harness.foreign_files import ForeignFileError, ForeignFileTooLarge, read_foreign, size_text
from harness.measurement.bfloat16 import BFLOAT16
from harness.measurement.measurement import Array

# Of one tensor.
LARGEST = 1 << 30
# What a file has around its numbers: a header, the directory of a zip.
_AROUND = 1 << 16
_MOST_AXES = 32
# As in numpy, because a long text could exhaust the stack of the parser.
_LONGEST_HEADER = 10_000
_MAGIC = b"\x93NUMPY"
_SIZES = {
    "float64": 8, "float32": 4, "float16": 2, BFLOAT16: 2, "int64": 8, "int32": 4, "int16": 2, "int8": 1,
    "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1, "bool": 1,
}  # fmt: skip
READABLE = frozenset(_SIZES)
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": BFLOAT16, "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16",
    "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip


def read_array(path: Path, dtype: str, shape: tuple[int, ...], root: Path) -> Array:
    """Return the array in the file ``path`` below ``root``; it must have this ``dtype`` and ``shape``.

    bfloat16, which numpy lacks, comes as float32. Raises :class:`ForeignFileError` for anything else.
    """
    count = math.prod(shape)
    # MindSpore's bfloat16 is stored as float32.
    nbytes = count * (4 if dtype == BFLOAT16 else _SIZES[dtype])
    if len(shape) > _MOST_AXES or nbytes > LARGEST:
        raise ForeignFileError(path, f"a tensor may have {_MOST_AXES} axes and {size_text(LARGEST)}")
    try:
        data = read_foreign(path, limit=nbytes + _AROUND, root=root)
    except ForeignFileTooLarge:
        raise ForeignFileError(
            path, f"it is larger than {list(shape)} {dtype}, as dump.json has it"
        ) from None
    reader = _read_pt if path.suffix == ".pt" else _read_npy
    try:
        found, kind = reader(data)
    except _Unreadable as error:
        raise ForeignFileError(path, str(error)) from None
    stored = "float32" if dtype == BFLOAT16 and path.suffix != ".pt" else dtype
    if (kind, found.shape) != (stored, shape):
        raise ForeignFileError(
            path, f"it holds {list(found.shape)} {kind}, in dump.json it is {list(shape)} {dtype}"
        )
    return found


class _Unreadable(Exception):
    """Why the bytes are no array."""


def _read_npy(data: bytes) -> tuple[Array, str]:
    stream = io.BytesIO(data)
    try:
        if stream.read(6) != _MAGIC:
            raise ValueError
        size = 2 if stream.read(2)[0] == 1 else 4
        length = int.from_bytes(stream.read(size), "little")
        if length > _LONGEST_HEADER:
            raise ValueError
        header = ast.literal_eval(stream.read(length).decode("latin1"))
        dtype, shape = np.dtype(header["descr"]), tuple(header["shape"])
        fortran = header["fortran_order"] is True
        sound = all(type(axis) is int and 0 <= axis <= len(data) for axis in shape)
    except (ValueError, TypeError, LookupError, SyntaxError, MemoryError, RecursionError):
        raise _Unreadable("it is cut off, or no .npy file") from None
    if dtype.hasobject:
        raise _Unreadable("it holds Python objects, which are never read")
    if dtype.names is not None or dtype.subdtype is not None or dtype.name not in READABLE or not sound:
        raise _Unreadable("it holds no plain numbers")
    rest = data[stream.tell() :]
    if len(shape) > _MOST_AXES or len(rest) != math.prod(shape) * dtype.itemsize:
        raise _Unreadable("it is cut off, or has something after its numbers")
    array = np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(array, dtype.newbyteorder("=")).reshape(shape), dtype.name


def _read_pt(data: bytes) -> tuple[Array, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {each.filename.partition("/")[2]: each for each in archive.infolist()}
            if any(each.compress_type != zipfile.ZIP_STORED for each in members.values()):
                raise _Unreadable("its numbers are compressed, which torch does not do")
            tensor = _described(archive.read(members["data.pkl"]))
            order = archive.read(members["byteorder"]) if "byteorder" in members else b"little"
            numbers = archive.read(members[f"data/{tensor.key}"])
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, RuntimeError, NotImplementedError):
        raise _Unreadable("it is cut off, or no .pt file of a recent torch") from None
    size = _SIZES[tensor.dtype]
    if order != b"little":
        raise _Unreadable("its numbers are not little-endian")
    end = tensor.offset + math.prod(tensor.shape)
    if tensor.stride != _contiguous(tensor.shape) and math.prod(tensor.shape) > 1:
        raise _Unreadable("its tensor is not contiguous, which those of msprobe are")
    if end * size > len(numbers):
        raise _Unreadable("it is cut off: its numbers are fewer than its shape says")
    part = numbers[tensor.offset * size : end * size]
    if tensor.dtype == BFLOAT16:
        wide = np.frombuffer(part, np.uint16).astype(np.uint32) << 16
        return wide.view(np.float32).reshape(tensor.shape), tensor.dtype
    return np.frombuffer(part, tensor.dtype).reshape(tensor.shape), tensor.dtype


class _Tensor:
    """How the pickle of a ``.pt`` file describes its tensor."""

    def __init__(self, storage: Any, offset: Any, shape: Any, stride: Any) -> None:
        kind, name, key, _, count = storage
        module, _, storage_class = name[1].partition(" ")
        whole = (offset, count, *shape, *stride)
        if kind != "storage" or module != "torch" or not isinstance(key, str):
            raise ValueError
        if not all(type(number) is int and 0 <= number <= LARGEST for number in whole):
            raise ValueError
        self.dtype = _STORAGES[storage_class]
        self.key, self.offset, self.shape, self.stride = key, offset, shape, stride


_MARK = object()
_NAMED = "name"
_BUILDERS = ("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter")


def _described(pickled: bytes) -> _Tensor:
    """Return the tensor that a pickle describes. Of its opcodes, calls are only written down.

    Raises ValueError, KeyError or :class:`_Unreadable` if it describes anything else.
    """
    if len(pickled) > _AROUND:
        raise ValueError
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name in ("PROTO", "STOP"):
            continue
        if name == "GLOBAL":
            stack.append((_NAMED, argument))
        elif name in ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"):
            stack.append(argument)
        elif name in ("NEWTRUE", "NEWFALSE"):
            stack.append(name == "NEWTRUE")
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack[:] = [*stack[: -int(name[-1])], tuple(stack[-int(name[-1]) :])]
        elif name == "TUPLE":
            start = len(stack) - 1 - stack[::-1].index(_MARK)
            stack[start:] = [tuple(stack[start + 1 :])]
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "REDUCE":
            given = stack.pop()
            stack.append(_called(stack.pop(), given))
        elif name != "BINPERSID":  # a storage is named by the tuple on the stack
            raise _Unreadable(f"it holds more than a tensor, which is never executed ({name})")
    (tensor,) = stack
    if not isinstance(tensor, _Tensor):
        raise ValueError
    return tensor


def _called(function: Any, given: Any) -> Any:
    if not isinstance(function, tuple) or function[0] != _NAMED:
        raise ValueError
    if function[1] == _BUILDERS[0]:
        return _Tensor(*given[:4])
    if function[1] == _BUILDERS[1]:
        return given[0]
    if function[1] == "collections OrderedDict" and given == ():
        return None
    raise _Unreadable(f"it calls {function[1]!r}, which is never executed")


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
