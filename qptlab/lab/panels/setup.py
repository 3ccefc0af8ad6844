"""What the workbench is asked to train, and the Training that comes of it."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qptlab.dft.compiling import in_background
from qptlab.dft.outlines import outline_of
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.losses import parse_loss
from qptlab.qpt.networks.base import Network
from qptlab.qpt.prepared import compile_first_build
from qptlab.qpt.runs.models import load
from qptlab.qpt.runs.request import NetworkRequest, RunRequest, SamplerRequest
from qptlab.qpt.runs.shipped import shipped_names
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.state import first_state
from qptlab.qpt.training.step import compile_meanwhile
from qptlab.reference import pyscf_energy, pyscf_fock
from qptlab.theory import Theory

WIGGLE, MODES, DYNAMICS = "wiggle", "vibrations", "dynamics"
SAMPLERS = {
    WIGGLE: ("σ / bohr", 0.05, "wiggle", "sigma_bohr"),
    MODES: ("T / K", 300.0, "modes", "temperature_k"),
    DYNAMICS: ("T / K", 300.0, "md", "temperature_k"),
}
"""{how geometries are drawn: (what its number is, its usual value, kind of `SamplerRequest`, the
field that its number is)}"""
GENERAL = "general"
NETWORKS = {
    "new, small": {"sizes": {"token": 32, "pair": 16, "layers": 2}},
    "new": {},
    "new, large": {"sizes": {"token": 96, "pair": 48, "layers": 4}},
    **{f"paper's, {s}": {"kind": "paper", "size": s} for s in ("tiny", "small", "base", "medium")},
}
"""{untrained network: arguments of its `NetworkRequest`}"""
DYNAMICS_SECONDS = 60.0
"""What molecular dynamics may take before training."""


@dataclass(frozen=True)
class Setup:
    """All that is chosen before a training starts.

    Attributes:
        name: what people call the molecule.
        sampler, amount: a key of `SAMPLERS` and its number (bohr or kelvin).
        network: "general" (trained on many molecules; where it ships) or a key of `NETWORKS`.
        loss, refine, n_validation, minutes: as `TrainConfig`.
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
    _, _, kind, number = SAMPLERS[setup.sampler]
    config = TrainConfig(
        loss=setup.loss, refine=setup.refine, n_validation=setup.n_validation, minutes=setup.minutes
    )
    theory = str(setup.theory).replace("/", "-").replace("*", "s")
    name = f"{setup.name}-{theory}-{time.strftime('%Y%m%d-%H%M%S')}"
    asked = RunRequest(
        geometries=(setup.molecule,),
        theory=setup.theory,
        network=_network(setup),
        sampler=SamplerRequest(kind, seconds=DYNAMICS_SECONDS, **{number: setup.amount}),
        config=config,
        out=None if folder is None else folder / name,
    )
    return asked.training(reference=pyscf_energy, labels=pyscf_fock, progress=say)


def compile_ahead(setup: Setup) -> None:
    """Compile, in threads, what a training that a setup describes would wait for.

    Raises:
        InputError: what cannot be trained; Start says the same.
    """
    network = _network(setup)
    if isinstance(network, NetworkRequest):
        network = network.create((setup.molecule,), setup.theory, seed=0)
    network.check(setup.molecule)
    in_background(partial(compile_first_build, outline_of(setup.molecule, network.theory)))
    state, chosen = first_state(network), parse_loss(setup.loss)
    compile_meanwhile(state, chosen, TrainConfig().batch, setup.molecule)


def _network(setup: Setup) -> Network | NetworkRequest:
    """The network to start from, or the one to make.

    The general network is for one theory; at another its weights are only a start.
    """
    if setup.network == GENERAL:
        general = _general()
        return general if general.theory == setup.theory else general.moved_to(setup.theory)
    if setup.network not in NETWORKS:
        known = ", ".join([GENERAL, *NETWORKS])
        raise InputError(f"unknown network {quoted(setup.network)}; known: {known}")
    return NetworkRequest(**NETWORKS[setup.network])


def networks_for(molecule: Molecule) -> list[str]:
    """The networks that can be trained on a molecule, the best start first."""
    fresh = ["new", *(name for name in NETWORKS if name != "new")]
    fits = GENERAL in shipped_names() and set(molecule.symbols) <= set(_general().made_for)
    return [GENERAL, *fresh] if fits else fresh


@functools.cache
def _general() -> Network:
    """The general network, read once: every molecule that is chosen asks for it."""
    return load(GENERAL)
