"""Derivatives with respect to the nuclei, of any number that is computed from integrals.

Backpropagation stops at the integrals, which come from libcint; `nuclear_gradient` carries it on
to the nuclei with libcint's own derivative integrals.
"""

from collections.abc import Callable

import equinox as eqx
import numpy as np

from qptlab.dft import nuclear
from qptlab.dft.compiling import jit
from qptlab.dft.coulomb import Coulomb, ExactCoulomb, ExactExchange, Exchange, FittedExchange
from qptlab.dft.density import fill
from qptlab.dft.energy import energy
from qptlab.dft.grid import Grid
from qptlab.dft.integrals import Integrals, default_grid, integrals
from qptlab.dft.ladder import EMPTY_LEVEL, filled_up, rung
from qptlab.dft.mol import pyscf_mol
from qptlab.dft.repulsion import with_auxiliary
from qptlab.dft.results import ScfResult
from qptlab.errors import InputError, NotConverged
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.types import Gradient, Matrices, Scalar


def forces(result: ScfResult) -> Gradient:
    """−dE/dR of a converged calculation, (atom, 3) in hartree/bohr, grid response included.

    At convergence E does not change to first order when occupied and empty orbitals mix, so the
    Fock matrix may stand still while the nuclei move; what is left is that the orbitals stay
    orthogonal (Pulay's term), which `fill` sees to.

    Raises:
        NotConverged: a result that is not converged.

    Source: Pulay, Mol. Phys. 17, 197 (1969); Johnson, Gill, Pople, JCP 98, 5612 (1993).

    >>> import qptlab as ql
    >>> f = ql.forces(ql.scf(ql.molecule("water"), "pbe/sto-3g"))
    >>> bool(abs(f.sum(axis=0)).max() < 1e-8)
    True
    """
    if result.molecule.spin and not result.is_open_shell:
        raise InputError("forces need both spins; give the whole result, not one of its spins")
    if not result.converged:
        raise NotConverged(f"no forces without a converged density: {result.message}")
    molecule, theory = result.molecule, result.theory
    grid = default_grid(molecule, theory)
    ints = integrals(molecule, theory, grid, rung)
    fock = filled_up(result.fock, len(ints.overlap), EMPTY_LEVEL)
    slope = _slope_at_fixed_fock(ints, fock)
    return -integrals_vjp(slope, molecule, theory, grid)


@jit
@eqx.filter_grad
def _slope_at_fixed_fock(ints: Integrals, fock: Matrices) -> Scalar:
    """dE/dX of the density that fills the orbitals of `fock`, for every array X."""
    return energy(fill(fock, ints.overlap, ints.occupation), ints).total


def nuclear_gradient(
    total: Callable[[Integrals], Scalar], molecule: Molecule, theory: Theory
) -> tuple[float, Gradient]:
    """A number computed from the integrals of a molecule, and its derivative by the nuclei.

    Nothing needs to be converged: `total` may be the energy of any density made from the
    integrals, by a network for example.

    Args:
        total: must not depend on how auxiliary functions or packed pairs are arranged, or on what
            fills arrays up; energies do not.

    Returns:
        The number, and dtotal/dR (atom, 3), per bohr.

    Raises:
        InputError: as `integrals`.
    """
    grid = default_grid(molecule, theory)
    ints = integrals(molecule, theory, grid, rung)
    value, slope = jit(eqx.filter_value_and_grad(total))(ints)
    return float(value), integrals_vjp(slope, molecule, theory, grid)


def integrals_vjp(bar: Integrals, molecule: Molecule, theory: Theory, grid: Grid) -> Gradient:
    """Σ bar · d(integrals)/dR, (atom, 3).

    Args:
        bar: dE/dX for every array X of the `Integrals`.
        grid: the one the integrals were computed on.
    """
    mol = pyscf_mol(molecule, theory)
    own = slice(mol.nao)
    by_overlap, by_h_core, guess = (
        np.asarray(matrix)[..., own, own] for matrix in (bar.overlap, bar.h_core, bar.dm_guess)
    )
    gradient = np.asarray(bar.positions)[: mol.natm]
    gradient = gradient + float(bar.e_nuc) * nuclear.nuclear_repulsion_gradient(mol)
    gradient += nuclear.overlap_vjp(mol, by_overlap)
    gradient += nuclear.h_core_vjp(mol, by_h_core)
    if guess.any():
        # both spins start from half of the guess
        gradient += nuclear.minao_vjp(mol, guess if guess.ndim == 2 else 0.5 * guess.sum(axis=0))
    for part in (bar.coulomb, *bar.exchange):
        gradient += _repulsion_vjp(mol, part)
    return gradient + _grid_vjp(mol, bar, grid)


def _repulsion_vjp(mol, bar: Coulomb | Exchange) -> Gradient:
    omega, n_pair = getattr(bar, "omega", 0.0), mol.nao * (mol.nao + 1) // 2
    if isinstance(bar, ExactCoulomb | ExactExchange):
        return nuclear.eri_vjp(mol, np.asarray(bar.eri)[:n_pair, :n_pair], omega)
    cderi, n_aux = np.asarray(bar.cderi), with_auxiliary(mol)[1].nao
    if isinstance(bar, FittedExchange):
        rows, columns = np.tril_indices(mol.nao)
        # an element of the packed tensor stands at two places of the unpacked one
        cderi = cderi.reshape(-1, *cderi.shape[-2:])[:n_aux]
        other = np.where(rows == columns, 0.0, 1.0) * cderi[:, columns, rows]
        cderi = cderi[:, rows, columns] + other
    return nuclear.cderi_vjp(mol, cderi[:n_aux, :n_pair], omega)


def _grid_vjp(mol, bar: Integrals, grid: Grid) -> Gradient:
    n_point = len(grid.weights)
    if not n_point:
        return np.zeros((mol.natm, 3))
    weights = np.asarray(bar.grid_weights).reshape(-1)[:n_point]
    # (block, 4, point, ao) to (4, ao, block and point), without the points that fill the last one
    ao = np.asarray(bar.grid_ao)[..., : mol.nao].transpose(1, 3, 0, 2)
    ao = ao.reshape(4, mol.nao, -1)[..., :n_point]
    return nuclear.grid_vjp(mol, grid, ao, weights)
