"""Integrals over atomic orbitals and grid points: all that an energy needs of a molecule.

Computed once, on the host, by PySCF's libcint, and travelling on as the pytree `Integrals`. Who
else calls libcint: `repulsion` (the electrons'), `minao` (the guess), `grid` (the points), and
`nuclear` (derivatives of all of them).
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int, PyTree
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
from qptlab.dft.ladder import EMPTY_LEVEL, Shape
from qptlab.dft.minao import minao_guess
from qptlab.dft.mol import pyscf_mol, shells_of
from qptlab.dft.repulsion import cderi, eri, with_auxiliary
from qptlab.dft.shells import Shells, longer_table
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
        grid_count: of the blocks that are not empty.
        e_nuc: repulsion of the nuclei, hartree.
        positions: (atom, 3), bohr.
        shells: which orbitals form a shell, and where it sits.
        xc: name of the functional.

    Arrays may be longer than the molecule, see `qptlab.dft.ladder`.
    """

    overlap: Float[Array, "ao ao"]
    h_core: Float[Array, "ao ao"]
    dm_guess: Matrices
    occupation: Occupation
    coulomb: Coulomb
    exchange: tuple[Exchange, ...]
    grid_ao: Float[Array, "block 4 point ao"]
    grid_weights: Float[Array, "block point"]
    grid_count: Int[Array, ""]
    e_nuc: Float[Array, ""]
    positions: Float[Array, "atom 3"]
    shells: Shells
    xc: str = eqx.field(static=True)

    @property
    def n_ao(self) -> int:
        """Number of atomic orbitals of the molecule."""
        return self.shells.n_ao

    @property
    def n_occ(self) -> int:
        """Number of occupied orbitals, of the spin that has more of them."""
        return int(np.asarray(self.occupation).sum(axis=-1).max())


CACHE_BYTES = 2**21
"""Orbital values of one block of grid points, so that they stay in a processor's cache."""
AUX_PER_BLOCK = 16
"""Auxiliary functions that exchange handles at a time: their matrices fit the cache."""
GPU_BYTES = 2**28
"""Of a block of either on a GPU, where every block is one more program to start."""


def integrals(
    molecule: Molecule,
    theory: str | Theory,
    grid: Grid | None = None,
    fit: Callable[[Shape], Shape] = lambda shape: shape,
) -> Integrals:
    """Compute the integrals of a molecule at a level of theory.

    Args:
        grid: integration grid; by default PySCF's at `theory.grid`. Give one to compare two
            calculations on the same points.
        fit: from the molecule's own shape to one with more room; `ladder.rung` gives what many
            molecules share.

    Raises:
        InputError: electrons that do not fit the spin, unknown basis, an element the basis (or
            the auxiliary basis) lacks, functions beyond f, or integrals that do not fit in memory.
    """
    theory = parse_theory(theory)
    check_memory(molecule, theory)
    mol = pyscf_mol(molecule, theory)
    grid = grid or default_grid(molecule, theory)
    own = shape_of(molecule, theory, grid)
    shape = fit(own)
    more = shape.n_ao - own.n_ao
    empty = np.diag(np.repeat([0.0, 1.0], [own.n_ao, more]))
    overlap, h_core = mol.intor_symmetric("int1e_ovlp"), scf.hf.get_hcore(mol)
    guess = np.pad(minao_guess(mol), (0, more))
    occupation = np.arange(shape.n_occ) < np.array(mol.nelec)[:, None]
    coulomb, exchange = _repulsion(mol, theory, shape)
    grid_ao, grid_weights, grid_count = _on_grid(mol, grid, shape)
    occupation = (occupation if molecule.spin else occupation[0]).astype(float)
    return Integrals(
        overlap=_put(np.pad(overlap, (0, more)) + empty),
        h_core=_put(np.pad(h_core, (0, more)) + EMPTY_LEVEL * empty),
        dm_guess=_put(np.stack([guess / 2, guess / 2]) if molecule.spin else guess),
        occupation=_put(occupation),
        coulomb=coulomb,
        exchange=exchange,
        grid_ao=_put(grid_ao),
        grid_weights=_put(grid_weights),
        grid_count=_put(np.array(grid_count)),
        e_nuc=_put(np.array(float(mol.energy_nuc()))),
        positions=_put(np.pad(molecule.positions, ((0, shape.n_atom - mol.natm), (0, 0)))),
        shells=_put(longer_table(shells_of(mol), shape.n_shell, shape.n_ao, shape.widest)),
        xc=theory.xc,
    )


