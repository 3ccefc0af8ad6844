"""Trained networks that come with qptlab, and the geometries that each is judged on.

qptlab/models/NAME.safetensors   weights, as `save_model` writes them
qptlab/models/NAME.test.xyz      frames (ångström) that took no part in training, of
                                 trajectories that took none either; comments as those of
                                 `Trajectories.save`

qptlab/models/general.xyz holds the molecules that the general network is trained on, with their
charges, general.validation.xyz others to validate it with. They and those of general.test.xyz were
embedded from their bonds by RDKit and relaxed, with GFN2-xTB and then with our own SCF's forces
(b3lyp5/def2-svp or pbe/6-31g*) until these were below 0.006 Ha/bohr, less than a wiggle adds.
"""

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.reading import frames_in

FOLDER = Path(str(resources.files("qptlab"))) / "models"
WEIGHTS, GEOMETRIES = ".safetensors", ".test.xyz"


@dataclass(frozen=True)
class FrozenFrame:
    """A test geometry, and which trajectory, at how many kelvin, it comes from."""

    molecule: Molecule
    trajectory: str
    temperature_k: float


def shipped_names() -> list[str]:
    """Names of the networks that come with qptlab."""
    return sorted(path.name.removesuffix(WEIGHTS) for path in FOLDER.glob(f"*{WEIGHTS}"))


def shipped_model(name: str | os.PathLike) -> Path | None:
    """The model file of a name, upper and lower case alike; None where none has it."""
    name = os.fspath(name).lower()
    return FOLDER / f"{name}{WEIGHTS}" if name in shipped_names() else None


def shipped_text() -> str:
    """The names in words, for a sentence."""
    return ", ".join(shipped_names()) or "none"


def frozen_frames(name: str) -> list[FrozenFrame]:
    """The test geometries of a shipped network, as they are in its file.

    Raises:
        InputError: no such network, or frames whose comments do not say where they come from.
        MissingFile: it has no test geometries.
    """
    model = shipped_model(name)
    if model is None:
        raise InputError(f"no shipped model {quoted(name)}; shipped models: {shipped_text()}")
    path = model.with_name(model.name.removesuffix(WEIGHTS) + GEOMETRIES)
    frames = []
    for number, frame in enumerate(frames_in(path), start=1):
        try:
            trajectory, kelvin = str(frame.info["trajectory"]), float(frame.info["temperature_k"])
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path}, frame {number}: expected trajectory= and temperature_k= in the comment; "
                f"got {quoted(frame.comment)}"
            ) from None
        frames.append(FrozenFrame(frame.molecule, trajectory, kelvin))
    return frames
