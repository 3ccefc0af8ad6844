"""One writer at a time in a run folder; whoever reads needs no lock."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qptlab.errors import InputError

LOCK = ".lock"
"""Beside the run while it is written; says by which process. The system frees it with that one."""


class WriterLock:
    """The right to write in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK, blocking=False, thread_local=False)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing; the folder is made, and goes again if nothing is written.

        Inside another `held` of the same lock it does nothing.

        Raises:
            InputError: another training writes there, or nobody can.
        """
        if self._lock.is_locked:
            yield
            return
        made = [place for place in (self._folder, *self._folder.parents) if not place.exists()]
        try:
            try:
                self._take()
                yield
            finally:
                self._give_back()
        finally:
            for place in made:
                with contextlib.suppress(OSError):  # no longer empty
                    place.rmdir()

    def _take(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            with open(self._lock.lock_file, "w") as file:
                file.write(f"process {os.getpid()} on {platform.node()}")
                file.flush()
                os.fsync(file.fileno())  # a full disk is known now, not after the first minutes
        except Timeout:
            raise InputError(
                f"{self._folder} is being written by another training ({self._holder()}); stop it "
                "first or choose another folder"
            ) from None
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self._folder} cannot be written to: {reason}") from None

    def _give_back(self) -> None:
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                os.unlink(self._lock.lock_file)  # before another can take it
            self._lock.release()

    def _holder(self) -> str:
        try:
            return Path(self._lock.lock_file).read_text() or "another process"
        except OSError:
            return "another process"
