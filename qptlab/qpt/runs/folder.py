"""Run folders: settings as JSON, weights as safetensors, history one line per step.

    RUN/history.jsonl                one `StepLog` per line
    RUN/config.json                  molecule, theory, sampler, training settings
    RUN/state.safetensors            weights, optimiser state, time spent; a model file too
    RUN/state.previous.safetensors   that of the save before
    RUN/.lock                        while the run is written

They are written in this order: a state never lacks its history and settings, and what goes beyond
it is not read. So a run that is killed at any time leaves the last save or the one before.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from qptlab.errors import InputError
from qptlab.files import PARTIAL, keep_copy, naming, replace_file
from qptlab.qpt.descriptions import (
    as_input_error,
    built,
    check_type,
    parsed,
)
from qptlab.qpt.networks.base import from_json, to_json
from qptlab.qpt.runs.history import HISTORY, damage, lines_of, read_history
from qptlab.qpt.runs.lock import LOCK, WriterLock
from qptlab.qpt.runs.network_files import (
    CONFIG,
    FORMAT,
    PREVIOUS,
    STATE,
    config_checksum,
    read_config,
    read_state,
)
from qptlab.qpt.runs.weights import CHECKSUM, filled, outline, write_weights
from qptlab.qpt.sampling import Sampler, sampler_from_json, sampler_json
from qptlab.qpt.training.config import StepLog, TrainConfig, check_lr
from qptlab.qpt.training.state import TrainState, first_state
from qptlab.qpt.training.timer import Clock

FILES = CONFIG, STATE, PREVIOUS, HISTORY, LOCK


@dataclass(frozen=True, eq=False)
class RunRecord:
    """All that a run folder holds of a training.

    Attributes:
        lr: learning rate before the schedule.
        clock: what was spent so far; seconds are written as the history has them.
        history: up to the step of the state.
        message: what was damaged when it was read, in one sentence; else empty.
    """

    state: TrainState
    sampler: Sampler
    config: TrainConfig
    lr: float
    clock: Clock
    history: list[StepLog]
    message: str = ""


class RunFolder:
    """The folder that a training is written to, and read from; made when it is first written."""

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._lock = WriterLock(self.path)
        self._n_lines, self._size = 0, -1  # of the history, as written; none by us yet
        self._seen: tuple | None = None  # the state that we wrote or read last

    @classmethod
    def of(cls, place: "str | os.PathLike | RunFolder") -> "RunFolder":
        """The folder of a path, or the one that is given."""
        return place if isinstance(place, cls) else cls(place)

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Keep others from writing here. Errors as `WriterLock.held`."""
        return self._lock.held()

    @contextlib.contextmanager
    def sitting(self) -> Iterator[None]:
        """While a training goes on: nobody else writes, and nobody has since we did.

        Raises:
            InputError: as `WriterLock.held`, or the folder holds what we neither wrote nor read.
        """
        with self.held():
            now = self._fingerprint()
            if now not in (None, self._seen):
                what = "was written by another training since" if self._seen else "holds a run"
                advice = "go on with that (Training.resume) or choose another folder"
                raise InputError(f"{self.path} {what}; {advice}")
            yield

    def write(self, record: RunRecord) -> None:
        """Bring the folder up to date.

        Raises:
            InputError: as `WriterLock.held`.
            OSError: a file that cannot be written; it is named.
        """
        model = to_json(record.state.model)
        progress = {
            "training": asdict(record.config),
            "lr": record.lr,
            "seconds": record.history[-1].seconds if record.history else 0.0,
            "compile_seconds": record.clock.compile_seconds,
            "label_seconds": record.clock.label_seconds,
        }
        settings = {"format": FORMAT, "model": model, "sampler": sampler_json(record.sampler)}
        config = settings | progress
        config[CHECKSUM] = config_checksum(config)
        with self.held():
            self._write_history(record.history)
            replace_file(self.path / CONFIG, json.dumps(config, indent=1).encode())
            keep_copy(self.path / STATE, self.path / PREVIOUS)
            notes = {"qptlab": json.dumps(model), "progress": json.dumps(progress)}
            write_weights(self.path / STATE, record.state, notes)
            self._seen = self._fingerprint()

    def read(self) -> RunRecord:
        """What `write` wrote.

        Raises:
            MissingFile: no such folder.
            InputError: not a run folder, or a damaged one.
        """
        self._seen = self._fingerprint()
        config = read_config(self.path)
        stored = read_state(self.path)
        with as_input_error(f"{self.path} is not a readable run folder"):
            config |= parsed(stored.notes.get("progress", "{}"))
            described = parsed(stored.notes["qptlab"])
            if config.get("model") != described:
                raise InputError(f"{CONFIG} and {STATE} describe different networks")
            state = outline(lambda: first_state(from_json(described)))
            sampler = sampler_from_json(config["sampler"])
            training = built(TrainConfig, config["training"], "training")
            lr, *spent = (config[key] for key in ("lr", "seconds", "compile_seconds"))
            spent.append(config.get("label_seconds", 0.0))
            check_type("seconds", spent, tuple[float, ...])
            clock, lr = Clock(*spent), check_lr(lr)
        state = filled(state, stored)
        step = int(state.step)
        # after the state: a history may have lines that the state does not know, not lack some
        known = [log for log in read_history(self.path) if log.step <= step]
        message = damage(self.path, known, step)
        return RunRecord(state, sampler, training, lr, clock, known, message)

    def _write_history(self, history: list[StepLog]) -> None:
        """Append what is new to the lines that we wrote; replace those of others whole."""
        path = self.path / HISTORY
        if self._size < 0 or not path.is_file() or path.stat().st_size < self._size:
            lines = lines_of(history)
            replace_file(path, lines)
            self._size = len(lines)
        else:
            with naming(path), path.open("r+b") as file:
                file.seek(self._size)
                file.truncate()  # a line that a full disk cut short
                file.write(lines_of(history[self._n_lines :]))
                file.flush()
                os.fsync(file.fileno())
                self._size = file.tell()
        self._n_lines = len(history)

    def _fingerprint(self) -> tuple | None:
        """What tells one state from another; None where there is none."""
        try:
            about = (self.path / STATE).stat()
        except OSError:
            return None
        return about.st_mtime_ns, about.st_size, about.st_ino


def is_free(folder: str | os.PathLike) -> bool:
    """Whether a run may be begun there: nothing is, or what a first save left unfinished.

    Raises:
        OSError: it cannot be looked into.
    """
    folder = Path(folder)
    if not os.path.lexists(folder):
        return True
    if not folder.is_dir():
        return False
    there = {path.name for path in folder.iterdir()}
    ours = {*FILES, *(name + PARTIAL for name in FILES)} - {STATE, PREVIOUS}
    return there <= ours
