"""What is read of a run folder to use its network: neither sampler nor optimiser is imported here.

They take longer to import than a network does to load.
"""

import json
import os
import zlib
from pathlib import Path

from qptlab.errors import InputError, MissingFile, quoted
from qptlab.qpt.descriptions import parsed, read_small
from qptlab.qpt.runs.weights import CHECKSUM, Stored, read_weights

FORMAT = 1
CONFIG, STATE, PREVIOUS = "config.json", "state.safetensors", "state.previous.safetensors"


def is_run(folder: str | os.PathLike) -> bool:
    """Whether the folder holds a run."""
    return (Path(folder) / CONFIG).is_file()


def read_state(folder: Path) -> Stored:
    """The weights and optimiser state of a run folder.

    Raises:
        InputError: missing or damaged; says where those of the save before are.
    """
    path, kept = folder / STATE, folder / PREVIOUS
    if not path.exists() and not kept.exists():
        raise InputError(f"{folder} holds no run yet: its first save was not finished")
    try:
        return read_weights(path)
    except InputError as error:
        if not kept.is_file():
            raise
        raise InputError(
            f"{error}; the save before it is kept: rename {kept} to {STATE} to go on from there"
        ) from None


def read_config(folder: Path) -> dict:
    """The settings of a run folder.

    Raises:
        MissingFile: no such folder.
        InputError: a folder without settings, with damaged ones, or those of another format.
    """
    if not folder.is_dir():
        raise MissingFile(f"no run folder: {folder}")
    try:
        config = parsed(read_small(folder / CONFIG))
        known, checksum = config["format"], config.pop(CHECKSUM, None)
    except (OSError, InputError, KeyError):
        raise InputError(f"{folder} is not a run folder: it has no readable {CONFIG}") from None
    if known != FORMAT:
        raise InputError(
            f"{folder} has run format {quoted(known)}; this qptlab reads format {FORMAT}"
        )
    if checksum not in (None, config_checksum(config)):
        raise InputError(
            f"{folder / CONFIG} is damaged: its content does not match its checksum; if you "
            f"changed it yourself, take the line {CHECKSUM!r} out"
        )
    return config


def config_checksum(config: dict) -> str:
    """CRC-32 of settings, in the order in which they are written."""
    return f"{zlib.crc32(json.dumps(config).encode()):08x}"
