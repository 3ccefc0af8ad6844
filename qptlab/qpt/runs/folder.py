"""Run folders: settings as JSON, weights as safetensors, history one line per step.

    RUN/config.json         molecule, theory, sampler, training settings
    RUN/state.safetensors   weights and optimiser state; a model file by itself
    RUN/history.jsonl       one `StepLog` per line

The first two are replaced whole and lines are appended, so a run that is killed leaves a readable
folder. A model file holds a network alone, and what is to be known about it.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from qptlab.qpt.networks.base import Network, from_json, to_json
from qptlab.qpt.runs.shipped import shipped_model, shipped_text
from qptlab.qpt.runs.weights import read_notes, read_weights, replace_file, write_weights
from qptlab.qpt.sampling import sampler_from_json, sampler_json
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.timer import Clock

FORMAT = 1
MODEL = ".model"
"""Where a network is in a `TrainState`, and so in a file."""

CONFIG, STATE, HISTORY = "config.json", "state.safetensors", "history.jsonl"


def save_run(run, folder: str | os.PathLike) -> None:
    """Write a `Training` to `folder`, making it where it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "format": FORMAT,
        "model": to_json(run.model),
        "sampler": sampler_json(run.sampler),
        "training": asdict(run.config),
        "lr": run.lr,
        "seconds": run.history[-1].seconds if run.history else 0.0,
        "compile_seconds": run.clock.compile_seconds,
        "label_seconds": run.clock.label_seconds,
    }
    write_weights(folder / STATE, run.state, _description(run.model))
    known_folder, n_saved = run.saved
    if known_folder == folder:
        with (folder / HISTORY).open("a") as file:
            file.writelines(map(_line, run.history[n_saved:]))
    else:
        replace_file(folder / HISTORY, "".join(map(_line, run.history)).encode())
    run.saved = (folder, len(run.history))
    # last: a folder with a config is a whole run
    replace_file(folder / CONFIG, json.dumps(config, indent=1).encode())


def load_run(cls, folder: str | os.PathLike, given: dict, **changes):
    """The `Training` (class `cls`) that `save_run` wrote, with settings changed by keyword.

    Args:
        given: arguments of `Training` that a folder cannot hold.
    """
    folder = Path(folder)
    with _as_value_error(f"{folder} is not a readable run folder"):
        config = _read_config(folder)
        model = from_json(config["model"])
        sampler = sampler_from_json(config["sampler"])
        training = TrainConfig(**config["training"])
        lr, seconds, compiling = (config[key] for key in ("lr", "seconds", "compile_seconds"))
        history = read_history(folder)
    run = cls(model, sampler, replace(training, **changes), out=folder, **given)
    run.state = read_weights(run.state, folder / STATE)
    run.lr = changes.get("lr", lr)
    run.clock = Clock(seconds, compiling, config.get("label_seconds", 0.0))
    run.history = [log for log in history if log.step <= int(run.state.step)]
    return run


def load(source: str | os.PathLike) -> Network:
    """The trained network of a run folder, of a model file, or that ships under a name.

    What is there under the name goes first; but a folder that holds no run does not hide a
    network that ships.

    Raises:
        FileNotFoundError: nothing there, and no network of that name ships.
        ValueError: neither a run folder nor a model file.
    """
    path = _model_file(source)
    notes = _notes(path)
    with _as_value_error(f"{path} is not a readable model file"):
        model = from_json(json.loads(notes["qptlab"]))
    return read_weights(model, path, MODEL)


def save_model(model: Network, path: str | os.PathLike, about: dict[str, Any]) -> None:
    """Write a network to a model file, for `load`: weights and description, no optimiser state.

    Args:
        about: how it came to be, in JSON's own types; `command`, `seed`, `machine` and `seconds`
            are what `qptlab bench accuracy` shows. `about_model` gives it back.

    Raises:
        ValueError: a network whose class is not registered, an `about` that JSON cannot hold, or
            a folder for a path.
        OSError: a place that cannot be written to.

    >>> import qptlab as ql, tempfile
    >>> model = ql.BlockQPT.create(ql.molecule("water"), "lda/sto-3g", seed=7)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ql.save_model(model, f"{folder}/untrained.safetensors", {"seed": 7})
    ...     print(ql.load(f"{folder}/untrained.safetensors"))
    ...     print(ql.about_model(f"{folder}/untrained.safetensors"))
    BlockQPT(lda/sto-3g, elements H O, 153 k weights)
    {'seed': 7}
    """
    path, description = Path(path), _description(model)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected a file to write")
    try:
        told = json.dumps(dict(about), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"about must be a dict that JSON can hold: {error}") from None
    write_weights(path, model, {**description, "about": told}, MODEL)


def about_model(source: str | os.PathLike) -> dict[str, Any]:
    """The `about` that `save_model` was given; empty for a run folder. Errors as `load`."""
    path = _model_file(source)
    notes = _notes(path)
    with _as_value_error(f"{path} is not a readable model file"):
        return json.loads(notes.get("about", "{}"))


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a run."""
    return (Path(folder) / CONFIG).is_file()


def read_history(folder: str | os.PathLike) -> list[StepLog]:
    """The steps a run logged, in order; a last line cut short by a crash is left out."""
    path = Path(folder) / HISTORY
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return [StepLog.from_json(json.loads(line)) for line in lines if line.endswith("\n")]


def _description(model: Network) -> dict[str, str]:
    """What a file must say of a network for `load` to make it again."""
    return {"qptlab": json.dumps(to_json(model))}


def _notes(path: Path) -> dict[str, str]:
    notes = read_notes(path)
    if "qptlab" not in notes:
        raise ValueError(f"{path} is not a qptlab model file")
    return notes


def _model_file(source: str | os.PathLike) -> Path:
    """The file with the weights that `source` means."""
    path, shipped = Path(source), shipped_model(source)
    if path.is_file():
        return path
    if is_run(path) or (path.is_dir() and shipped is None):
        _read_config(path)
        return path / STATE
    if shipped is None:
        raise FileNotFoundError(
            f"no run folder or model file: {path}; shipped models: {shipped_text()}"
        )
    return shipped


def _read_config(folder: Path) -> dict:
    if not folder.is_dir():
        raise FileNotFoundError(f"no run folder: {folder}")
    try:
        config = json.loads((folder / CONFIG).read_text())
        known = config["format"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"{folder} is not a run folder: it has no readable {CONFIG}") from None
    if known != FORMAT:
        raise ValueError(f"{folder} has run format {known!r}; this qptlab reads format {FORMAT}")
    return config


@contextlib.contextmanager
def _as_value_error(message: str) -> Iterator[None]:
    """What a damaged description raises, in one sentence."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{message}: {type(error).__name__} {error}") from None


def _line(log: StepLog) -> str:
    return json.dumps(log.to_json()) + "\n"
