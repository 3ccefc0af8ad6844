"""DIIS: the mixture of earlier Fock matrices whose commutator with the density is smallest."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Matrix = Float[Array, "ao ao"]


DEPTH = 8
"""Fock matrices kept, as in PySCF."""


class Diis(eqx.Module):
    """The last `depth` Fock matrices and their errors, oldest overwritten first.

    Arrays have a fixed size, so every iteration runs the same compiled code.
    """

    focks: Float[Array, "depth ao ao"]
    errors: Float[Array, "depth ao ao"]
    count: Int[Array, ""]

    @classmethod
    def empty(cls, n_ao: int, depth: int = DEPTH) -> "Diis":
        """A history with room for `depth` pairs."""
        zeros = jnp.zeros((depth, n_ao, n_ao))
        return cls(zeros, zeros, jnp.zeros((), dtype=jnp.int32))

    def push(self, fock: Matrix, error: Matrix) -> "Diis":
        """The history with one more pair."""
        slot = self.count % self.focks.shape[0]
        return Diis(self.focks.at[slot].set(fock), self.errors.at[slot].set(error), self.count + 1)

    def weights(self) -> Float[Array, " depth"]:
        """Weights w, Σw = 1, that make |Σ_k w_k e_k|² smallest; zero for empty slots.

        Source: Pulay, J. Comput. Chem. 3, 556 (1982), eq. 6.
        """
        depth = self.focks.shape[0]
        used = jnp.arange(depth) < self.count
        overlaps = jnp.einsum("kij,lij->kl", self.errors, self.errors)
        scale = jnp.max(jnp.where(used, jnp.diagonal(overlaps), 0.0))
        # The floor keeps the system solvable when errors vanish or repeat; it is far below the
        # ratio of errors that still helps.
        overlaps = overlaps / jnp.maximum(scale, 1e-300) + 1e-14 * jnp.eye(depth)
        both = used[:, None] & used[None, :]
        top = jnp.where(both, overlaps, jnp.eye(depth))
        ones = used.astype(top.dtype)
        matrix = jnp.block([[top, ones[:, None]], [ones[None, :], jnp.zeros((1, 1))]])
        right = jnp.zeros(depth + 1).at[-1].set(1.0)
        return jnp.linalg.solve(matrix, right)[:-1]

    def extrapolate(self) -> Matrix:
        """The mixed Fock matrix Σ_k w_k F_k, (ao, ao) in hartree."""
        return jnp.einsum("k,kij->ij", self.weights(), self.focks)


def commutator(fock: Matrix, dm: Matrix, overlap: Matrix) -> Matrix:
    """FDS − SDF, (ao, ao): zero when the density belongs to its own Fock matrix."""
    fds = fock @ dm @ overlap
    return fds - fds.T
