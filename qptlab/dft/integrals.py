"""Integrals over atomic orbitals and grid points: all that an energy needs of a molecule.

Computed once, on the host, by PySCF's libcint, and travelling on as the pytree `Integrals`. Who
else calls libcint: `repulsion` (the electrons'), `minao` (the guess), `grid` (the points), and
`nuclear` (derivatives of all of them).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pyscf import lib, scf

from qptlab.dft import xc
from qptlab.dft.coulomb import (
    Coulomb,
    ExactCoulomb,
    ExactExchange,
    Exchange,
    FittedCoulomb,
    FittedExchange,
)
from qptlab.dft.grid import Grid, molecular_grid
from qptlab.dft.minao import minao_guess
from qptlab.dft.mol import pyscf_mol, shells_of
from qptlab.dft.repulsion import cderi, eri
from qptlab.dft.shells import Shells
from qptlab.dft.size import check_memory
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory
from qptlab.types import Matrices, Occupation


class Integrals(eqx.Module):
    """All that `energy` needs besides the density matrix.

    Attributes:
        overlap, h_core: (ao, ao); S and the kinetic + nuclear (+ ECP) matrix in hartree.
        dm_guess: (ao, ao); PySCF's `minao` starting density; (2, ao, ao) for open shells.
        occupation: (occ,); ones for the occupied orbitals, lowest first. (2, occ) for open
            shells, with zeros where one spin has fewer electrons.
        coulomb: density-fitted or exact electron repulsion.
        exchange: exact exchange, one entry for each kind the functional has: none, or the
            whole, or the whole and its long-range part.
        grid_ao: (block, 4, point, ao); χ and its gradient on the grid, cut into blocks.
        grid_weights: (block, point), bohr³; zeros fill the last block.
        e_nuc: repulsion of the nuclei, hartree.
        positions: (atom, 3), bohr.
        shells: which orbitals form a shell, and where it sits; None where molecules are stacked.
        xc: name of the functional.
    """

    overlap: Float[Array, "ao ao"]
    h_core: Float[Array, "ao ao"]
    dm_guess: Matrices
    occupation: Occupation
    coulomb: Coulomb
    exchange: tuple[Exchange, ...]
    grid_ao: Float[Array, "block 4 point ao"]
    grid_weights: Float[Array, "block point"]
    e_nuc: Float[Array, ""]
    positions: Float[Array, "atom 3"]
    shells: Shells | None = eqx.field(static=True)
    xc: str = eqx.field(static=True)

    @property
    def n_ao(self) -> int:
        """Number of atomic orbitals."""
        return self.overlap.shape[-1]

    @property
    def n_occ(self) -> int:
        """Number of occupied orbitals, of the spin that has more of them."""
        return self.occupation.shape[-1]


CACHE_BYTES = 2**21
"""Orbital values of one block of grid points, so that they stay in a processor's cache."""
AUX_PER_BLOCK = 16
"""Auxiliary functions that exchange handles at a time: their matrices fit the cache."""
GPU_BYTES = 2**28
"""Of a block of either on a GPU, where every block is one more program to start."""


def integrals(molecule: Molecule, theory: str | Theory, grid: Grid | None = None) -> Integrals:
    """Compute the integrals of a molecule at a level of theory.

    Args:
        grid: integration grid; by default PySCF's at `theory.grid`. Give one to compare two
            calculations on the same points.

    Raises:
        InputError: electrons that do not fit the spin, unknown basis, an element the basis (or
            the auxiliary basis) lacks, functions beyond f, or integrals that do not fit in memory.
    """
    theory = parse_theory(theory)
    check_memory(molecule, theory)
    mol = pyscf_mol(molecule, theory)
    guess, occupation = minao_guess(mol), np.ones(mol.nelec[0])
    if molecule.spin:
        guess = np.stack([guess / 2, guess / 2])
        occupation = np.stack([occupation, np.arange(mol.nelec[0]) < mol.nelec[1]])
    coulomb, exchange = _repulsion(mol, theory)
    grid_ao, grid_weights = _on_grid(mol, grid or default_grid(molecule, theory))
    return Integrals(
        overlap=jnp.asarray(mol.intor_symmetric("int1e_ovlp")),
        h_core=jnp.asarray(scf.hf.get_hcore(mol)),
        dm_guess=jnp.asarray(guess),
        occupation=jnp.asarray(occupation, dtype=float),
        coulomb=coulomb,
        exchange=exchange,
        grid_ao=_without_a_copy(grid_ao),
        grid_weights=jnp.asarray(grid_weights),
        e_nuc=jnp.asarray(float(mol.energy_nuc())),
        positions=jnp.asarray(molecule.positions),
        shells=shells_of(mol),
        xc=theory.xc,
    )


