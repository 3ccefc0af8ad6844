"""What fits: prepared geometries into memory, compiled code into the maps a process may have."""

import ctypes
import functools
import sys
from collections.abc import Iterable
from pathlib import Path

import jax
import numpy as np
from jaxtyping import PyTree

from qptlab.dft.integrals import integrals
from qptlab.dft.ladder import Shape, rung
from qptlab.dft.size import size
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.losses import Loss
from qptlab.qpt.prepared import Prepared
from qptlab.qpt.sampling import TRAIN, VALIDATION, Sampler, different, molecules
from qptlab.qpt.training.config import TrainConfig
from qptlab.theory import Theory

LARGEST_WINDOW = 256
MAPS_LIMIT = Path("/proc/sys/vm/max_map_count")
MAPS, MAPS_PER_SIZE = 2_000, 760
"""Maps of a training, and for each size of molecules that it compiles code for; with JAX 0.10."""
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def n_bytes(tree: PyTree) -> int:
    """Memory of all arrays of a tree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def mean_bytes(
    sampler: Sampler, theory: Theory, loss: Loss, of: Molecule, first: Prepared
) -> tuple[float, float]:
    """Memory of a prepared validation geometry, and of what a loss needs of one to train on.

    Means over the molecules of each split.

    Args:
        of, first: one geometry, and what its first Fock build left.
    """

    @functools.cache
    def sizes(molecule: Molecule) -> tuple[float, float]:
        same = len(different((molecule, of))) == 1
        ints = first.integrals if same else integrals(molecule, theory, fit=rung)
        # all that a network sees are matrices over orbitals
        scale = (len(ints.overlap) / len(first.integrals.overlap)) ** 2
        matrices = scale * n_bytes((first.matrices, first.fock, first.start))
        inputs = matrices + n_bytes((ints.occupation, ints.positions, ints.shells))
        whole = n_bytes((ints, first.plain_energy)) + inputs
        return whole, whole if loss.needs_energy else inputs

    whole = np.mean([sizes(molecule)[0] for molecule in molecules(sampler, VALIDATION)])
    needed = np.mean([sizes(molecule)[1] for molecule in molecules(sampler, TRAIN)])
    return float(whole), float(needed)


def capacity(config: TrainConfig, whole: float, needed: float) -> tuple[int, int]:
    """How many geometries of `config.pool_gib` are for validation, and how many for training.

    Args:
        whole, needed: bytes of a prepared geometry, and of what is needed of one to train on.

    Raises:
        InputError: `config.geometries` do not fit.
    """
    pool = config.pool_gib * 2**30
    validation = min(config.n_validation, max(1, int(pool / 3 / whole)))
    room = max(config.batch, int((pool - validation * whole) / needed))
    if config.geometries is None:
        return validation, min(LARGEST_WINDOW, room)
    if config.geometries > room:
        raise InputError(
            f"geometries {config.geometries}: no more than {room} fit in {config.pool_gib:g} GiB; "
            "give fewer, or a larger pool_gib"
        )
    return validation, config.geometries


def check_memory_maps(molecules: Iterable[Molecule], theory: Theory) -> None:
    """Raise `InputError` where code for so many molecules of different size would not fit.

    Linux lets a process have only so many maps. The compiler would end it halfway instead, and say
    that it cannot allocate memory.
    """
    if not MAPS_LIMIT.is_file():
        return
    n_sizes = len({_rung(molecule, theory) for molecule in molecules})
    allowed, needed = int(MAPS_LIMIT.read_text()), MAPS + MAPS_PER_SIZE * n_sizes
    if needed > allowed:
        raise InputError(
            f"training on molecules of {n_sizes} different sizes takes about {needed:,} memory "
            f"maps and this system allows a process {allowed:,}; allow more, for example "
            f"`sudo sysctl -w vm.max_map_count={max(262_144, 2 * needed)}`, or train on fewer"
        )


def _rung(molecule: Molecule, theory: Theory) -> Shape:
    """What a molecule shares with others, told without computing anything."""
    told, n_atom = size(molecule, theory), len(molecule.symbols)
    own = Shape(told.n_ao, told.n_occ, told.n_aux, told.n_grid, told.n_shell, n_atom, widest=0)
    return rung(own)


def give_back_memory() -> None:
    """Return what was freed to the system, where it can be told to (glibc); takes 50 ms.

    It keeps what lies between arrays in use: a training that goes through many geometries grew by
    400 MB in 2500 of them.

    Source: malloc_trim(3).
    """
    if _TRIM is not None:
        _TRIM(0)
