"""How a converged density responds: implicit differentiation of the self-consistent field.

Unrolling differentiates every iteration that led to the density. The density itself only knows
that it is a fixed point, D = D(F[D]), and that is enough: with J the derivative of the right-hand
side by D, dD = (1 − J)⁻¹ ∂D(F[D]), whatever path led there.
"""

from collections.abc import Callable

import jax
from jax.scipy.sparse.linalg import gmres
from jaxtyping import Array

from qptlab.dft.density import Matrices, density_from_fock
from qptlab.dft.energy import fock_matrix
from qptlab.dft.integrals import Integrals

RESPONSE_TOLERANCE = 1e-12
"""Relative residual of the linear equations."""


def self_consistent(dm: Matrices, integrals: Integrals) -> Matrices:
    """The converged density `dm`, as a function of the integrals that made it so.

    Its value is `dm`; its derivative, forwards or backwards and to any order, solves the
    coupled-perturbed Kohn–Sham equations iteratively.

    Args:
        dm: (ao, ao) or (2, ao, ao), converged with these integrals.

    Source: Gerratt, Mills, JCP 49, 1719 (1968); Blondel et al., NeurIPS 2022, for the view.
    """

    def change(dm: Matrices) -> Matrices:
        fock = fock_matrix(dm, integrals)
        return density_from_fock(fock, integrals.overlap, integrals.occupation) - dm

    return jax.lax.custom_root(change, dm, lambda _, start: start, solve_linear)


def solve_linear(linear: Callable[[Array], Array], right: Array) -> Array:
    """x with linear(x) = right, itself differentiable in both directions.

    `gmres` alone is not: its stopping rule, which depends on `right`, cannot be transposed.
    """

    def solve(linear, right):
        # "incremental" keeps the digits that "batched" loses
        settings = {"tol": RESPONSE_TOLERANCE, "restart": 40, "maxiter": 5}
        return gmres(linear, right, solve_method="incremental", **settings)[0]

    return jax.lax.custom_linear_solve(linear, right, solve, transpose_solve=solve)
