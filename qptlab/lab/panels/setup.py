"""What the workbench is asked to train, and the Training that comes of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.theory import Theory

if TYPE_CHECKING:
    from qptlab.qpt.networks.base import Network
    from qptlab.qpt.runs.request import NetworkRequest, RunRequest
    from qptlab.qpt.training.run import Training

WIGGLE, MODES, DYNAMICS = "wiggle", "vibrations", "dynamics"
SAMPLERS = {WIGGLE: ("σ / bohr", 0.05), MODES: ("T / K", 300.0), DYNAMICS: ("T / K", 300.0)}
"""{how geometries are drawn: (what its number is, its usual value)}"""
SAMPLER_KINDS = {
    WIGGLE: ("wiggle", "sigma_bohr"),
    MODES: ("modes", "temperature_k"),
    DYNAMICS: ("md", "temperature_k"),
}
"""{the same: (kind of `SamplerRequest`, the field that its number is)}"""
GENERAL = "general"
NEW = {
    "new, small": {"token": 32, "pair": 16, "layers": 2},
    "new": {},
    "new, large": {"token": 96, "pair": 48, "layers": 4},
}
"""{untrained BlockQPT: its `BlockSizes`}"""
PAPER = {f"paper's, {size}": size for size in ("tiny", "small", "base", "medium")}
DYNAMICS_SECONDS = 60.0
"""What molecular dynamics may take before training."""


@dataclass(frozen=True)
class Setup:
    """All that is chosen before a training starts.

    Attributes:
        name: what people call the molecule.
        sampler, amount: a key of `SAMPLERS` and its number (bohr or kelvin).
        network: "general" (trained on many molecules; where it ships), a key of `NEW` or of
            `PAPER`.
        loss: see `qptlab.qpt.losses`.
        refine: refining iterations up to which errors are shown.
        n_validation: geometries that errors are measured on.
        minutes: after which to stop, or None.
    """

    name: str
    molecule: Molecule
    theory: Theory
    sampler: str = WIGGLE
    amount: float = 0.05
    network: str = GENERAL
    loss: str = "energy"
    refine: int = 3
    n_validation: int = 8
    minutes: float | None = 5.0


def build(
    setup: Setup, folder: Path | None = None, say: Callable[[str], None] = lambda line: None
) -> Training:
    """The Training that a setup describes, judged by PySCF.

    Args:
        folder: where its run folder is made, named after the molecule and the time; None to keep
            nothing.
        say: called with a line of text while vibrations or dynamics are computed.

    Raises:
        InputError: what cannot be computed or trained, in one sentence.
    """
    from qptlab.reference import pyscf_energy, pyscf_fock

    asked = request(setup, folder)
    return asked.training(reference=pyscf_energy, labels=pyscf_fock, progress=say)


def request(setup: Setup, folder: Path | None = None) -> RunRequest:
    """What a setup asks for. Arguments and errors as `build`."""
    # imported here so that the panel is there before the physics has been loaded
    from qptlab.qpt.runs.request import RunRequest, SamplerRequest
    from qptlab.qpt.training.config import TrainConfig

    kind, number = SAMPLER_KINDS[setup.sampler]
    return RunRequest(
        geometries=(setup.molecule,),
        theory=setup.theory,
        network=network_of(setup),
        sampler=SamplerRequest(kind, seconds=DYNAMICS_SECONDS, **{number: setup.amount}),
        config=TrainConfig(
            loss=setup.loss,
            refine=setup.refine,
            n_validation=setup.n_validation,
            minutes=setup.minutes,
        ),
        out=None if folder is None else folder / _folder_name(setup),
    )


def network_of(setup: Setup) -> Network | NetworkRequest:
    """The network to start from, or the one to make.

    The general network is for one theory; at another its weights are only a start.
    """
    from qptlab.qpt.runs.request import NetworkRequest

    if setup.network == GENERAL:
        general = _general()
        return general if general.theory == setup.theory else general.moved_to(setup.theory)
    if setup.network in PAPER:
        return NetworkRequest("paper", size=PAPER[setup.network])
    if setup.network not in NEW:
        raise InputError(
            f"unknown network {setup.network!r}; known: {', '.join([GENERAL, *NEW, *PAPER])}"
        )
    return NetworkRequest(sizes=NEW[setup.network])


def networks_for(molecule: Molecule) -> list[str]:
    """The networks that can be trained on a molecule, the best start first."""
    from qptlab.qpt.runs.shipped import shipped_names

    fresh = ["new", *(name for name in NEW if name != "new"), *PAPER]
    if GENERAL not in shipped_names() or not set(molecule.symbols) <= set(_general().made_for):
        return fresh
    return [GENERAL, *fresh]


@functools.cache
def _general() -> Network:
    """The general network, read once: every molecule that is chosen asks for it."""
    from qptlab.qpt.runs.models import load

    return load(GENERAL)


def _folder_name(setup: Setup) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    theory = str(setup.theory).replace("/", "-").replace("*", "s")
    return f"{setup.name}-{theory}-{stamp}"
