"""What is known of the runs in a folder, without loading them."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from qptlab.qpt.runs.folder import CONFIG, HISTORY, is_run
from qptlab.qpt.training.config import StepLog

TAIL_BYTES = 1 << 16
"""Of a history: enough for its last validation in most runs."""


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


def list_runs(folder: str | os.PathLike) -> list[RunSummary]:
    """The runs in a folder, written last first; one that cannot be read is left out."""
    folder = Path(folder)
    found = [path for path in folder.iterdir() if is_run(path)] if folder.is_dir() else []
    known = [summary for path in found if (summary := summary_of(path)) is not None]
    return sorted(known, key=lambda run: -run.saved_at)


def summary_of(folder: Path) -> RunSummary | None:
    """One run in a line; None where it cannot be read."""
    try:
        config = json.loads((folder / CONFIG).read_text())
        model = config["model"]
        theory = f"{model['theory']['xc']}/{model['theory']['basis']}"
        logs = _last_logs(folder / HISTORY)
        return RunSummary(
            folder=folder,
            theory=theory,
            kind=model["kind"],
            steps=logs[-1].step if logs else 0,
            seconds=float(config["seconds"]),
            val_error_ha=next((log.val_error_ha for log in reversed(logs) if log.val_error_ha), {}),
            saved_at=(folder / CONFIG).stat().st_mtime,
        )
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _last_logs(path: Path) -> list[StepLog]:
    """The last lines of a history, whole ones only."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().split(b"\n")
    # the first may be cut by the seek, the last by a crash
    whole = lines[:-1] if path.stat().st_size <= TAIL_BYTES else lines[1:-1]
    return [StepLog.from_json(json.loads(line)) for line in whole]
