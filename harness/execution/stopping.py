"""The signals that ask a process to end: each ends a run like Ctrl-C, so that nothing is left behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import Stopped

# The seconds during which a stopping run cleans up and ignores further requests: supervisors send one signal
# after another, and a terminal that closes sends several at once.
_PATIENCE = 5.0
ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def heeding(*numbers: signal.Signals) -> Iterator[None]:
    """Raise :class:`harness.errors.Stopped` in the body when one of the signals ``numbers`` arrives.

    Signals that the process ignores, as under nohup, or for which it has another handler are left alone. Does
    nothing outside the main thread, because Python delivers all signals there. Once a signal has arrived, the
    process is about to end, and after the body these signals are ignored: a second one would change the exit
    code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = float("-inf")

    def stop(number: int, _: object) -> None:
        nonlocal asked
        if time.monotonic() - asked > _PATIENCE:
            asked = time.monotonic()
            raise Stopped(number)

    def once_more(lost: sys.UnraisableHookArgs) -> None:
        """Send the signal again if Python drops what its handler raised, as it does in a finalizer."""
        nonlocal asked
        if not isinstance(lost.exc_value, Stopped):
            hook(lost)
            return
        asked = float("-inf")
        # With a delay, because here its handler would raise inside this hook.
        main = threading.main_thread().ident
        again = threading.Timer(0.05, signal.pthread_kill, [main, lost.exc_value.number])
        again.daemon = True
        again.start()

    untouched = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in numbers}
    ours = {number: handler for number, handler in before.items() if handler in untouched}
    if not ours:
        # Whoever heeds them already also hears of those that are lost.
        yield
        return
    for number in ours:
        signal.signal(number, stop)
    hook, sys.unraisablehook = sys.unraisablehook, once_more
    try:
        yield
    finally:
        if sys.unraisablehook is once_more:
            sys.unraisablehook = hook
        for number, handler in ours.items():
            signal.signal(number, handler if asked < 0 else signal.SIG_IGN)