def _put(arrays: PyTree) -> PyTree:
    """The same on the device, and on the same memory where that can be: never write to it again.

    Unlike `jnp.asarray`, it compiles nothing.
    """
    return jax.device_put(arrays, may_alias=True)


def shape_of(molecule: Molecule, theory: Theory, grid: Grid) -> Shape:
    """How long the arrays of a molecule's integrals are before they are fitted to anything."""
    mol = pyscf_mol(molecule, theory)
    shells = shells_of(mol)
    return Shape(
        n_ao=int(mol.nao),
        n_occ=int(mol.nelec[0]),
        n_aux=int(with_auxiliary(mol)[1].nao) if theory.coulomb == "df" else 0,
        n_point=len(grid.weights),
        n_shell=len(shells),
        n_atom=mol.natm,
        widest=shells.widest,
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


def exchange_kinds(name: str) -> list[tuple[float, float]]:
    """(share, omega) of each kind of exact exchange that a functional has."""
    functional = xc.functional(name)
    kinds = [(functional.exact_exchange, 0.0), (functional.long_range, functional.omega)]
    return [(share, omega) for share, omega in kinds if share]


def _repulsion(mol, theory: Theory, shape: Shape) -> tuple[Coulomb, tuple[Exchange, ...]]:
    """The tensors of Coulomb repulsion and of each kind of exchange the functional has."""
    kinds = exchange_kinds(theory.xc)
    n_pair = shape.n_ao * (shape.n_ao + 1) // 2
    if theory.coulomb == "exact":
        whole = _longer(eri(mol), n_pair, n_pair)
        exchange = [
            ExactExchange(
                _longer(eri(mol, omega), n_pair, n_pair) if omega else whole, share, omega
            )
            for share, omega in kinds
        ]
        return ExactCoulomb(whole), tuple(exchange)
    whole = _longer(cderi(mol), shape.n_aux, n_pair)
    exchange = []
    for share, omega in kinds:
        packed = _longer(cderi(mol, omega), shape.n_aux, n_pair) if omega else whole
        exchange.append(FittedExchange(*_unpacked(np.asarray(packed), mol, shape), share, omega))
    return FittedCoulomb(whole), tuple(exchange)


def _longer(packed: np.ndarray, n_row: int, n_pair: int) -> Array:
    """A matrix with room for more rows and pairs, which in the packed order come last."""
    if packed.shape == (n_row, n_pair):
        return _put(packed)
    longer = _aligned_zeros(n_row, n_pair)
    longer[: packed.shape[0], : packed.shape[1]] = packed
    return _put(longer)


def _unpacked(packed: np.ndarray, mol, shape: Shape) -> tuple[Array, Array]:
    """(block, aux, ao, ao) from (aux, pair), filled with zeros to whole blocks, and their count."""
    (n_block, size), n_ao = aux_blocks(shape), shape.n_ao
    own = with_auxiliary(mol)[1].nao
    filled = _aligned_zeros(n_block * size, n_ao, n_ao)
    lib.unpack_tril(packed[:own], out=filled[:own])
    return _put((filled.reshape(n_block, size, n_ao, n_ao), np.array(-(-own // size))))


def aux_blocks(shape: Shape) -> tuple[int, int]:
    """How many blocks of auxiliary functions exchange takes, and of how many each."""
    size = _rows_per_block(AUX_PER_BLOCK, shape.n_aux, 8 * shape.n_ao**2)
    return -(-shape.n_aux // size), size


def grid_blocks(shape: Shape) -> tuple[int, int]:
    """How many blocks of grid points there are, and of how many each."""
    in_cache = max(CACHE_BYTES // (8 * 4 * shape.n_ao) // 64 * 64, 64)
    size = _rows_per_block(in_cache, shape.n_point, 8 * 4 * shape.n_ao)
    return -(-shape.n_point // size), size


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


def _on_grid(mol, grid: Grid, shape: Shape) -> tuple[np.ndarray, np.ndarray, int]:
    """Orbitals (block, 4, point, ao), weights (block, point), and how many blocks have points."""
    n_block, size = grid_blocks(shape)
    weights = np.zeros((n_block, size))
    weights.reshape(-1)[: len(grid.weights)] = grid.weights
    values = _aligned_zeros(n_block, 4, size, shape.n_ao)
    starts = range(0, len(grid.weights), size)
    for block, start in zip(values, starts, strict=False):
        points = grid.points[start : start + size]
        block[:, : len(points), : mol.nao] = mol.eval_gto("GTOval_sph_deriv1", points)
    return values, weights, len(starts)
