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

from qptlab.errors import InputError, MissingFile
from qptlab.qpt.networks.base import Network, from_json, to_json
from qptlab.qpt.runs.weights import (
    as_input_error,
    model_notes,
    read_weights,
    replace_file,
    write_weights,
)
from qptlab.qpt.sampling import Sampler, sampler_from_json, sampler_json
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.state import TrainState, first_state

FORMAT = 1
CONFIG, STATE, HISTORY = "config.json", "state.safetensors", "history.jsonl"


@dataclass(frozen=True, eq=False)
class RunRecord:
    """All that a run folder holds of a training.

    Attributes:
        lr: learning rate before the schedule.
        seconds, compile_seconds, label_seconds: spent so far, all sittings together.
        history: up to the step of the state.
    """

    state: TrainState
    sampler: Sampler
    config: TrainConfig
    lr: float
    seconds: float
    compile_seconds: float
    label_seconds: float
    history: list[StepLog]

    @property
    def model(self) -> Network:
        """The network as it is by then."""
        return self.state.model


class RunFolder:
    """The folder that a training is written to, and read from.

    Attributes:
        path: made at the first `write`.
    """

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
            "model": to_json(record.model),
            "sampler": sampler_json(record.sampler),
            "training": asdict(record.config),
            "lr": record.lr,
            "seconds": record.seconds,
            "compile_seconds": record.compile_seconds,
            "label_seconds": record.label_seconds,
        }
        write_weights(self.path / STATE, record.state, model_notes(record.model))
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
            lr, seconds, compiling = (config[key] for key in ("lr", "seconds", "compile_seconds"))
            history = read_history(self.path)
        state = read_weights(first_state(model), self.path / STATE)
        return RunRecord(
            state=state,
            sampler=sampler,
            config=training,
            lr=lr,
            seconds=seconds,
            compile_seconds=compiling,
            label_seconds=config.get("label_seconds", 0.0),
            history=[log for log in history if log.step <= int(state.step)],
        )


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
        raise InputError(f"{folder} has run format {known!r}; this qptlab reads format {FORMAT}")
    return config


def _line(log: StepLog) -> str:
    return json.dumps(log.to_json()) + "\n"
