"""How many prepared geometries a run may hold in memory."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from qptlab.dft.integrals import integrals
from qptlab.molecule import Molecule
from qptlab.qpt.losses import Loss
from qptlab.qpt.prepared import Prepared
from qptlab.qpt.sampling import TRAIN, VALIDATION, Sampler, molecules
from qptlab.qpt.training.config import TrainConfig
from qptlab.theory import Theory

LARGEST_WINDOW = 256


def n_bytes(tree: Any) -> int:
    """Memory of all arrays of a tree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def mean_bytes(
    sampler: Sampler, theory: Theory, first: Prepared, of: Molecule, loss: Loss
) -> tuple[float, float]:
    """Memory of a prepared validation geometry, and of what a loss keeps of one to train on.

    Means over the molecules of each split.

    Args:
        first: a prepared geometry of the molecule `of`.
    """
    known: dict[Molecule, tuple[float, float]] = {}

    def sizes(molecule: Molecule) -> tuple[float, float]:
        if molecule not in known:
            same = (molecule.symbols, molecule.charge) == (of.symbols, of.charge)
            ints = first.integrals if same else integrals(molecule, theory)
            # all else are matrices over orbitals
            scale = (ints.n_ao / first.integrals.n_ao) ** 2
            here = replace(first, integrals=ints)
            known[molecule] = tuple(
                n_bytes(part.integrals) + scale * (n_bytes(part) - n_bytes(part.integrals))
                for part in (here, loss.kept(here))
            )
        return known[molecule]

    whole = np.mean([sizes(molecule)[0] for molecule in molecules(sampler, VALIDATION)])
    kept = np.mean([sizes(molecule)[1] for molecule in molecules(sampler, TRAIN)])
    return float(whole), float(kept)


def capacity(config: TrainConfig, whole: float, kept: float) -> tuple[int, int]:
    """How many geometries of `config.pool_gib` are for validation, and how many for training.

    Args:
        whole, kept: bytes of a prepared geometry, and of what is kept of one to train on.

    Raises:
        ValueError: `config.geometries` do not fit.
    """
    pool = config.pool_gib * 2**30
    validation = min(config.n_validation, max(1, int(pool / 3 / whole)))
    room = max(config.batch, int((pool - validation * whole) / kept))
    if config.geometries is None:
        return validation, min(LARGEST_WINDOW, room)
    if config.geometries > room:
        raise ValueError(
            f"geometries {config.geometries}: no more than {room} fit in {config.pool_gib:g} GiB; "
            "give fewer, or a larger pool_gib"
        )
    return validation, config.geometries
