"""From a Fock matrix to a density matrix, with a derivative that survives degeneracy.

Open shells have one matrix per spin, α and β, along a leading axis; closed shells have none.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.custom_derivatives import SymbolicZero
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float

from qptlab.types import Matrices, Matrix, Occupation, Occupied

CLOSED_GAP = 1e-9
"""HOMO–LUMO gap (hartree) below which occupation, and so the derivative, is undefined."""


def orbitals(fock: Matrices, overlap: Matrix) -> tuple[Array, Array]:
    """Solve F C = S C ε.

    Returns:
        mo_energy (mo,) in hartree, ascending, and mo_coeff (ao, mo) with CᵀSC = 1; with a
        leading spin axis where `fock` has one.
    """
    if fock.ndim == 3:
        return jax.vmap(orbitals, (0, None))(fock, overlap)
    lower = jnp.linalg.cholesky(overlap)
    half = solve_triangular(lower, fock, lower=True)
    mo_energy, vectors = jnp.linalg.eigh(solve_triangular(lower, half.T, lower=True))
    return mo_energy, solve_triangular(lower, vectors, lower=True, trans=1)


def canonical_orbitals(
    fock: Float[Array | np.ndarray, "*spin ao ao"], overlap: Float[Array | np.ndarray, "ao ao"]
) -> tuple[np.ndarray, np.ndarray]:
    """`orbitals` on the host, for results: nothing to compile, nothing to differentiate."""
    if fock.ndim == 3:
        energies, coeffs = zip(*(canonical_orbitals(f, overlap) for f in fock), strict=True)
        return np.stack(energies), np.stack(coeffs)
    return scipy.linalg.eigh(np.asarray(fock), np.asarray(overlap))


class Filled(eqx.Module):
    """A density matrix known by the orbitals that it fills; energies are cheaper from these.

    Attributes:
        orbitals: (ao, occ), or (2, ao, occ) for open shells; columns of zeros where one spin
            fills fewer.
    """

    orbitals: Occupied

    @property
    def dm(self) -> Matrices:
        """D = 2 C Cᵀ, (ao, ao); C Cᵀ of each spin, (2, ao, ao), for open shells. Electrons."""
        pairs = self.orbitals @ self.orbitals.mT
        return 2 * pairs if pairs.ndim == 2 else pairs


Density = Matrices | Filled


def density_from_fock(fock: Matrices, overlap: Matrix, occupation: Occupation) -> Matrices:
    """D = 2 C_occ C_occᵀ of the lowest orbitals of F C = S C ε; C_occ C_occᵀ for each open spin.

    Its derivative runs over occupied–virtual pairs only, so equal orbital energies within
    either group do no harm (the gradient of `eigh` itself divides by their difference):

    dD = 2 Σ_ia (c_i c_aᵀ + c_a c_iᵀ) c_aᵀ(dF − ε_i dS)c_i / (ε_i − ε_a) − 2 Σ_ij c_i (c_iᵀ dS c_j) c_jᵀ

    Pairs closer than `CLOSED_GAP` contribute nothing: the density is not differentiable there.

    Args:
        fock: (ao, ao), symmetric, hartree; (2, ao, ao) for open shells.
        overlap: (ao, ao), positive definite.
        occupation: (occ,) or (2, occ); 1 for a filled orbital, 0 for an empty one, lowest first.

    Returns:
        dm, shaped as `fock`, electrons.

    Source: first-order perturbation theory; McWeeny, Phys. Rev. 126, 1028 (1962).
    """  # noqa: E501
    return fill(fock, overlap, occupation).dm


def fill(fock: Matrices, overlap: Matrix, occupation: Occupation) -> Filled:
    """The lowest orbitals of F C = S C ε; arguments and derivative as `density_from_fock`.

    How orbitals mix among themselves as F changes is left open, for no density depends on it:
    the derivative takes the change that mixes none.
    """
    if fock.ndim == 3:
        return Filled(jax.vmap(_lowest_orbitals, (0, None, 0))(fock, overlap, occupation))
    return Filled(_lowest_orbitals(fock, overlap, occupation))


@jax.custom_jvp
def _lowest_orbitals(fock, overlap, occupation):
    """C_occ (ao, occ)."""
    return orbitals(fock, overlap)[1][:, : occupation.shape[0]] * occupation


@partial(_lowest_orbitals.defjvp, symbolic_zeros=True)
def _lowest_orbitals_jvp(primals, tangents):
    fock, overlap, occupation = primals
    d_fock, d_overlap, _ = tangents
    mo_energy, mo_coeff = orbitals(fock, overlap)
    n_occ = occupation.shape[0]
    energy_occ, occ = mo_energy[:n_occ], mo_coeff[:, :n_occ] * occupation
    gap = energy_occ[None, :] - mo_energy[:, None]
    pairs = occupied_empty(occupation, len(mo_energy)) & (-gap > CLOSED_GAP)
    inverse_gap = jnp.where(pairs, 1 / jnp.where(pairs, gap, 1.0), 0.0)

    numerator, change = jnp.zeros_like(gap), jnp.zeros_like(occ)
    if not isinstance(d_fock, SymbolicZero):
        numerator += mo_coeff.T @ (_symmetric(d_fock) @ occ)
    if not isinstance(d_overlap, SymbolicZero):
        d_overlap = _symmetric(d_overlap)
        numerator -= (mo_coeff.T @ (d_overlap @ occ)) * energy_occ[None, :]
        change -= 0.5 * occ @ (occ.T @ d_overlap @ occ)
    return occ, change + mo_coeff @ (numerator * inverse_gap)


def occupied_empty(occupation: Float[Array, " occ"], n_mo: int) -> Bool[Array, "mo occ"]:
    """Whether the first orbital of a pair is empty and the second filled."""
    empty = jnp.pad(occupation, (0, n_mo - len(occupation))) == 0
    return empty[:, None] & (occupation > 0)


def _symmetric(matrix: Matrix) -> Matrix:
    return 0.5 * (matrix + matrix.T)
