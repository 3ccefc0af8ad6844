"""The density of each spin, P = C Cᵀ, in the three forms that energies are computed from.

P is half the density matrix of a closed shell. Each form knows its matrix, what P times a matrix
is, and its exchange with itself.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Density, Filled
from qptlab.types import Matrices, Matrix, OrbitalRows, Scalar


class MatrixSpin(eqx.Module):
    """P itself, (ao, ao)."""

    dm: Matrix

    def matrix(self) -> Matrix:
        """P."""
        return self.dm

    def times(self, rows: OrbitalRows) -> OrbitalRows:
        """`rows` @ P."""
        return rows @ self.dm

    def exchange(self, cderi: Float[Array, "aux ao ao"]) -> Scalar:
        """−½ tr(P K[P]), hartree, with K[P] = Σ_P B_P P B_P of some auxiliary functions."""
        half = cderi @ self.dm
        return -0.5 * jnp.sum(half * half.mT)


class FilledSpin(eqx.Module):
    """The orbitals that make up P, C (ao, occ): fewer multiplications."""

    occ: Float[Array, "ao occ"]

    def matrix(self) -> Matrix:
        return self.occ @ self.occ.T

    def times(self, rows: OrbitalRows) -> OrbitalRows:
        return (rows @ self.occ) @ self.occ.T

    def exchange(self, cderi: Float[Array, "aux ao ao"]) -> Scalar:
        return -0.5 * jnp.sum((self.occ.T @ (cderi @ self.occ)) ** 2)


class VariedSpin(FilledSpin):
    """P = C Cᵀ + `change`, where the change (ao, ao) is zero: it is there to differentiate by."""

    change: Matrix

    def matrix(self) -> Matrix:
        return super().matrix() + self.change

    def times(self, rows: OrbitalRows) -> OrbitalRows:
        return super().times(rows) + _times_zero(rows, self.change)

    def exchange(self, cderi: Float[Array, "aux ao ao"]) -> Scalar:
        # by a change that is zero, K is all that is needed
        half = cderi @ self.occ
        rows = half.transpose(1, 0, 2).reshape(half.shape[1], -1)
        energy = -0.5 * jnp.sum((self.occ.T @ half) ** 2)
        return energy - jnp.sum(self.change * (rows @ rows.T))


Spin = MatrixSpin | FilledSpin


def spins_of(density: Density) -> tuple[Spin, ...]:
    """One spin of a closed shell, which stands for both, and two of an open one."""
    if isinstance(density, Filled):
        return tuple(FilledSpin(occ) for occ in _by_spin(density.orbitals))
    # half of a closed shell's density matrix
    return tuple(MatrixSpin(dm) for dm in _by_spin(density, share=0.5))


def varied_spins_of(density: Density, change: Matrices) -> tuple[Spin, ...]:
    """`spins_of` with a change that is zero, shaped as the density matrix, to differentiate by."""
    if not isinstance(density, Filled):
        return spins_of(density + change)
    pairs = zip(_by_spin(density.orbitals), _by_spin(change, share=0.5), strict=True)
    return tuple(VariedSpin(occ, d) for occ, d in pairs)


def _by_spin(arrays: Array, share: float = 1.0) -> Array:
    """A leading axis over the spins; of a closed shell, this share of the one array."""
    return arrays if arrays.ndim == 3 else arrays[None] * share


@jax.custom_jvp
def _times_zero(matrix: Array, zero: Array) -> Array:
    """`matrix` @ `zero`: known without multiplying, unlike its derivative."""
    return jnp.zeros((matrix.shape[0], zero.shape[1]), matrix.dtype)


@_times_zero.defjvp
def _times_zero_jvp(primals, tangents):
    matrix, zero = primals
    return _times_zero(matrix, zero), matrix @ tangents[1]
