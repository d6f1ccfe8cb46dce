"""What the fingerprint says of an NPU: SoC and board, and the versions of CANN, kernels, ATB and driver."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import FingerprintError

# Where Ascend's installers put their version files; CANN's set_env.sh sets ASCEND_HOME_PATH, NNAL's sets
# ATB_HOME_PATH to the folder of one of ATB's builds, below the folder with the version file.
_CANN_INFO = ("ascend_toolkit_install.info", "ascend_nnae_install.info")
_DEFAULT_HOME = Path("/usr/local/Ascend/ascend-toolkit/latest")
_DEFAULT_DRIVER = Path("/usr/local/Ascend/driver/version.info")
_KERNELS = "opp_kernel/version.info"
_ATB_INFO = "version.info"
_ATB_LEVELS = 4
_SMI_SECONDS = 20
# What tells the boards of one SoC apart:
# https://www.hiascend.com/document/detail/zh/Atlas%20200I%20A2/2550/re/npu/topic_0000002481386210.html
_BOARD_FIELDS = ("Product Name", "Board ID")

Smi = Callable[[Sequence[str]], str | None]


def ascend_fields(
    *,
    home: Path | None = None,
    driver: Path = _DEFAULT_DRIVER,
    soc: Callable[[], object] | None = None,
    atb: Path | None = None,
    smi: Smi | None = None,
) -> dict[str, str]:
    """Return ``soc``, ``cann``, ``driver``, and ``opp_kernel``, ``atb``, ``board``, ``firmware`` if shown.

    ``home`` is CANN's folder, ``driver`` is the driver's version file, ``soc`` returns the NPU's name,
    ``atb`` is the folder of ATB, and ``smi`` returns what `npu-smi` prints for its arguments. A package that
    is not installed has no field, and neither has a board that `npu-smi` does not show, as in many
    containers. :class:`FingerprintError` names a file that is there and cannot be read.
    """
    home = home or Path(os.environ.get("ASCEND_HOME_PATH") or _DEFAULT_HOME)
    if atb is None and (given := os.environ.get("ATB_HOME_PATH")):
        atb = Path(given)
    fields = {
        "soc": _soc_name(soc or _device_name),
        "cann": _cann_version(home),
        "driver": _field(driver, "Version"),
    }
    if (home / _KERNELS).exists():
        fields["opp_kernel"] = _field(home / _KERNELS, "Version")
    if atb is not None:
        fields["atb"] = _atb_version(atb)
    return fields | _board(smi or _npu_smi)


def _device_name() -> object:
    import mindspore as ms

    return ms.hal.get_device_name(0, "Ascend")


def _soc_name(ask: Callable[[], object]) -> str:
    try:
        name = ask()
    except (RuntimeError, ValueError) as error:
        raise FingerprintError(f"MindSpore cannot name the NPU: {error}; check `npu-smi info`") from None
    if not name:
        raise FingerprintError("MindSpore gives no name for the NPU; check `npu-smi info`")
    return str(name)


def _cann_version(home: Path) -> str:
    for folder in (home, *sorted(home.glob("*-linux"))):
        for name in _CANN_INFO:
            if (folder / name).exists():
                return _field(folder / name, "version")
    raise FingerprintError(
        f"{home}: none of {', '.join(_CANN_INFO)} is here or in its *-linux folders, so CANN's version is "
        "not known; source CANN's set_env.sh, which sets ASCEND_HOME_PATH"
    )


def _atb_version(atb: Path) -> str:
    for folder in (atb, *list(atb.parents)[:_ATB_LEVELS]):
        if (folder / _ATB_INFO).exists():
            return _field(folder / _ATB_INFO, "Version|Ascend-cann-atb|version")
    raise FingerprintError(
        f"{atb}: no {_ATB_INFO} is here or in the {_ATB_LEVELS} folders above, so ATB's version is not "
        "known; source NNAL's set_env.sh again, or unset ATB_HOME_PATH if NNAL is not installed"
    )


def _field(path: Path, name: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else "is not text"
        raise FingerprintError(f"{path}: {why}; the fingerprint needs it") from None
    match = re.search(rf"^\s*(?:{name})[ \t]*[=:][ \t]*(\S+)", text, flags=re.MULTILINE)
    if match is None:
        raise FingerprintError(f"{path}: has no line `{name.split('|')[0]}=…`; the fingerprint needs it")
    return match.group(1)


def _board(smi: Smi) -> dict[str, str]:
    """Return ``board`` and ``firmware`` of this process's NPU, or nothing if `npu-smi` does not show them."""
    # The numbers in this variable are those that `npu-smi info -m` calls logic IDs.
    visible = os.environ.get("ASCEND_RT_VISIBLE_DEVICES", "0").split(",")[0].strip()
    npu = _npu_of(smi(("info", "-m")) or "", visible)
    text = "" if npu is None else smi(("info", "-t", "board", "-i", npu)) or ""
    lines = (line.partition(":") for line in text.splitlines())
    shown = {name.strip(): value.strip() for name, _, value in lines if value.strip()}
    if not all(name in shown for name in (*_BOARD_FIELDS, "Firmware Version")):
        return {}
    return {
        "board": " ".join(shown[name] for name in _BOARD_FIELDS),
        "firmware": shown["Firmware Version"],
    }


def _npu_of(table: str, logic_id: str) -> str | None:
    """Return the NPU with a chip of this logic ID; a row is "NPU ID, chip ID, chip logic ID, chip name"."""
    for line in table.splitlines():
        words = line.split()
        if len(words) > 3 and words[0].isdigit() and words[2] == logic_id:
            return words[0]
    return None


def _npu_smi(arguments: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            ("npu-smi", *arguments), capture_output=True, text=True, errors="replace", timeout=_SMI_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
