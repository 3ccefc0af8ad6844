"""Signals that end the program: Ctrl-C, `kill`, a terminal that is closed."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ENDING = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
PATIENCE = 10.0
"""Seconds in which further signals change nothing: terminals and schedulers send several."""


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end.

    Attributes:
        status: the program's exit status, as a shell has it for a signal.
    """

    def __init__(self, signum: int, kept: str = "") -> None:
        by = "" if signum == signal.SIGINT else f" by {signal.Signals(signum).name}"
        super().__init__(f"stopped{by}{kept}")
        self.signum, self.status = signum, 128 + signum


def leave_quietly() -> None:
    """Where `qptlab` is the program, a signal ends it without a traceback while it is imported."""
    if _is_program():
        for signum in _heeded():
            signal.signal(signum, lambda signum, frame: os._exit(128 + signum))


def leave(status: int) -> NoReturn:
    """End the program now, whatever its threads are doing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Inside, a signal raises `Stopped`, as Ctrl-C raises `KeyboardInterrupt`.

    In the main thread only: elsewhere Python has no say over signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    raised_at = -PATIENCE

    def stop(signum: int, frame: object) -> None:
        nonlocal raised_at
        if time.monotonic() - raised_at >= PATIENCE:
            raised_at = time.monotonic()
            raise Stopped(signum)

    def unraised(lost) -> None:
        # one that met a garbage collection, which ends no program: it comes again when that is over
        nonlocal raised_at
        if not isinstance(lost.exc_value, Stopped):
            return known_hook(lost)
        raised_at = -PATIENCE
        threading.Timer(0.05, os.kill, (os.getpid(), lost.exc_value.signum)).start()

    before = {signum: signal.signal(signum, stop) for signum in _heeded()}
    known_hook, sys.unraisablehook = sys.unraisablehook, unraised
    try:
        yield
    finally:
        sys.unraisablehook = known_hook
        for signum, handler in before.items():
            signal.signal(signum, handler or signal.SIG_DFL)


def _heeded() -> list[signal.Signals]:
    """Those that are not ignored, as under `nohup`."""
    return [signum for signum in ENDING if signal.getsignal(signum) is not signal.SIG_IGN]


def _is_program() -> bool:
    """Whether this process is `qptlab` or `python -m qptlab…`, not a user's own program."""
    called = sys.orig_argv
    # while -m looks for its module, the module's name is not in sys.argv
    module = called[called.index("-m") + 1 :][:1] if sys.argv[:1] == ["-m"] else []
    names = [name.partition(".")[0] for name in module] or [Path(p).stem for p in sys.argv[:1]]
    return names == ["qptlab"]
