"""Coulomb and exact-exchange energies of a density matrix, density-fitted or exact.

Repulsion takes the density matrix of both spins, exchange that of one.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qptlab.dft.block_sums import sum_over_blocks
from qptlab.dft.spins import Spin
from qptlab.types import Matrix, Scalar


class FittedCoulomb(eqx.Module):
    """(μν|λσ) ≈ Σ_P B_P,μν B_P,λσ, for the repulsion of a density with itself.

    Source: Eichkorn et al., CPL 240, 283 (1995); B is PySCF's `cderi`, packed as there.
    """

    cderi: Float[Array, "aux pair"]

    def energy(self, dm: Matrix) -> Scalar:
        """½ Σ_P (B_P · D)², hartree."""
        charges = self.cderi @ _packed(dm)
        return 0.5 * charges @ charges


class FittedExchange(eqx.Module):
    """The same B, unpacked, cut into blocks and filled with zeros to whole ones, for exchange.

    Attributes:
        count: of the blocks that are not empty.
        share: of this exchange in the functional.
        omega: 0 for the repulsion 1/r, otherwise of its long-range part erf(omega r)/r.
    """

    cderi: Float[Array, "block aux ao ao"]
    count: Int[Array, ""]
    share: float = eqx.field(static=True)
    omega: float = eqx.field(static=True)

    def energy(self, spin: Spin) -> Scalar:
        """−½ Σ_P tr(B_P P B_P P) of one spin, hartree: all of it, before the share."""
        return sum_over_blocks(_block_exchange, spin, self.cderi, self.count)


def _block_exchange(spin: Spin, cderi: Float[Array, "aux ao ao"]) -> Scalar:
    return spin.exchange(cderi)


class ExactCoulomb(eqx.Module):
    """Every (μν|λσ), kept once per pair of pairs: `eri` has PySCF's 4-fold packing."""

    eri: Float[Array, "pair pair"]

    def energy(self, dm: Matrix) -> Scalar:
        """½ Σ D_μν (μν|λσ) D_λσ, hartree."""
        packed = _packed(dm)
        return 0.5 * packed @ (self.eri @ packed)


class ExactExchange(eqx.Module):
    """The same integrals, for exchange; `share` and `omega` as in `FittedExchange`."""

    eri: Float[Array, "pair pair"]
    share: float = eqx.field(static=True)
    omega: float = eqx.field(static=True)

    def energy(self, spin: Spin) -> Scalar:
        """−½ Σ P_μν (μλ|νσ) P_λσ of one spin, hartree: all of it, before the share."""
        dm = spin.matrix()
        n_ao = dm.shape[0]
        pair = jnp.asarray(pair_index(n_ao))

        # One row of K at a time, made again on the way back: (ao, ao, ao) instead of ao⁴ numbers.
        @jax.checkpoint
        def one_row(total, mu):
            block = self.eri[pair[mu]][:, pair.reshape(-1)].reshape(n_ao, n_ao, n_ao)
            k_row = jnp.einsum("knl,kl->n", block, dm)
            return total + dm[mu] @ k_row, None

        total, _ = jax.lax.scan(one_row, jnp.zeros((), dm.dtype), jnp.arange(n_ao))
        return -0.5 * total


Coulomb = FittedCoulomb | ExactCoulomb
Exchange = FittedExchange | ExactExchange


def _packed(dm: Matrix) -> Float[Array, " pair"]:
    """The lower triangle of a matrix plus that of its transpose, the diagonal counted once.

    Both triangles enter, so that the derivative is a symmetric matrix.
    """
    rows, columns = np.tril_indices(dm.shape[0])
    return np.where(rows == columns, 0.5, 1.0) * (dm + dm.T)[rows, columns]


def pair_index(n_ao: int) -> np.ndarray:
    """(ao, ao): where the pair μν stands in the packed order."""
    index = np.empty((n_ao, n_ao), dtype=np.int32)
    rows, columns = np.tril_indices(n_ao)
    index[rows, columns] = index[columns, rows] = np.arange(rows.size)
    return index
