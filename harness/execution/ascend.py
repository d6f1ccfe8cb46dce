"""The Ascend part of the fingerprint: SoC, CANN and driver, read from MindSpore and Ascend's own files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.execution.errors import FingerprintError

# Where Ascend's installers put their version files; ASCEND_HOME_PATH is set by CANN's set_env.sh.
_CANN_INFO = ("ascend_toolkit_install.info", "ascend_nnae_install.info")
_DEFAULT_HOME = Path("/usr/local/Ascend/ascend-toolkit/latest")
_DEFAULT_DRIVER = Path("/usr/local/Ascend/driver/version.info")


def ascend_fields(
    *, home: Path | None = None, driver: Path = _DEFAULT_DRIVER, soc: Callable[[], Any] | None = None
) -> dict[str, str]:
    """Return ``soc``, ``cann`` and ``driver``; raises :class:`FingerprintError` naming the file.

    ``home`` is CANN's folder, ``driver`` the driver's version file, ``soc`` asks for the NPU's name; the
    defaults are where Ascend's installers put the files, and MindSpore.
    """
    home = home or Path(os.environ.get("ASCEND_HOME_PATH") or _DEFAULT_HOME)
    return {
        "soc": _soc_name(soc or _ask_mindspore),
        "cann": _cann_version(home),
        "driver": _field(driver, "Version"),
    }


def _ask_mindspore() -> Any:
    import mindspore as ms

    return ms.hal.get_device_name(0, "Ascend")


def _soc_name(ask: Callable[[], Any]) -> str:
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


def _field(path: Path, name: str) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FingerprintError(
            f"{path}: cannot be read ({error.strerror}); the fingerprint needs it"
        ) from None
    except UnicodeDecodeError:
        raise FingerprintError(f"{path}: is not text; the fingerprint needs it") from None
    match = re.search(rf"^{name}[ \t]*=[ \t]*(\S+)", text, flags=re.MULTILINE)
    if match is None:
        raise FingerprintError(f"{path}: has no line `{name}=…`; the fingerprint needs it")
    return match.group(1)
