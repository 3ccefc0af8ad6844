"""The Kohn–Sham energy as a function of the density matrix, and its gradient, the Fock matrix."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft import xc
from qptlab.dft.integrals import Integrals

Scalar = Float[Array, ""]
Matrix = Float[Array, "ao ao"]


TERMS = ("core", "coulomb", "exchange", "xc", "nuclear")


class Energy(eqx.Module):
    """The terms of a Kohn–Sham energy, in hartree.

    Attributes:
        core: tr(h D). coulomb: repulsion of the density with itself. exchange: the functional's
        share of exact exchange. xc: its semilocal part. nuclear: repulsion of the nuclei.
    """

    core: Scalar
    coulomb: Scalar
    exchange: Scalar
    xc: Scalar
    nuclear: Scalar

    @property
    def total(self) -> Scalar:
        """Sum of the terms."""
        return self.core + self.coulomb + self.exchange + self.xc + self.nuclear


def energy(dm: Matrix, integrals: Integrals) -> Energy:
    """Kohn–Sham energy E[D] of a closed-shell density matrix.

    E = tr(hD) + J[D] + a K[D] + ∫ e_xc(ρ, |∇ρ|²) dr + E_nuc.

    Args:
        dm: (ao, ao), symmetric, electrons.

    Returns:
        The terms in hartree.

    Source: Kohn, Sham, Phys. Rev. 140, A1133 (1965); Pople, Gill, Johnson, CPL 199, 557 (1992).
    """
    share = xc.functional(integrals.xc).exact_exchange
    exchange = share * integrals.coulomb.exchange_energy(dm) if share else jnp.zeros(())
    return Energy(
        core=jnp.sum(integrals.h_core * dm),
        coulomb=integrals.coulomb.coulomb_energy(dm),
        exchange=exchange,
        xc=_xc_energy(dm, integrals),
        nuclear=integrals.e_nuc,
    )


def energy_and_fock(dm: Matrix, integrals: Integrals) -> tuple[Energy, Matrix]:
    """E[D] and the Fock matrix F = dE/dD, symmetrised; F is (ao, ao) in hartree."""

    def total(dm):
        terms = energy(dm, integrals)
        return terms.total, terms

    (_, terms), gradient = jax.value_and_grad(total, has_aux=True)(dm)
    return terms, 0.5 * (gradient + gradient.T)


def fock_matrix(dm: Matrix, integrals: Integrals) -> Matrix:
    """The Fock matrix F = dE/dD, (ao, ao) in hartree: nothing but the gradient of `energy`."""
    return energy_and_fock(dm, integrals)[1]


def density_on_grid(dm: Matrix, grid_ao: Float[Array, "4 grid ao"]) -> tuple[Array, Array]:
    """ρ (grid,) in bohr⁻³ and ∇ρ (3, grid) in bohr⁻⁴ of a symmetric density matrix."""
    half = grid_ao[0] @ dm
    rho = jnp.einsum("ga,ga->g", half, grid_ao[0])
    gradient = 2 * jnp.einsum("ga,xga->xg", half, grid_ao[1:])
    return rho, gradient


def _xc_energy(dm: Matrix, integrals: Integrals) -> Scalar:
    rho, gradient = density_on_grid(dm, integrals.grid_ao)
    sigma = jnp.sum(gradient * gradient, axis=0)
    return integrals.grid_weights @ xc.energy_density(integrals.xc, rho, sigma)
