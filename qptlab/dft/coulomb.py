"""Coulomb and exact-exchange energies of a density matrix, density-fitted or exact."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Dm = Float[Array, "ao ao"]
Scalar = Float[Array, ""]


class DensityFitted(eqx.Module):
    """(μν|λσ) ≈ Σ_P B_P,μν B_P,λσ.

    Source: Eichkorn et al., CPL 240, 283 (1995); B is PySCF's `cderi`, unpacked.
    """

    cderi: Float[Array, "aux ao ao"]

    def coulomb_energy(self, dm: Dm) -> Scalar:
        """½ Σ_P (B_P · D)², hartree."""
        charges = jnp.einsum("pij,ij->p", self.cderi, dm)
        return 0.5 * charges @ charges

    def exchange_energy(self, dm: Dm) -> Scalar:
        """−¼ Σ_P tr(B_P D B_P D), hartree: all of it, before the functional's share."""
        half = jnp.einsum("pij,jk->pik", self.cderi, dm)
        return -0.25 * jnp.einsum("pik,pki->", half, half)


class Exact(eqx.Module):
    """Every (μν|λσ), kept once per pair of pairs: `eri` has PySCF's 4-fold packing."""

    eri: Float[Array, "pair pair"]

    def coulomb_energy(self, dm: Dm) -> Scalar:
        """½ Σ D_μν (μν|λσ) D_λσ, hartree."""
        rows, columns = np.tril_indices(dm.shape[0])
        doubled = np.where(rows == columns, 1.0, 2.0)
        packed = doubled * dm[rows, columns]
        return 0.5 * packed @ (self.eri @ packed)

    def exchange_energy(self, dm: Dm) -> Scalar:
        """−¼ Σ D_μν (μλ|νσ) D_λσ, hartree: all of it, before the functional's share."""
        n_ao = dm.shape[0]
        pair = _pair_index(n_ao)

        # One row of K at a time, made again on the way back: (ao, ao, ao) instead of ao⁴ numbers.
        @jax.checkpoint
        def one_row(total, mu):
            block = self.eri[pair[mu]][:, pair.reshape(-1)].reshape(n_ao, n_ao, n_ao)
            k_row = jnp.einsum("knl,kl->n", block, dm)
            return total + dm[mu] @ k_row, None

        total, _ = jax.lax.scan(one_row, jnp.zeros((), dm.dtype), jnp.arange(n_ao))
        return -0.25 * total


Coulomb = DensityFitted | Exact


def _pair_index(n_ao: int) -> Array:
    """(ao, ao): where the pair μν stands in the packed order."""
    index = np.zeros((n_ao, n_ao), dtype=np.int32)
    rows, columns = np.tril_indices(n_ao)
    index[rows, columns] = index[columns, rows] = np.arange(rows.size)
    return jnp.asarray(index)
