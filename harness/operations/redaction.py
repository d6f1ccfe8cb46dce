"""Redaction: names of users, hosts and home folders are removed from what leaves this machine."""

from __future__ import annotations

import os
import platform
import pwd
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# Variables whose values may be shown: none names a person, and each can change the bits or stop a worker.
KNOWN_VARIABLES = (
    "ASCEND_GLOBAL_LOG_LEVEL", "ASCEND_HOME_PATH", "ASCEND_OPP_PATH", "ASCEND_RT_VISIBLE_DEVICES",
    "ASCEND_TOOLKIT_HOME", "ATB_HOME_PATH", "ATB_LLM_LCOC_ENABLE", "ATB_MATMUL_SHUFFLE_K_ENABLE",
    "CONDA_DEFAULT_ENV", "DNNL_MAX_CPU_ISA", "GLOG_v", "HCCL_DETERMINISTIC", "LANG", "LCCL_DETERMINISTIC",
    "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "TE_PARALLEL_COMPILER",
)  # fmt: skip
# Other people's home folders as well, whose users this process does not know.
_HOMES = r"/(?:home|Users)/[^/\s:;,'\"]+"
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
# A shorter value of a variable is a number or a word that occurs in many texts.
_SHORTEST_VALUE = 8
# They name nobody.
_NOBODY = ("", "/", "root", "localhost")


@dataclass(frozen=True)
class Redaction:
    """The words to replace in texts, each with its replacement: ``alice`` becomes ``<user>``."""

    words: Mapping[str, str]

    @classmethod
    def of_this_process(cls) -> Redaction:
        """Return the names of this machine and its user, and the values of all but the known variables."""
        known = {os.environ.get(name) for name in KNOWN_VARIABLES}
        words = {
            value: f"<{name}>"
            for name, value in os.environ.items()
            if len(value) >= _SHORTEST_VALUE and value not in known
        }
        words |= dict.fromkeys(_users(), "<user>") | dict.fromkeys(_hosts(), "<host>")
        words |= dict.fromkeys(_homes(), "<home>")
        return cls({word.lower(): put for word, put in words.items() if word not in _NOBODY})

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # The longest first, so that a home folder is found before the user's name in it. Part of a longer
        # word is not a name.
        words = sorted(self.words, key=len, reverse=True)
        each = [rf"{_START if word[0].isalnum() else ''}{re.escape(word)}{_END}" for word in words]
        return re.compile("|".join([*each, _HOMES]), re.IGNORECASE)

    def text(self, text: str) -> str:
        """Return ``text`` with all replacements made."""
        return self._pattern.sub(lambda found: self.words.get(found[0].lower(), "<home>"), text)

    def data(self, value: Any) -> Any:
        """Return JSON values with every string in them redacted; keys are harness's own names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.data(each) for key, each in value.items()}
        return list(map(self.data, value)) if isinstance(value, list | tuple) else value


def _users() -> Iterator[str]:
    yield from (os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"))
    with suppress(KeyError):  # a container may have no name for its user
        yield pwd.getpwuid(os.getuid()).pw_name


def _hosts() -> Iterator[str]:
    for name in (platform.node(), os.environ.get("HOSTNAME", ""), os.environ.get("HOST", "")):
        yield from (name, name.partition(".")[0])


def _homes() -> Iterator[str]:
    homes = [os.environ.get("HOME", "")]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    for home in filter(None, homes):
        yield from (home.rstrip("/"), os.path.realpath(home))
