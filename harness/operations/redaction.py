"""Redaction: names of users, hosts and home folders are removed from what leaves this machine."""

from __future__ import annotations

import os
import platform
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.foreign_text import printable

# The variables whose values may be told: none names a person, and each can move the bits or stop a worker.
KNOWN_VARIABLES = (
    "ASCEND_GLOBAL_LOG_LEVEL", "ASCEND_HOME_PATH", "ASCEND_OPP_PATH", "ASCEND_RT_VISIBLE_DEVICES",
    "ASCEND_TOOLKIT_HOME", "ATB_HOME_PATH", "ATB_LLM_LCOC_ENABLE", "ATB_MATMUL_SHUFFLE_K_ENABLE",
    "CONDA_DEFAULT_ENV", "DNNL_MAX_CPU_ISA", "GLOG_v", "HARNESS_DETERMINISTIC_LEVEL", "HCCL_DETERMINISTIC",
    "LANG", "LCCL_DETERMINISTIC",
    "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "SOC_VERSION", "TE_PARALLEL_COMPILER",
)  # fmt: skip
# Other people's home folders as well, whose users this process does not know.
_HOMES = r"/(?:home|Users)/[^/\s:;,'\"]+"
# Where a line break is escaped, its letter is no part of the word that follows.
_START, _END = r"(?:(?<![^\W_])|(?<=\\[nrt]))", r"(?![^\W_])"
# A shorter value of a variable is a number or a word that stands in many texts.
_SHORTEST_VALUE = 8
# Who may use a URL: user:password@. A password is secret also where it is short.
_USER_INFO = re.compile(r"//([^/?#\s]+)@")
_SHORTEST_PASSWORD = 4
# They name nobody.
_NOBODY = ("", "/", "root", "localhost", "mindspore")


@dataclass(frozen=True)
class Redaction:
    """The words to replace in texts, each with its replacement: ``alice`` becomes ``<user>``."""

    words: Mapping[str, str]

    @classmethod
    def of_this_process(cls, facts: Iterable[str] = ()) -> Redaction:
        """Return what names this machine or its user, and the values of all but the known variables.

        A word that the texts ``facts`` have stays: it is a name of software or hardware.
        """
        words = dict(_values()) | dict.fromkeys(_users(), "<user>") | dict.fromkeys(_hosts(), "<host>")
        words |= dict.fromkeys(_homes(), "<home>")
        stay = "\n".join(facts)
        return cls(
            {
                word.lower(): put
                for word, put in words.items()
                if word not in _NOBODY and not re.search(_alone(word), stay, re.IGNORECASE)
            }
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # The longest first: a home folder, and not the user's name in it.
        words = sorted(self.words, key=len, reverse=True)
        return re.compile("|".join([*map(_alone, words), _HOMES]), re.IGNORECASE)

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


def _alone(word: str) -> str:
    """Return the pattern of ``word``; within a longer word it is no name."""
    return rf"{_START if word[0].isalnum() else ''}{re.escape(word)}{_END}"


def _values() -> Iterator[tuple[str, str]]:
    known = {os.environ.get(name, "").strip() for name in KNOWN_VARIABLES}
    for name, value in os.environ.items():
        yield from ((word, f"<{name}>") for word in _secrets(value.strip()) if word not in known)


def _secrets(value: str) -> Iterator[str]:
    """Yield ``value`` as it is printed, whole and by its lines, and who may use the URLs in it."""
    words = [value, repr(value)[1:-1], printable(value), *map(str.strip, value.splitlines())]
    for who in _USER_INFO.findall(value):
        user, _, password = who.partition(":")
        words += [who, user]
        if len(password) >= _SHORTEST_PASSWORD:
            yield password
    yield from (word for word in words if len(word) >= _SHORTEST_VALUE)


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
