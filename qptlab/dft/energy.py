"""The Kohn–Sham energy as a function of the density matrix, and its gradient, the Fock matrix."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft import xc
from qptlab.dft.block_sums import sum_over_blocks
from qptlab.dft.density import Density
from qptlab.dft.integrals import Integrals
from qptlab.dft.spins import Spin, spins_of, varied_spins_of
from qptlab.types import Matrices, Scalar

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
    def total(self) -> Scalar | np.float64:
        """Sum of the terms; on the host where they are."""
        return self.core + self.coulomb + self.exchange + self.xc + self.nuclear


def energy(density: Density, integrals: Integrals) -> Energy:
    """Kohn–Sham energy E[D] of a density matrix.

    E = tr(hD) + J[D] + a K[D] + ∫ e_xc(ρ, |∇ρ|², τ) dr + E_nuc.

    Args:
        density: D, (ao, ao), symmetric, electrons; for open shells (2, ao, ao), one for each
            spin. Or the orbitals that make it up, from `fill`: the same energy, sooner.

    Returns:
        The terms in hartree.

    Source: Kohn, Sham, Phys. Rev. 140, A1133 (1965); Pople, Gill, Johnson, CPL 199, 557 (1992).
    """
    return _terms(spins_of(density), integrals)


def energy_and_fock(density: Density, integrals: Integrals) -> tuple[Energy, Matrices]:
    """E[D] and the Fock matrix F = dE/dD, symmetrised; F is shaped as D, in hartree."""

    def total(change):
        terms = _terms(varied_spins_of(density, change), integrals)
        return terms.total, terms

    no_change = jnp.zeros_like(integrals.dm_guess)
    (_, terms), gradient = jax.value_and_grad(total, has_aux=True)(no_change)
    return terms, 0.5 * (gradient + gradient.mT)


def fock_matrix(density: Density, integrals: Integrals) -> Matrices:
    """The Fock matrix F = dE/dD in hartree, of the density's shape: the gradient of `energy`."""
    return energy_and_fock(density, integrals)[1]


def _terms(spins: tuple[Spin, ...], integrals: Integrals) -> Energy:
    copies = 2 // len(spins)  # one spin of a closed shell stands for both
    dm = copies * sum(spin.matrix() for spin in spins)
    exchange = [kind.share * kind.energy(spin) for kind in integrals.exchange for spin in spins]
    return Energy(
        core=jnp.sum(integrals.h_core * dm),
        coulomb=integrals.coulomb.energy(dm),
        exchange=copies * sum(exchange, jnp.zeros(())),
        xc=_xc_energy(spins, integrals),
        nuclear=integrals.e_nuc,
    )


def _xc_energy(spins: tuple[Spin, ...], integrals: Integrals) -> Scalar:
    if xc.functional(integrals.xc).needs == "none":
        return jnp.zeros(())
    blocks = integrals.grid_ao, integrals.grid_weights
    each = partial(_block_xc_energy, integrals.xc)
    return sum_over_blocks(each, spins, blocks, integrals.grid_count)


def _block_xc_energy(name: str, spins: tuple[Spin, ...], block) -> Scalar:
    """∫ e_xc over one block of grid points."""
    grid_ao, weights = block
    needs = xc.functional(name).needs
    parts = [_spin_density(spin, grid_ao, needs) for spin in spins]
    if len(parts) == 1:
        rho, gradient, tau = parts[0]
        sigma = None if gradient is None else 4 * jnp.sum(gradient * gradient, axis=0)
        return weights @ xc.energy_density(name, 2 * rho, sigma, None if tau is None else 2 * tau)
    rho, gradient, tau = (None if p[0] is None else jnp.stack(p) for p in zip(*parts, strict=True))
    sigma = None
    if gradient is not None:
        up, down = gradient
        sigma = jnp.stack([jnp.sum(p, axis=0) for p in (up * up, up * down, down * down)])
    return weights @ xc.energy_density(name, rho, sigma, tau)


def _spin_density(
    spin: Spin, grid_ao: Float[Array, "4 point ao"], needs: str
) -> tuple[Array, Array | None, Array | None]:
    """ρ (point,), ∇ρ (3, point) and τ (point,) of one spin; None for what is not needed."""
    half = spin.times(grid_ao[0])
    rho = jnp.sum(half * grid_ao[0], axis=-1)
    gradient = tau = None
    if needs in ("gradient", "tau"):
        gradient = 2 * jnp.stack([jnp.sum(half * slope, axis=-1) for slope in grid_ao[1:]])
    if needs == "tau":
        tau = 0.5 * sum(jnp.sum(spin.times(slope) * slope, axis=-1) for slope in grid_ao[1:])
    return rho, gradient, tau
