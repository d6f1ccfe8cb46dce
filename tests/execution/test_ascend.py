"""The NPU's fields of the fingerprint.

There is no NPU here: a tree of files like the ones that CANN's and the driver's installers write, and a
function in place of MindSpore's, stand in for one.
"""

import pytest

from harness.errors import FingerprintError
from harness.execution.ascend import ascend_fields
from harness.judgement.tiers import DEVICE_FIELDS

TOOLKIT = """\
package_name=Ascend-cann-toolkit
version=8.2.RC1
innerversion=V100R001C22SPC001B231
compatible_version=[V100R001C15],[V100R001C18]
arch=aarch64
os=linux
path=/usr/local/Ascend/ascend-toolkit/8.2.RC1/aarch64-linux
"""
DRIVER = """\
Version=25.2.0
ascendhal_version=7.35.23
aicpu_version=1.0
package_version=25.2.0
"""


class Tree:
    def __init__(self, root):
        self.home = root / "ascend-toolkit" / "latest"
        self.toolkit = self.home / "aarch64-linux" / "ascend_toolkit_install.info"
        self.driver = root / "driver" / "version.info"
        for path, text in ((self.toolkit, TOOLKIT), (self.driver, DRIVER)):
            path.parent.mkdir(parents=True)
            path.write_text(text)

    def fields(self, soc=lambda: "Ascend910B4", atb=None, smi=lambda _: None):
        return ascend_fields(home=self.home, driver=self.driver, soc=soc, atb=atb, smi=smi)


# As `npu-smi` prints them (the addresses are in harness/execution/ascend.py): two chips on each NPU.
MAP = """\
        NPU ID                         Chip ID                        Chip Logic ID                  Chip Name
        0                              0                              0                              Ascend910
        0                              1                              1                              Ascend910
        0                              2                              -                              Mcu
        3                              0                              2                              Ascend910
"""
BOARD = """\
        NPU ID                         : {npu}
        Product Name                   : IT21PDDA0{npu}
        Model                          : NA
        Serial Number                  : 1023B6023456
        Firmware Version               : 7.7.0.6.236
        Board ID                       : 0xb{npu}
        Chip Count                     : 2
"""


def npu_smi(arguments):
    if tuple(arguments) == ("info", "-m"):
        return MAP
    assert list(arguments[:4]) == ["info", "-t", "board", "-i"]
    return BOARD.format(npu=arguments[4])


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for variable in ("ASCEND_RT_VISIBLE_DEVICES", "ATB_HOME_PATH", "ASCEND_HOME_PATH"):
        monkeypatch.delenv(variable, raising=False)
    return Tree(tmp_path)


@pytest.mark.parametrize(("visible", "npu"), [(None, 0), ("1", 0), ("2", 3), ("2,0", 3)])
def test_the_board_is_that_of_the_npu_in_use(tree, monkeypatch, visible, npu):
    if visible is not None:
        monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", visible)
    found = tree.fields(smi=npu_smi)
    assert found["board"] == f"IT21PDDA0{npu} 0xb{npu}"
    assert found["firmware"] == "7.7.0.6.236"
    assert "1023B6023456" not in str(found)  # the serial number is one machine's


@pytest.mark.parametrize(
    "smi",
    [
        lambda _: None,
        lambda _: "",
        lambda arguments: MAP if "-m" in arguments else None,
        lambda arguments: MAP if "-m" in arguments else BOARD.replace("Board ID", "Board"),
        lambda arguments: MAP.replace("0   ", "a   ") if "-m" in arguments else BOARD,
    ],
)
def test_a_board_that_is_not_shown_has_no_field(tree, smi):
    assert not {"board", "firmware"} & set(tree.fields(smi=smi))


def test_a_board_of_another_kind_is_another_device():
    assert {"board", "soc"} <= set(DEVICE_FIELDS)
    assert "firmware" not in DEVICE_FIELDS


