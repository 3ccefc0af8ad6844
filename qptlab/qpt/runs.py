"""Run folders: settings as JSON, weights as safetensors, history one line per step.

    RUN/config.json         molecule, theory, sampler, training settings
    RUN/state.safetensors   weights and optimiser state; a model file by itself
    RUN/history.jsonl       one `StepLog` per line

The first two are replaced whole and lines are appended, so a run that is killed leaves a readable
folder.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from qptlab.qpt.config import StepLog, TrainConfig
from qptlab.qpt.network import Network, from_json, to_json
from qptlab.qpt.sampling import sampler_from_json, sampler_json
from qptlab.qpt.timer import Clock

FORMAT = 1
Tree = TypeVar("Tree", bound=eqx.Module)

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
    tensors = {name: np.asarray(leaf) for name, leaf in _named_leaves(run.state)}
    metadata = {"qptlab": json.dumps(to_json(run.model))}
    _replace(folder / STATE, to_safetensors(tensors, metadata))
    known_folder, n_saved = run.saved
    if known_folder == folder:
        with (folder / HISTORY).open("a") as file:
            file.writelines(map(_line, run.history[n_saved:]))
    else:
        _replace(folder / HISTORY, "".join(map(_line, run.history)).encode())
    run.saved = (folder, len(run.history))
    # last: a folder with a config is a whole run
    _replace(folder / CONFIG, json.dumps(config, indent=1).encode())


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
    run.state = _read_leaves(run.state, folder / STATE)
    run.lr = changes.get("lr", lr)
    run.clock = Clock(seconds, compiling, config.get("label_seconds", 0.0))
    run.history = [log for log in history if log.step <= int(run.state.step)]
    return run


def load(source: str | os.PathLike) -> Network:
    """The trained network of a run folder or of a model file.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: neither a run folder nor a model file.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"no run folder or model file: {path}")
    if path.is_dir():
        _read_config(path)
        path = path / STATE
    try:
        with safe_open(path, framework="numpy") as file:
            described = json.loads((file.metadata() or {})["qptlab"])
    except (SafetensorError, KeyError, OSError, json.JSONDecodeError):
        raise ValueError(f"{path} is not a qptlab model file") from None
    with _as_value_error(f"{path} is not a readable model file"):
        model = from_json(described)
    return _read_leaves(model, path, prefix=".model")


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a run."""
    return (Path(folder) / CONFIG).is_file()


def read_history(folder: str | os.PathLike) -> list[StepLog]:
    """The steps a run logged, in order; a last line cut short by a crash is left out."""
    path = Path(folder) / HISTORY
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return [StepLog.from_json(json.loads(line)) for line in lines if line.endswith("\n")]


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


def _named_leaves(tree: eqx.Module, prefix: str = "") -> Iterable[tuple[str, np.ndarray]]:
    arrays = eqx.filter(tree, eqx.is_array)
    for path, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        yield prefix + jax.tree_util.keystr(path), leaf


def _read_leaves(tree: Tree, path: Path, prefix: str = "") -> Tree:
    """The state, or the model under `prefix`, with its arrays read from a file by name."""
    arrays, rest = eqx.partition(tree, eqx.is_array)
    try:
        with safe_open(path, framework="numpy") as file:
            leaves = [file.get_tensor(name) for name, _ in _named_leaves(arrays, prefix)]
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read as weights: {error}") from None
    read = jax.tree.unflatten(jax.tree.structure(arrays), map(jnp.asarray, leaves))
    same = jax.tree.map(lambda a, b: a.shape == b.shape, arrays, read)
    if not all(jax.tree.leaves(same)):
        raise ValueError(f"{path} holds weights of another shape than its description")
    return eqx.combine(read, rest)


def _line(log: StepLog) -> str:
    return json.dumps(log.to_json()) + "\n"


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
