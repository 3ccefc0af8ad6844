"""How large a calculation will be, known before anything is computed, and whether it fits."""

import functools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from qptlab.dft import xc
from qptlab.dft.grid import n_grid_points
from qptlab.dft.mol import check_electrons, check_exact_size, pyscf_mol, shells_of
from qptlab.dft.repulsion import with_auxiliary
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.theory import Theory

PROGRAM_BYTES = 0.5 * 2**30
"""Of Python, JAX and compiled code."""
WORK = 1.1
"""What is held at the peak of an SCF, over the integrals alone."""
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Size:
    """What memory and time depend on.

    Attributes:
        n_ao, n_shell, n_occ: atomic orbitals, shells that they form, occupied orbitals.
        n_aux: auxiliary functions; 0 for exact integrals.
        n_grid: grid points; 0 for Hartree–Fock.
    """

    n_ao: int
    n_shell: int
    n_occ: int
    n_aux: int
    n_grid: int


def size(molecule: Molecule, theory: Theory) -> Size:
    """Count orbitals, auxiliary functions and grid points, atom by atom, in milliseconds.

    Raises:
        InputError: a molecule and theory that cannot be computed, as `integrals`.
    """
    check_electrons(molecule)
    counts = Counter(molecule.symbols)
    atoms = [_of_atom(symbol, theory) for symbol in counts]
    sums = np.array(list(counts.values())) @ np.array(atoms)
    n_ao, n_shell, n_electrons, n_aux, n_grid = map(int, sums)
    n_occ = (n_electrons - molecule.charge + molecule.spin) // 2
    return Size(n_ao, n_shell, n_occ, n_aux, n_grid)


@functools.cache
def _of_atom(symbol: str, theory: Theory) -> tuple[int, int, int, int, int]:
    """Orbitals, shells, electrons outside core potentials, auxiliary functions, grid points."""
    atom = Molecule((symbol,), np.zeros((1, 3)))
    atom = Molecule((symbol,), atom.positions, spin=atom.n_electrons % 2)
    mol = pyscf_mol(atom, theory)
    fitted, on_grid = theory.coulomb == "df", xc.functional(theory.xc).needs != "none"
    n_aux = int(with_auxiliary(mol)[1].nao) if fitted else 0
    n_grid = n_grid_points(atom, theory) if on_grid else 0
    return int(mol.nao), len(shells_of(mol)), int(mol.nelectron), n_aux, n_grid


def needed_bytes(size: Size, theory: Theory) -> int:
    """Peak memory of an SCF, about: the integrals, and what is made of them."""
    functional = xc.functional(theory.xc)
    n_exchange = bool(functional.exact_exchange) + bool(functional.long_range)
    n_pair = size.n_ao * (size.n_ao + 1) // 2
    fitted = size.n_aux * (n_pair + n_exchange * size.n_ao**2)
    exact = 0 if size.n_aux else (1 + n_exchange) * n_pair**2
    on_grid = 4 * size.n_grid * size.n_ao
    return int(PROGRAM_BYTES + 8 * WORK * (fitted + exact + on_grid + 40 * size.n_ao**2))


def free_bytes() -> int:
    """Memory at hand, of the machine and of the container that this runs in."""
    free = psutil.virtual_memory().available
    try:
        most, used = (int((_CGROUP / f"memory.{x}").read_text()) for x in ("max", "current"))
    except (OSError, ValueError):  # no container, or one without a limit
        return free
    return min(free, max(most - used, 0))


def check_memory(molecule: Molecule, theory: Theory) -> None:
    """Raise `InputError` where an SCF would not fit in memory; known in milliseconds."""
    told, free = size(molecule, theory), free_bytes()
    if theory.coulomb == "exact":
        check_exact_size(told.n_ao)
    needed = needed_bytes(told, theory)
    if needed > free:
        raise InputError(
            f"{molecule.formula}, {theory}: {told.n_ao} orbitals, {told.n_aux} auxiliary functions "
            f"and {told.n_grid} grid points need about {needed / 2**30:,.1f} GiB of memory, "
            f"{free / 2**30:.1f} GiB are free; use a smaller basis or molecule"
        )