def default_grid(molecule: Molecule, theory: Theory) -> Grid:
    """PySCF's grid, or none at all for Hartree–Fock."""
    if xc.functional(theory.xc).needs == "none":
        return Grid(np.zeros((0, 3)), np.zeros(0), np.zeros(0, dtype=np.int32))
    return molecular_grid(molecule, theory)


def ao_values(molecule: Molecule, theory: Theory, points: np.ndarray) -> np.ndarray:
    """(point, ao): the atomic orbitals at `points` (point, 3) in bohr."""
    return pyscf_mol(molecule, theory).eval_gto("GTOval_sph", np.asarray(points))


def overlap_matrix(molecule: Molecule, theory: Theory) -> np.ndarray:
    """(ao, ao): S, without the cost of the other integrals."""
    return pyscf_mol(molecule, theory).intor_symmetric("int1e_ovlp")


def dipole_integrals(molecule: Molecule, theory: Theory) -> tuple[np.ndarray, np.ndarray]:
    """⟨μ|r|ν⟩ (3, ao, ao) and Σ_A Z_A R_A (3,), about the origin of the coordinates; bohr."""
    mol = pyscf_mol(molecule, theory)
    return mol.intor_symmetric("int1e_r", comp=3), mol.atom_charges() @ mol.atom_coords()


def use_one_thread() -> None:
    """Let libcint use one core when called from this thread: for work beside a training."""
    lib.num_threads(1)


def check_input(molecule: Molecule, theory: Theory) -> None:
    """Raise the `InputError` that `integrals` would raise, without computing any."""
    check_memory(molecule, theory)
    pyscf_mol(molecule, theory)


def _repulsion(mol, theory: Theory) -> tuple[Coulomb, tuple[Exchange, ...]]:
    """The tensors of Coulomb repulsion and of each kind of exchange the functional has."""
    functional = xc.functional(theory.xc)
    kinds = [(functional.exact_exchange, 0.0), (functional.long_range, functional.omega)]
    kinds = [(share, omega) for share, omega in kinds if share]
    if theory.coulomb == "exact":
        whole = jnp.asarray(eri(mol))
        exchange = [
            ExactExchange(jnp.asarray(eri(mol, omega)) if omega else whole, share, omega)
            for share, omega in kinds
        ]
        return ExactCoulomb(whole), tuple(exchange)
    whole = cderi(mol)
    exchange = [
        FittedExchange(_unpacked(cderi(mol, omega) if omega else whole), share, omega)
        for share, omega in kinds
    ]
    return FittedCoulomb(jnp.asarray(whole)), tuple(exchange)


def _unpacked(packed: np.ndarray) -> Array:
    """(block, aux, ao, ao) from (aux, pair), filled with zeros to whole blocks."""
    n_aux, n_pair = packed.shape
    n_ao = int((2 * n_pair) ** 0.5)
    size = _rows_per_block(AUX_PER_BLOCK, n_aux, 8 * n_ao**2)
    filled = _aligned_zeros(n_aux + -n_aux % size, n_ao, n_ao)
    lib.unpack_tril(packed, out=filled[:n_aux])
    return _without_a_copy(filled.reshape(-1, size, n_ao, n_ao))


def _rows_per_block(in_cache: int, n_rows: int, row_bytes: int) -> int:
    """How many rows a block holds: as many as fit the cache, or on a GPU up to all of them."""
    if jax.default_backend() == "cpu":
        return in_cache
    return max(min(n_rows, GPU_BYTES // row_bytes), 1)


def _aligned_zeros(*shape: int) -> np.ndarray:
    """Zeros that start where JAX can use them in place: large tensors need not exist twice."""
    n_bytes, line = 8 * math.prod(shape), 64
    raw = np.zeros(n_bytes + line, dtype=np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + n_bytes].view(np.float64).reshape(shape)


def _without_a_copy(array: np.ndarray) -> Array:
    """The JAX array on the same memory, where the device allows it; never write to it again."""
    return jax.device_put(array, may_alias=True)


def _on_grid(mol, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Orbitals (block, 4, point, ao) and weights (block, point) on the grid, in blocks."""
    in_cache = max(CACHE_BYTES // (8 * 4 * mol.nao) // 64 * 64, 64)
    size = _rows_per_block(in_cache, len(grid.weights), 8 * 4 * mol.nao)
    n_blocks = -(-len(grid.weights) // size)
    weights = np.zeros((n_blocks, size))
    weights.reshape(-1)[: len(grid.weights)] = grid.weights
    values = _aligned_zeros(n_blocks, 4, size, mol.nao)
    for block, start in zip(values, range(0, len(grid.weights), size), strict=True):
        points = grid.points[start : start + size]
        block[:, : len(points)] = mol.eval_gto("GTOval_sph_deriv1", points)
    return values, weights
