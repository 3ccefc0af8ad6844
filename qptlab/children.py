"""Processes that this one starts, and that end with it, however it ends."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

GRACE = 7.0
"""Seconds to end by themselves, after which nothing is asked."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@contextlib.contextmanager
def child(command: list[str], at_death: int = signal.SIGKILL, **options) -> Iterator:
    """A `subprocess.Popen` that has ended, with all that it started, when the block is left.

    It sees no Ctrl-C of its own: whoever started it decides.

    Args:
        at_death: the signal it gets where this process is killed; on Linux only.
        options: as `subprocess.Popen`.
    """
    tie = None if _LIBC is None else partial(_tie, at_death, os.getpid())
    with subprocess.Popen(command, preexec_fn=tie, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        return
    import psutil  # not above: help and a mistyped option need no library

    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        for member in psutil.wait_procs(family, 0.5)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    process.kill()
    process.wait()


def _tie(signum: int, parent: int) -> None:
    """In the child, before it becomes another program."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # it died before
        os._exit(1)
