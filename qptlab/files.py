"""Files written whole: whoever reads one finds what was there before or all of the new."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

PARTIAL = ".partial"
"""What the name of a file ends in while it is being written."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Where to write the new content of `path`, which takes its place when all went well.

    Otherwise `path` stays as it is and nothing else is left. A link stays one; what is no file, a
    pipe for example, is written to as it is.

    Raises:
        OSError: names `path`.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with naming(path):
            yield path
        return
    target = Path(os.path.realpath(path))
    partial = target.with_name(target.name + PARTIAL)
    try:
        with naming(path, partial):
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def replace_file(path: str | os.PathLike, content: bytes) -> None:
    """Write a file whole.

    Raises:
        OSError: names `path`.
    """
    with replacing(path) as place:
        place.write_bytes(content)


def keep_copy(path: Path, kept: Path) -> None:
    """Give what is in `path`, if anything, the name `kept` too; it stays when `path` is replaced.

    Raises:
        OSError: names `kept`.
    """
    if not path.is_file():
        return
    spare = kept.with_name(kept.name + PARTIAL)
    with naming(kept, spare):
        try:
            spare.unlink(missing_ok=True)
            try:
                os.link(path, spare)
            except OSError:  # a file system without links
                shutil.copyfile(path, spare)
            os.replace(spare, kept)
        finally:
            spare.unlink(missing_ok=True)  # where both were one file, nothing was moved


@contextlib.contextmanager
def naming(path: Path, partial: Path | None = None) -> Iterator[None]:
    """An `OSError` names the file: a full disk's names none, another's the one half written."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(path), str(partial)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
