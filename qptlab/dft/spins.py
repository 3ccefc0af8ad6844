"""The density of each spin, as a matrix or as the orbitals that it fills."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Density, Filled, Matrices, Matrix


class Spin(eqx.Module):
    """P = C Cᵀ of one spin (half the density matrix of a closed shell).

    Attributes:
        dm: (ao, ao), P, or None where `occ` is known.
        occ: (ao, occ), C, or None.
        change: (ao, ao), zero: what is added to C Cᵀ. It is there to differentiate by.
    """

    dm: Matrix | None = None
    occ: Float[Array, "ao occ"] | None = None
    change: Matrix | None = None

    def matrix(self) -> Matrix:
        """P."""
        if self.occ is None:
            return self.dm
        matrix = self.occ @ self.occ.T
        return matrix if self.change is None else matrix + self.change

    def times(self, matrix: Float[Array, "row ao"]) -> Float[Array, "row ao"]:
        """`matrix` @ P; from orbitals it takes fewer multiplications."""
        if self.occ is None:
            return matrix @ self.dm
        product = (matrix @ self.occ) @ self.occ.T
        return product if self.change is None else product + _times_zero(matrix, self.change)


def spins_of(density: Density, change: Matrices | None = None) -> tuple[Spin, ...]:
    """One `Spin` for a closed shell, which stands for both, and two for an open one.

    Args:
        change: shaped as the density matrix and zero, to differentiate by.
    """
    if isinstance(density, Filled):
        orbitals = density.orbitals
        occs = orbitals if orbitals.ndim == 3 else orbitals[None]
        if change is None:
            return tuple(Spin(occ=occ) for occ in occs)
        changes = change if change.ndim == 3 else change[None] / 2
        return tuple(Spin(occ=occ, change=d) for occ, d in zip(occs, changes, strict=True))
    dm = density if change is None else density + change
    return tuple(Spin(dm=dm) for dm in (dm if dm.ndim == 3 else dm[None] / 2))


@jax.custom_jvp
def _times_zero(matrix, zero):
    """`matrix` @ `zero`: known without multiplying, unlike its derivative."""
    return jnp.zeros((matrix.shape[0], zero.shape[1]), matrix.dtype)


@_times_zero.defjvp
def _times_zero_jvp(primals, tangents):
    matrix, zero = primals
    return _times_zero(matrix, zero), matrix @ tangents[1]
