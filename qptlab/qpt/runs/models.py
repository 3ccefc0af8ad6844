"""Model files: a network alone, and what is to be known about it."""

import json
import os
from pathlib import Path
from typing import Any

from qptlab.errors import InputError, MissingFile
from qptlab.qpt.descriptions import as_input_error, parsed
from qptlab.qpt.networks.base import Network, from_json, to_json
from qptlab.qpt.runs.network_files import is_run, read_config, read_state
from qptlab.qpt.runs.shipped import shipped_model, shipped_text
from qptlab.qpt.runs.weights import Stored, filled, outline, read_weights, write_weights

MODEL = ".model"
"""Where a network is in a `TrainState`, and so in a file."""


def load(source: str | os.PathLike) -> Network:
    """The trained network of a run folder, of a model file, or that ships under a name.

    What is there under the name goes first; but a folder that holds no run does not hide a
    network that ships.

    Raises:
        MissingFile: nothing there, and no network of that name ships.
        InputError: neither a run folder nor a model file, or a damaged one.
    """
    stored = _stored(source)
    with as_input_error(f"{stored.path} is not a readable model file"):
        described = parsed(stored.notes["qptlab"])
        model = outline(lambda: from_json(described))
    return filled(model, stored, MODEL)


def save_model(model: Network, path: str | os.PathLike, about: dict[str, Any]) -> None:
    """Write a network to a model file, for `load`: weights and description, no optimiser state.

    Args:
        about: how it came to be, in JSON's own types; `command`, `seed`, `machine` and `seconds`
            are what `qptlab bench accuracy` shows. `about_model` gives it back.

    Raises:
        InputError: a network whose class is not registered, an `about` that JSON cannot hold, or
            a folder for a path.
        OSError: a place that cannot be written to; it is named.

    >>> import qptlab as ql, tempfile
    >>> model = ql.BlockQPT.create(ql.molecule("water"), "lda/sto-3g", seed=7)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ql.save_model(model, f"{folder}/untrained.safetensors", {"seed": 7})
    ...     print(ql.load(f"{folder}/untrained.safetensors"))
    ...     print(ql.about_model(f"{folder}/untrained.safetensors"))
    BlockQPT(lda/sto-3g, elements H O, 153 k weights)
    {'seed': 7}
    """
    path, described = Path(path), json.dumps(to_json(model))
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a file to write")
    try:
        told = json.dumps(dict(about), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"about must be a dict that JSON can hold: {error}") from None
    write_weights(path, model, {"qptlab": described, "about": told}, MODEL)


def about_model(source: str | os.PathLike) -> dict[str, Any]:
    """The `about` that `save_model` was given; empty for a run folder. Errors as `load`."""
    stored = _stored(source)
    with as_input_error(f"{stored.path} is not a readable model file"):
        return parsed(stored.notes.get("about", "{}"))


def _stored(source: str | os.PathLike) -> Stored:
    """The weights and notes that `source` means."""
    path, shipped = Path(source), shipped_model(source)
    if path.is_file():
        return read_weights(path)
    if is_run(path) or (path.is_dir() and shipped is None):
        read_config(path)
        return read_state(path)
    if shipped is None:
        raise MissingFile(f"no run folder or model file: {path}; shipped models: {shipped_text()}")
    return read_weights(shipped)
