"""From a Fock matrix to a density matrix, with a derivative that survives degeneracy."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

Matrix = Float[Array, "ao ao"]

CLOSED_GAP = 1e-9
"""HOMO–LUMO gap (hartree) below which occupation, and so the derivative, is undefined."""


def orbitals(fock: Matrix, overlap: Matrix) -> tuple[Float[Array, " mo"], Matrix]:
    """Solve F C = S C ε.

    Returns:
        mo_energy (mo,) in hartree, ascending, and mo_coeff (ao, mo) with CᵀSC = 1.
    """
    lower = jnp.linalg.cholesky(overlap)
    half = solve_triangular(lower, fock, lower=True)
    mo_energy, vectors = jnp.linalg.eigh(solve_triangular(lower, half.T, lower=True))
    return mo_energy, solve_triangular(lower, vectors, lower=True, trans=1)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def density_from_fock(fock: Matrix, overlap: Matrix, n_occ: int) -> Matrix:
    """D = 2 C_occ C_occᵀ of the `n_occ` lowest orbitals of F C = S C ε.

    Its derivative runs over occupied–virtual pairs only, so equal orbital energies within
    either group do no harm (the gradient of `eigh` itself divides by their difference):

    dD = 2 Σ_ia (c_i c_aᵀ + c_a c_iᵀ) c_aᵀ(dF − ε_i dS)c_i / (ε_i − ε_a) − 2 Σ_ij c_i (c_iᵀ dS c_j) c_jᵀ

    Pairs closer than `CLOSED_GAP` contribute nothing: the density is not differentiable there.

    Args:
        fock: (ao, ao), symmetric, hartree.
        overlap: (ao, ao), positive definite.
        n_occ: number of doubly occupied orbitals.

    Returns:
        dm (ao, ao), electrons.

    Source: first-order perturbation theory; McWeeny, Phys. Rev. 126, 1028 (1962).
    """  # noqa: E501
    _, mo_coeff = orbitals(fock, overlap)
    occupied = mo_coeff[:, :n_occ]
    return 2 * occupied @ occupied.T


@partial(density_from_fock.defjvp, symbolic_zeros=True)
def _density_from_fock_jvp(n_occ, primals, tangents):
    fock, overlap = primals
    d_fock, d_overlap = tangents
    mo_energy, mo_coeff = orbitals(fock, overlap)
    occupied, virtual = mo_coeff[:, :n_occ], mo_coeff[:, n_occ:]
    energy_occ = mo_energy[:n_occ]
    gap = energy_occ[None, :] - mo_energy[n_occ:, None]
    inverse_gap = jnp.where(-gap > CLOSED_GAP, 1 / jnp.minimum(gap, -CLOSED_GAP), 0.0)

    numerator = jnp.zeros_like(gap)
    d_dm = jnp.zeros_like(fock)
    if not isinstance(d_fock, SymbolicZero):
        numerator += virtual.T @ _symmetric(d_fock) @ occupied
    if not isinstance(d_overlap, SymbolicZero):
        d_overlap = _symmetric(d_overlap)
        numerator -= (virtual.T @ d_overlap @ occupied) * energy_occ[None, :]
        d_dm -= 2 * occupied @ (occupied.T @ d_overlap @ occupied) @ occupied.T
    rotation = virtual @ (numerator * inverse_gap) @ occupied.T
    dm = 2 * occupied @ occupied.T
    return dm, d_dm + 2 * (rotation + rotation.T)


def _symmetric(matrix: Matrix) -> Matrix:
    return 0.5 * (matrix + matrix.T)
