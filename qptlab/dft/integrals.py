"""Integrals over atomic orbitals and grid points: the only place that calls PySCF's libcint.

Everything a Kohn–Sham energy needs from a molecule is computed here once, on the host, and
travels on as the pytree `Integrals`.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.coulomb import Coulomb, DensityFitted, Exact
from qptlab.dft.guess import minao_guess
from qptlab.dft.mol import aux_basis, check_exact_size, pyscf_mol, shells_of
from qptlab.dft.shells import Shells
from qptlab.molecule import Molecule
from qptlab.theory import Theory


class Integrals(eqx.Module):
    """All that `energy` needs besides the density matrix.

    Attributes:
        overlap, h_core: (ao, ao); S and the kinetic + nuclear (+ ECP) matrix in hartree.
        dm_guess: (ao, ao); PySCF's `minao` starting density.
        coulomb: density-fitted or exact electron repulsion.
        grid_ao: (4, grid, ao); χ and its gradient on the grid.
        grid_weights: (grid,), bohr³.
        e_nuc: repulsion of the nuclei, hartree.
        positions: (atom, 3), bohr.
        shells: which orbitals form a shell, and where it sits.
        n_occ: number of doubly occupied orbitals.
        xc: name of the functional.
    """

    overlap: Float[Array, "ao ao"]
    h_core: Float[Array, "ao ao"]
    dm_guess: Float[Array, "ao ao"]
    coulomb: Coulomb
    grid_ao: Float[Array, "4 grid ao"]
    grid_weights: Float[Array, " grid"]
    e_nuc: Float[Array, ""]
    positions: Float[Array, "atom 3"]
    shells: Shells = eqx.field(static=True)
    n_occ: int = eqx.field(static=True)
    xc: str = eqx.field(static=True)

    @property
    def n_ao(self) -> int:
        """Number of atomic orbitals."""
        return self.overlap.shape[-1]


class Grid(eqx.Module):
    """Integration points (grid, 3) in bohr and their weights (grid,) in bohr³."""

    points: np.ndarray
    weights: np.ndarray


def integrals(molecule: Molecule, theory: Theory, grid: Grid | None = None) -> Integrals:
    """Compute the integrals of a molecule at a level of theory.

    Args:
        grid: integration grid; by default PySCF's at `theory.grid`. Give one to compare two
            calculations on the same points.

    Raises:
        ValueError: odd number of electrons, unknown basis, an element the basis (or the
            auxiliary basis) lacks, functions beyond f, or exact integrals too large to hold.
    """
    mol = pyscf_mol(molecule, theory)
    from pyscf import scf

    grid = grid or molecular_grid(molecule, theory)
    grid_ao = mol.eval_gto("GTOval_sph_deriv1", grid.points)
    return Integrals(
        overlap=jnp.asarray(mol.intor_symmetric("int1e_ovlp")),
        h_core=jnp.asarray(scf.hf.get_hcore(mol)),
        dm_guess=jnp.asarray(minao_guess(mol)),
        coulomb=_density_fitted(mol) if theory.coulomb == "df" else _exact(mol),
        grid_ao=jnp.asarray(grid_ao),
        grid_weights=jnp.asarray(grid.weights),
        e_nuc=jnp.asarray(float(mol.energy_nuc())),
        positions=jnp.asarray(molecule.positions),
        shells=shells_of(mol),
        n_occ=mol.nelectron // 2,
        xc=theory.xc,
    )


def molecular_grid(molecule: Molecule, theory: Theory) -> Grid:
    """PySCF's grid at `theory.grid` with its default pruning."""
    from pyscf.dft import gen_grid

    grids = gen_grid.Grids(pyscf_mol(molecule, theory))
    grids.level = theory.grid
    grids.build(sort_grids=False)
    return Grid(grids.coords, grids.weights)


def ao_values(molecule: Molecule, theory: Theory, points: np.ndarray) -> np.ndarray:
    """(point, ao): the atomic orbitals at `points` (point, 3) in bohr."""
    return pyscf_mol(molecule, theory).eval_gto("GTOval_sph", np.asarray(points))


def overlap_matrix(molecule: Molecule, theory: Theory) -> np.ndarray:
    """(ao, ao): S, without the cost of the other integrals."""
    return pyscf_mol(molecule, theory).intor_symmetric("int1e_ovlp")


def dipole(molecule: Molecule, theory: Theory, dm: np.ndarray) -> np.ndarray:
    """(3,): dipole moment in atomic units, about the origin of the coordinates as in PySCF."""
    mol = pyscf_mol(molecule, theory)
    electrons = np.einsum("xij,ji->x", mol.intor_symmetric("int1e_r", comp=3), np.asarray(dm))
    return mol.atom_charges() @ mol.atom_coords() - electrons


def use_one_thread() -> None:
    """Let libcint use one core when called from this thread: for work beside a training."""
    from pyscf import lib

    lib.num_threads(1)


def check_input(molecule: Molecule, theory: Theory) -> None:
    """Raise the `ValueError` that `integrals` would raise, without computing any."""
    mol = pyscf_mol(molecule, theory)
    if theory.coulomb == "exact":
        check_exact_size(mol)
    else:
        aux_basis(tuple(sorted(set(molecule.symbols))))


def _density_fitted(mol) -> DensityFitted:
    from pyscf import df, lib

    auxiliary = aux_basis(tuple(sorted(set(mol.elements))))
    packed = df.incore.cholesky_eri(mol, auxbasis=auxiliary)
    return DensityFitted(jnp.asarray(lib.unpack_tril(packed)))


def _exact(mol) -> Exact:
    check_exact_size(mol)
    return Exact(jnp.asarray(mol.intor("int2e", aosym="s4")))
