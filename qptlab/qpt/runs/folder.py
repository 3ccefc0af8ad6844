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
from qptlab.qpt.descriptions import as_input_error, built, check_type, outline, parsed
from qptlab.qpt.networks.base import from_json, to_json
from qptlab.qpt.runs.weights import read_weights, replace_file, write_weights
from qptlab.qpt.sampling import Sampler, sampler_from_json, sampler_json
from qptlab.qpt.training.config import StepLog, TrainConfig, check_lr
from qptlab.qpt.training.state import TrainState, first_state
from qptlab.qpt.training.timer import Clock

FORMAT = 1
CONFIG, STATE, HISTORY = "config.json", "state.safetensors", "history.jsonl"
LARGEST_BYTES = 2**30
"""Of settings and of a history: more is none of ours, and would fill the memory."""


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
        config = read_config(self.path)
        with as_input_error(f"{self.path} is not a readable run folder"):
            state = outline(lambda: first_state(from_json(config["model"])))
            sampler = sampler_from_json(config["sampler"])
            training = built(TrainConfig, config["training"], "training")
            lr, *spent = (config[key] for key in ("lr", "seconds", "compile_seconds"))
            spent.append(config.get("label_seconds", 0.0))
            check_type("seconds", spent, tuple[float, ...])
            clock, lr = Clock(*spent), check_lr(lr)
        history = read_history(self.path)
        state = read_weights(state, self.path / STATE)
        known = [log for log in history if log.step <= int(state.step)]
        return RunRecord(state, sampler, training, lr, clock, known)


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a run."""
    return (Path(folder) / CONFIG).is_file()


def read_history(folder: str | os.PathLike) -> list[StepLog]:
    """The steps a run logged, in order; a last line cut short by a crash is left out.

    Raises:
        InputError: a line that is no step.
    """
    path = Path(folder) / HISTORY
    with as_input_error(f"{path} cannot be read as a history"):
        lines = read_small(path).split(b"\n")[:-1] if path.is_file() else []
        return [StepLog.from_json(parsed(line)) for line in lines]


def read_config(folder: Path) -> dict:
    """The settings of a run folder.

    Raises:
        MissingFile: no such folder.
        InputError: a folder without settings, or with those of another format.
    """
    if not folder.is_dir():
        raise MissingFile(f"no run folder: {folder}")
    try:
        config = parsed(read_small(folder / CONFIG))
        known = config["format"]
    except (OSError, InputError, KeyError):
        raise InputError(f"{folder} is not a run folder: it has no readable {CONFIG}") from None
    if known != FORMAT:
        raise InputError(
            f"{folder} has run format {quoted(known)}; this qptlab reads format {FORMAT}"
        )
    return config


def read_small(path: Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: one of more than `LARGEST_BYTES`.
        OSError: one that cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise InputError(f"{path.name} has more than {LARGEST_BYTES:,} bytes")
    return content


def _line(log: StepLog) -> str:
    return json.dumps(log.to_json()) + "\n"