def test_kernels_and_atb_are_read_where_they_are_installed(tree, tmp_path):
    kernels = tree.home / "opp_kernel" / "version.info"
    kernels.parent.mkdir()
    kernels.write_text("Version=8.2.0.1.220\nversion_dir=8.2.RC1\n")
    nnal = tmp_path / "nnal" / "atb" / "8.2.RC1"
    (nnal / "atb" / "cxx_abi_1").mkdir(parents=True)
    (nnal / "version.info").write_text("    Ascend-cann-atb : 8.2.RC1\n    Ascend-cann-atb Version : x\n")
    found = tree.fields(atb=nnal / "atb" / "cxx_abi_1")
    assert (found["opp_kernel"], found["atb"]) == ("8.2.0.1.220", "8.2.RC1")
    kernels.write_text("version_dir=8.2.RC1\n")
    with pytest.raises(FingerprintError, match="has no line `Version=…`") as raised:
        tree.fields()
    assert str(raised.value).startswith(str(kernels))


def test_an_atb_without_a_version_is_an_error(tree, tmp_path):
    with pytest.raises(FingerprintError, match=r"ATB's version is not known; source NNAL's set_env\.sh"):
        tree.fields(atb=tmp_path / "a" / "b" / "c" / "d" / "e")


def test_soc_cann_and_driver_are_read(tree):
    assert tree.fields() == {"soc": "Ascend910B4", "cann": "8.2.RC1", "driver": "25.2.0"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (".", "ascend_toolkit_install.info"),
        ("x86_64-linux", "ascend_toolkit_install.info"),
        ("aarch64-linux", "ascend_nnae_install.info"),
    ],
)
def test_the_version_file_is_found_where_installers_put_it(tree, folder, name):
    tree.toolkit.unlink()
    path = tree.home / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("version = 7.0.0\r\n")
    assert tree.fields()["cann"] == "7.0.0"


def test_home_is_where_set_env_says(tree, monkeypatch):
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tree.home))
    found = ascend_fields(driver=tree.driver, soc=lambda: "Ascend910B4")
    assert found["cann"] == "8.2.RC1"
    monkeypatch.setenv("ASCEND_HOME_PATH", str(tree.driver.parent))
    with pytest.raises(FingerprintError, match="driver: none of"):
        ascend_fields(driver=tree.driver, soc=lambda: "Ascend910B4")


def test_an_empty_variable_is_none(tree, monkeypatch):
    """The current folder must not be taken for CANN's."""
    monkeypatch.setenv("ASCEND_HOME_PATH", "")
    monkeypatch.chdir(tree.home)
    monkeypatch.setattr("harness.execution.ascend._DEFAULT_HOME", tree.home / "default")
    with pytest.raises(FingerprintError, match="latest/default: none of"):
        ascend_fields(driver=tree.driver, soc=lambda: "Ascend910B4")


def damage(path, how):
    if how == "missing":
        path.unlink()
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "not text":
        path.write_bytes(b"version=\xff\xfe\nVersion=\xff\n")
    elif how == "no version":
        path.write_text("innerversion=V100\nascendhal_version=7\n")
    elif how == "an empty version":
        path.write_text("version=\nVersion=\ninnerversion=V100\n")


@pytest.mark.parametrize("how", ["missing", "a folder", "not text", "no version", "an empty version"])
@pytest.mark.parametrize("part", ["toolkit", "driver"])
def test_what_cannot_be_read_is_an_error_that_names_the_file(tree, part, how):
    path = getattr(tree, part)
    damage(path, how)
    named = tree.home if (part, how) == ("toolkit", "missing") else path
    with pytest.raises(FingerprintError) as raised:
        tree.fields()
    assert str(raised.value).startswith(f"{named}: ")


def test_missing_cann_says_what_to_type(tree):
    tree.toolkit.unlink()
    with pytest.raises(FingerprintError, match=r"source CANN's set_env\.sh, which sets ASCEND_HOME_PATH"):
        tree.fields()


def failing(error):
    def ask():
        raise error

    return ask


@pytest.mark.parametrize(
    "soc",
    [lambda: "", lambda: None, failing(ValueError("not available")), failing(RuntimeError("ret 507033"))],
)
def test_an_npu_without_a_name_is_an_error(tree, soc):
    with pytest.raises(FingerprintError, match="`npu-smi info`"):
        tree.fields(soc)
