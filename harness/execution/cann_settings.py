"""The settings of CANN that a user may choose, by environment variables as CANN's own are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import ProfileError

# What a user may ask for by the environment; the first of HCCL's is the default. `strict` also keeps the
# order of sums across NPUs; CANN 8.5 documents it.
_HCCL = ("true", "strict")
# 0 is CANN's own default, which need not repeat, 1 repeats bit for bit, 2 also gives the same bits wherever
# the data lies, 3 also in a batch of any size.
# CANN before 9.2 has 1 alone:
# https://www.hiascend.com/document/detail/zh/CANNCommunityEdition/920beta1/API/runtimeapi/aclcppdevg_03_1393.html
LEVEL_VARIABLE = "HARNESS_DETERMINISTIC_LEVEL"
_LEVELS, _DEFAULT = ("0", "1", "2", "3"), "1"
# aclSysParamOpt of the same page.
_ACL_OPT_DETERMINISTIC = 0


@dataclass(frozen=True)
class CannSettings:
    """What the environment asks for: ``HCCL_DETERMINISTIC``, and CANN's level of determinism."""

    hccl: str
    level: int


def cann_settings() -> CannSettings:
    """Return what the environment asks for, or the defaults; ProfileError if there is no such level.

    MindSpore takes any value of HCCL_DETERMINISTIC but `strict` for `true`, and so does this.
    """
    level = os.environ.get(LEVEL_VARIABLE, _DEFAULT)
    if level not in _LEVELS:
        raise ProfileError(f"{LEVEL_VARIABLE}={level}: set it to {', '.join(_LEVELS)}, or unset it")
    hccl = os.environ.get("HCCL_DETERMINISTIC")
    return CannSettings(hccl if hccl in _HCCL else _HCCL[0], int(level))


def check_hccl(asked: str, release: str) -> None:
    """Raise ProfileError if MindSpore has put another value in place of the one that was asked for."""
    if asked == "strict" != (now := os.environ.get("HCCL_DETERMINISTIC")):
        raise ProfileError(
            f"HCCL_DETERMINISTIC={asked} was asked for, but MindSpore {release} makes it {now}: use a "
            "release that keeps it (docs/ascend.md), or unset the variable"
        )


def set_level(level: int, load: Callable[[str], Any] | None = None) -> None:
    """Set CANN's level of determinism for this process, and check that CANN keeps it.

    ``load`` opens a library by its name, ``ctypes.CDLL`` unless given. Raises :class:`ProfileError` if CANN
    does not have the level.
    """
    import ctypes  # which takes time, and pytest imports this module

    try:
        acl = (load or ctypes.CDLL)("libascendcl.so")
        code = acl.aclrtSetSysParamOpt(ctypes.c_int(_ACL_OPT_DETERMINISTIC), ctypes.c_int64(level))
        kept = ctypes.c_int64(-1)
        code = code or acl.aclrtGetSysParamOpt(ctypes.c_int(_ACL_OPT_DETERMINISTIC), ctypes.byref(kept))
    except (OSError, AttributeError) as error:
        raise ProfileError(
            f"{LEVEL_VARIABLE}={level} needs CANN's libascendcl.so ({error}); source CANN's set_env.sh"
        ) from None
    if code or kept.value != level:
        why = f"error {code}" if code else f"it stays at {kept.value}"
        raise ProfileError(
            f"{LEVEL_VARIABLE}={level}: CANN does not take this level ({why}); levels 2 and 3 need CANN 9.2"
        )
