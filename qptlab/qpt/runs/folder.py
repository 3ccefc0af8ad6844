"""Run folders: settings as JSON, weights as safetensors, history one line per step.

    RUN/config.json         molecule, theory, sampler, training settings
    RUN/state.safetensors   weights and optimiser state; a model file by itself
    RUN/history.jsonl       one `StepLog` per line

The first two are replaced whole and lines are appended, so a run that is killed leaves a readable
folder.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from qptlab.errors import InputError, MissingFile, quoted
from qptlab.qpt.networks.base import from_json, to_json
from qptlab.qpt.runs.weights import as_input_error, read_weights, replace_file, write_weights
from qptlab.qpt.sampling import Sampler, sampler_from_json, sampler_json
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.state import TrainState, first_state
from qptlab.qpt.training.timer import Clock

FORMAT = 1
CONFIG, STATE, HISTORY = "config.json", "state.safetensors", "history.jsonl"
TAIL_BYTES = 1 << 16
"""Of a history: enough for its last validation in most runs."""


@dataclass(frozen=True, eq=False)
class RunRecord:
    """All that a run folder holds of a training.

    Attributes:
        lr: learning rate before the schedule.
        clock: what was spent so far; seconds are written as the history has them.
        history: up to the step of the state.
    """

    state: TrainState
    sampler: Sampler
    config: TrainConfig
    lr: float
    clock: Clock
    history: list[StepLog]


class RunFolder:
    """The folder that a training is written to, and read from; made at the first `write`."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._n_lines: int | None = None  # of history that are known to be there

    def write(self, record: RunRecord) -> None:
        """Bring the folder up to date.

        Raises:
            OSError: a place that cannot be written to.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        config = {
            "format": FORMAT,
            "model": to_json(record.state.model),
            "sampler": sampler_json(record.sampler),
            "training": asdict(record.config),
            "lr": record.lr,
            "seconds": record.history[-1].seconds if record.history else 0.0,
            "compile_seconds": record.clock.compile_seconds,
            "label_seconds": record.clock.label_seconds,
        }
        notes = {"qptlab": json.dumps(config["model"])}
        write_weights(self.path / STATE, record.state, notes)
        if self._n_lines is None:
            replace_file(self.path / HISTORY, "".join(map(_line, record.history)).encode())
        else:
            with (self.path / HISTORY).open("a") as file:
                file.writelines(map(_line, record.history[self._n_lines :]))
        self._n_lines = len(record.history)
        # last: a folder with a config is a whole run
        replace_file(self.path / CONFIG, json.dumps(config, indent=1).encode())

    def read(self) -> RunRecord:
        """What `write` wrote.

        Raises:
            MissingFile: no such folder.
            InputError: not a run folder, or a damaged one.
        """
        with as_input_error(f"{self.path} is not a readable run folder"):
            config = read_config(self.path)
            model = from_json(config["model"])
            sampler = sampler_from_json(config["sampler"])
            training = TrainConfig(**config["training"])
            lr, *spent = (config[key] for key in ("lr", "seconds", "compile_seconds"))
            clock = Clock(*spent, config.get("label_seconds", 0.0))
            history = read_history(self.path)
        state = read_weights(first_state(model), self.path / STATE)
        known = [log for log in history if log.step <= int(state.step)]
        return RunRecord(state, sampler, training, lr, clock, known)


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


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a run."""
    return (Path(folder) / CONFIG).is_file()


def read_history(folder: str | os.PathLike) -> list[StepLog]:
    """The steps a run logged, in order; a last line cut short by a crash is left out."""
    path = Path(folder) / HISTORY
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return [StepLog.from_json(json.loads(line)) for line in lines if line.endswith("\n")]


def read_config(folder: Path) -> dict:
    """The settings of a run folder.

    Raises:
        MissingFile: no such folder.
        InputError: a folder without settings, or with those of another format.
    """
    if not folder.is_dir():
        raise MissingFile(f"no run folder: {folder}")
    try:
        config = json.loads((folder / CONFIG).read_text())
        known = config["format"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        raise InputError(f"{folder} is not a run folder: it has no readable {CONFIG}") from None
    if known != FORMAT:
        raise InputError(
            f"{folder} has run format {quoted(known)}; this qptlab reads format {FORMAT}"
        )
    return config


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


def _line(log: StepLog) -> str:
    return json.dumps(log.to_json()) + "\n"
