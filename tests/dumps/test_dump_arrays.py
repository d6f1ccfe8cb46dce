"""The arrays of a dump: .npy and .pt are read, and nothing in either is ever executed."""

import io
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.dumps.arrays import LARGEST, read_array
from harness.foreign_files import ForeignFileError

TORCH = Path(__file__).parents[1] / "data/msprobe/torch/step0/proc1/dump_tensor_data"
OUT = TORCH / "Module.out.Linear.forward.0.output.0.pt"
WEIGHT = TORCH / "Module.out.Linear.forward.0.parameters.weight.pt"
BFLOAT16 = TORCH / "Module.block.narrow.Identity.forward.0.input.0.pt"


class Harm:
    """What runs something when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def read(path, dtype="float32", shape=(2, 3)):
    return read_array(path, dtype, shape, path.parent)


def repacked(path, to, change, compression=zipfile.ZIP_STORED):
    """Write the zip ``path`` again, its members as ``change`` returns them."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", compression) as new:
        for name, data in change({each: old.read(each) for each in old.namelist()}).items():
            new.writestr(name, data)
    return to


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int8", "uint16", "bool"])
@pytest.mark.parametrize("shape", [(2, 3), (), (0, 4), (1, 1, 2)])
def test_npy_comes_back_bit_for_bit(tmp_path, dtype, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    path = tmp_path / "a.npy"
    path.write_bytes(npy(array))
    found = read(path, dtype, shape)
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, shape, array.tobytes())


def test_npy_of_other_order_and_version(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = tmp_path / "a.npy"
    for stored in (np.asfortranarray(array), array.astype(">f4")):
        path.write_bytes(npy(stored))
        assert read(path).tobytes() == array.tobytes()
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(2, 0))
    path.write_bytes(stream.getvalue())
    assert (read(path) == array).all()
    # MindSpore's bfloat16, which numpy lacks.
    assert (read(path, "bfloat16") == array).all()


def test_pt_of_torch_is_read_without_torch():
    assert read(WEIGHT, "float32", (3, 5)).shape == (3, 5)
    given, wide = read(OUT, "float32", (2, 3)), read(BFLOAT16, "bfloat16", (2, 4))
    assert (given.dtype, wide.dtype) == (np.float32, np.float32)
    x = read(TORCH / "Module.block.Block.forward.0.input.0.pt", "float32", (2, 4))
    assert 0 < np.abs(wide - x).max() <= 2.0**-8 * np.abs(x).max()
    inner = read(TORCH / "Module.out.Linear.forward.0.input.0.pt", "float32", (2, 5))
    bias = read(TORCH / "Module.out.Linear.forward.0.parameters.bias.pt", "float32", (3,))
    assert np.allclose(inner @ read(WEIGHT, "float32", (3, 5)).T + bias, given, atol=1e-6)


def test_no_object_of_an_npy_is_unpickled(tmp_path):
    path, touched = tmp_path / "a.npy", tmp_path / "touched"
    path.write_bytes(npy(np.array([Harm(touched)], object), allow_pickle=True))
    with pytest.raises(ForeignFileError, match="it holds Python objects, which are never read"):
        read(path, "float32", (1,))
    assert not touched.exists()


def test_no_pickle_of_a_pt_is_executed(tmp_path):
    touched = tmp_path / "touched"

    def harm(members):
        return {
            name: pickle.dumps(Harm(touched), 2) if name.endswith("data.pkl") else data
            for name, data in members.items()
        }

    path = repacked(OUT, tmp_path / "a.pt", harm)
    with pytest.raises(ForeignFileError, match=r"which is never executed|no \.pt file"):
        read(path)
    # Where torch itself would call it.
    with zipfile.ZipFile(path) as archive:
        name = next(each for each in archive.namelist() if each.endswith("data.pkl"))
        pickle.loads(archive.read(name))
    assert touched.exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"torch._utils\n_rebuild_tensor_v2", b"os\nsystem", "it calls 'os system', which is never executed"),
        (b"cpu", b"cp", "no .pt file of a recent torch"),
        (b"torch\nFloatStorage", b"torch\nComplexFloatStorage", "no .pt file"),
        (b"torch\nFloatStorage", b"torch\nDoubleStorage", "its numbers are fewer than its shape says"),
        (b"torch\nFloatStorage", b"other\nFloatStorage", "no .pt file"),
    ],
)
def test_another_pickle_is_refused(tmp_path, old, new, told):
    def change(members):
        return {name: data.replace(old, new) if "pkl" in name else data for name, data in members.items()}

    with pytest.raises(ForeignFileError) as raised:
        read(repacked(OUT, tmp_path / "a.pt", change))
    assert told in raised.value.reason


def test_a_zip_that_would_grow_is_refused(tmp_path):
    path = repacked(OUT, tmp_path / "a.pt", dict, zipfile.ZIP_DEFLATED)
    with pytest.raises(ForeignFileError, match="its numbers are compressed"):
        read(path)

    def big_endian(members):
        return {name: b"big" if name.endswith("byteorder") else data for name, data in members.items()}

    with pytest.raises(ForeignFileError, match="not little-endian"):
        read(repacked(OUT, tmp_path / "b.pt", big_endian))


def test_every_cut_is_noticed(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for suffix, whole in ((".npy", npy(array)), (".pt", OUT.read_bytes())):
        path = tmp_path / f"a{suffix}"
        for length in [0, 1, 5, 7, 9, 20, *range(30, len(whole), 97), len(whole) - 1]:
            path.write_bytes(whole[:length])
            with pytest.raises(ForeignFileError, match="cut off"):
                read(path)
        path.write_bytes(whole)
        assert read(path).shape == (2, 3)
    (tmp_path / "a.npy").write_bytes(npy(array) + b"\0")
    with pytest.raises(ForeignFileError, match="has something after its numbers"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 6, }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<U6', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'shape': (2, 3), }",
        "__import__('os').system('true')",
        "(" * 5000,
        "-" * 60000 + "1",
        "[]",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + " " * 10_000,
    ],
)
def test_a_header_that_numpy_does_not_write(tmp_path, header):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 24)
    with pytest.raises(ForeignFileError, match=r"no \.npy file|no plain numbers|Python objects|after its"):
        read(path)


def test_an_array_is_what_the_dump_says_of_it(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(npy(np.zeros((3, 2), np.float32)))
    with pytest.raises(
        ForeignFileError, match=r"it holds \[3, 2\] float32, in dump.json it is \[2, 3\] float32"
    ):
        read(path)
    with pytest.raises(ForeignFileError, match=r"it holds \[3, 2\] float32, .* \[3, 2\] int32"):
        read(path, "int32", (3, 2))


def test_nothing_large_is_read(tmp_path):
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        file.write(npy(np.zeros(1, np.float32)))
        file.truncate(5 << 30)
    tracemalloc.start()
    with pytest.raises(ForeignFileError, match=r"it is larger than \[2, 3\] float32, as dump.json has it"):
        read(path)
    with pytest.raises(ForeignFileError, match="a tensor may have 32 axes and 1 GiB"):
        read(path, "float32", (LARGEST // 4 + 1,))
    with pytest.raises(ForeignFileError, match="a tensor may have 32 axes"):
        read(path, "float32", (1,) * 33)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_file_outside_the_dump_is_refused(tmp_path):
    inside = tmp_path / "dump"
    inside.mkdir()
    shutil.copy(OUT, tmp_path / "a.pt")
    (inside / "a.pt").symlink_to(tmp_path / "a.pt")
    with pytest.raises(ForeignFileError, match="it is outside the folder"):
        read(inside / "a.pt")
