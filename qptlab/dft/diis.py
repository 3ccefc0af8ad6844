"""DIIS: the mixture of earlier Fock matrices whose commutator with the density is smallest."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from qptlab.dft.compiling import jit
from qptlab.types import Matrices, Matrix

DEPTH = 8
"""Fock matrices kept, as in PySCF."""


class DiisHistory(eqx.Module):
    """The last `depth` Fock matrices and their errors, oldest overwritten first.

    `origins` are the iterations, from 0, that they come from; −1 where there is none.
    What is mixed may be more than a Fock matrix, for example one with its density. Arrays have a
    fixed size, so every iteration runs the same compiled code.
    """

    focks: Float[Array, "depth *more ao ao"]
    errors: Float[Array, "depth *spin ao ao"]
    origins: Int[Array, " depth"]
    count: Int[Array, ""]

    @classmethod
    def empty(
        cls, shape: tuple[int, ...], error: tuple[int, ...] | None = None, depth: int = DEPTH
    ) -> "DiisHistory":
        """A history with room for `depth` Fock matrices of that shape, and errors of theirs."""
        # by NumPy and `device_put`: nothing to compile
        focks, errors = (jax.device_put(np.zeros((depth, *s))) for s in (shape, error or shape))
        origins = jax.device_put(np.full(depth, -1, np.int32))
        return cls(focks, errors, origins, jax.device_put(np.int32(0)))

    def push(
        self, fock: Matrices, error: Matrices, origin: Int[Array, ""] | None = None
    ) -> "DiisHistory":
        """The history with one more pair, of this iteration or of the earlier one `origin`."""
        slot = self.count % self.focks.shape[0]
        return DiisHistory(
            self.focks.at[slot].set(fock),
            self.errors.at[slot].set(error),
            self.origins.at[slot].set(self.count if origin is None else origin),
            self.count + 1,
        )

    def without(self, forget: Bool[Array, ""]) -> "DiisHistory":
        """The history with all pairs forgotten, where that is wanted."""
        origins = jnp.where(forget, -1, self.origins)
        return DiisHistory(self.focks, self.errors, origins, self.count)

    def weights(self) -> Float[Array, " depth"]:
        """Weights w, Σw = 1, that make |Σ_k w_k e_k|² smallest; zero for empty slots.

        Source: Pulay, J. Comput. Chem. 3, 556 (1982), eq. 6.
        """
        depth = self.focks.shape[0]
        used = self.origins >= 0
        errors = self.errors.reshape(depth, -1)
        overlaps = errors @ errors.T
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

    def by_iteration(self) -> dict[int, float]:
        """{iteration, from 0: its weight}, oldest first."""
        found = zip(self.origins.tolist(), np.asarray(_weights(self)).tolist(), strict=True)
        return dict(sorted((origin, weight) for origin, weight in found if origin >= 0))

    def extrapolate(self) -> Matrices:
        """The mixed Fock matrix Σ_k w_k F_k, hartree; one mixture for both spins."""
        return jnp.einsum("k,k...->...", self.weights(), self.focks)


_weights = jit(DiisHistory.weights)


def commutator(fock: Matrices, dm: Matrices, overlap: Matrix) -> Matrices:
    """FDS − SDF of each spin: zero when the density belongs to its own Fock matrix."""
    fds = fock @ dm @ overlap
    return fds - fds.mT
