"""The run folders of a place, in a line each: those that can be read, and why others cannot."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from qptlab.errors import InputError, printable
from qptlab.qpt.descriptions import an_object, as_input_error, built, check_type, parsed, read_small
from qptlab.qpt.runs.folder import CONFIG
from qptlab.qpt.runs.history import HISTORY, last_logs
from qptlab.theory import Theory


@dataclass(frozen=True)
class RunSummary:
    """A run folder in one line.

    Attributes:
        theory: as it is written, for example "pbe/def2-svp".
        steps, seconds: so far.
        val_error_ha: of the last validation, by number of refining iterations; empty before one.
        saved_at: when it was written last, seconds since 1970.
    """

    folder: Path
    theory: str
    kind: str
    steps: int
    seconds: float
    val_error_ha: dict[int, float]
    saved_at: float


@dataclass(frozen=True)
class Damaged:
    """A run folder that cannot be read, and why in a few words."""

    folder: Path
    reason: str


def list_runs(folder: str | os.PathLike) -> list[RunSummary]:
    """The runs in a folder, written last first; what cannot be read is in `damaged_runs`."""
    known = [run for run in _found(folder) if isinstance(run, RunSummary)]
    return sorted(known, key=lambda run: -run.saved_at)


def damaged_runs(folder: str | os.PathLike) -> list[Damaged]:
    """The run folders in a folder that cannot be read, by name."""
    return sorted(
        (run for run in _found(folder) if isinstance(run, Damaged)), key=lambda run: run.folder
    )


def _found(folder: str | os.PathLike) -> list[RunSummary | Damaged]:
    folder = Path(folder)
    places = folder.iterdir() if folder.is_dir() else ()
    return [found for path in places if (found := _looked_at(path)) is not None]


def _looked_at(path: Path) -> RunSummary | Damaged | None:
    """None: not a run folder, as nothing there is called `config.json`."""
    try:
        os.lstat(path / CONFIG)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # not even that can be asked
        return Damaged(path, _reason(error))
    try:
        return summary_of(path)
    except (InputError, OSError) as error:
        return Damaged(path, _reason(error))


def _reason(error: Exception) -> str:
    """Without the file's name, which the folder's tells."""
    if isinstance(error, OSError) and error.strerror:
        return (
            f"{Path(error.filename).name}: {error.strerror}" if error.filename else error.strerror
        )
    return printable(error)


def summary_of(folder: Path) -> RunSummary:
    """One run in a line.

    Raises:
        InputError: a file of it that holds something else.
        OSError: one that cannot be opened.
    """
    with as_input_error(CONFIG):
        config = parsed(read_small(folder / CONFIG))
        model = an_object(config.get("model"), "model")
        theory = built(Theory, model.get("theory"), "theory")
        kind, seconds = model.get("kind"), config.get("seconds")
        check_type("kind", kind, str)
        check_type("seconds", seconds, float)
        if seconds < 0:
            raise InputError(f"seconds is {seconds}; expected 0 or more")
    with as_input_error(HISTORY):
        logs = last_logs(folder)
    errors = next((log.val_error_ha for log in reversed(logs) if log.val_error_ha), {})
    return RunSummary(
        folder=folder,
        theory=str(theory),
        kind=kind,
        steps=logs[-1].step if logs else 0,
        seconds=float(seconds),
        val_error_ha={k: error for k, error in errors.items() if math.isfinite(error)},
        saved_at=(folder / CONFIG).stat().st_mtime,
    )
