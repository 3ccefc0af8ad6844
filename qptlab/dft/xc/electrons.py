"""What a functional is given: the electrons at the points of a grid."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from qptlab.types import OnGrid

TINY_RHO = 1e-15
"""Below this density (bohr⁻³) a grid point counts as empty: nothing there reaches 1e-12 Ha."""
TINY_SHARE = 1e-16
"""Below this share of all electrons a spin counts as absent."""


@dataclass(frozen=True)
class Spins:
    """How the electrons are divided between the two spins.

    Attributes:
        zeta: ζ = (ρα − ρβ)/ρ. roots: ∛(1 + ζ) and ∛(1 − ζ). sigma: |∇ρα|² and |∇ρβ|², bohr⁻⁸.
    """

    zeta: OnGrid
    roots: Float[Array, "spin=2 *grid"]
    sigma: Float[Array, "spin=2 *grid"] | None


@dataclass(frozen=True)
class Electrons:
    """The electrons at grid points, in atomic units.

    Attributes:
        empty: where there are none; the other entries are then some harmless numbers.
        rho: density ρ. root: ∛ρ. sigma: |∇ρ|². tau: kinetic energy density ½ Σ f|∇ψ|².
        spins: None for a closed shell, whose formulas then need no interpolation in ζ.
    """

    empty: Bool[Array, "*grid"]
    rho: OnGrid
    root: OnGrid
    sigma: OnGrid | None
    tau: OnGrid | None
    spins: Spins | None = None

    @property
    def rs(self) -> OnGrid:
        """Radius of the sphere that holds one electron, bohr."""
        return (3 / (4 * math.pi)) ** (1 / 3) / self.root

    @property
    def s2(self) -> OnGrid:
        """s², the square of the reduced gradient |∇ρ|/(2 kF ρ)."""
        return self.sigma / (4 * (3 * math.pi**2) ** (2 / 3) * (self.rho * self.root) ** 2)

    @property
    def zeta(self) -> OnGrid | float:
        """ζ, 0 for a closed shell."""
        return 0.0 if self.spins is None else self.spins.zeta

    def spin_mean(self, thirds: int) -> OnGrid | float:
        """[(1 + ζ)ⁿ + (1 − ζ)ⁿ]/2 with n = thirds/3, 1 for a closed shell."""
        if self.spins is None:
            return 1.0
        powers = self.spins.roots**thirds
        return 0.5 * (powers[0] + powers[1])

    @property
    def f_zeta(self) -> OnGrid | float:
        """f(ζ) from 0, closed shell, to 1, one spin only. Source: von Barth, Hedin 1972."""
        return (self.spin_mean(4) - 1) / (2 ** (1 / 3) - 1)


def closed_shell(rho: OnGrid, sigma: OnGrid | None, tau: OnGrid | None) -> Electrons:
    """Electrons without spin polarisation; zeros and tiny negative numbers are allowed."""
    empty = rho < TINY_RHO
    # Both the value and its gradient must stay finite in the branch that is not taken.
    rho = jnp.where(empty, 1.0, rho)
    sigma = None if sigma is None else _at_least_zero(jnp.where(empty, 0.0, sigma))
    tau = None if tau is None else jnp.where(empty, 1.0, tau)
    return Electrons(empty, rho, cube_root(rho), sigma, tau)


def open_shell(
    rho: Float[Array, "spin=2 *grid"],
    sigma: Float[Array, "pair=3 *grid"] | None,
    tau: Float[Array, "spin=2 *grid"] | None,
) -> Electrons:
    """Electrons of both spins; `rho` and `tau` are α, β and `sigma` is αα, αβ, ββ."""
    empty = rho[0] + rho[1] < TINY_RHO
    rho = jnp.where(empty, 0.5, _at_least_zero(rho))
    total = rho[0] + rho[1]
    share = rho / total
    spin_sigma = total_sigma = None
    if sigma is not None:
        sigma = jnp.where(empty, 0.0, sigma)
        spin_sigma = _at_least_zero(sigma[::2])
        total_sigma = _at_least_zero(sigma[0] + 2 * sigma[1] + sigma[2])
    if tau is not None:
        tau = jnp.where(empty, 1.0, tau[0] + tau[1])
    spins = Spins(share[0] - share[1], _share_roots(share), spin_sigma)
    return Electrons(empty, total, cube_root(total), total_sigma, tau, spins)


@jax.custom_jvp
def cube_root(x: OnGrid) -> OnGrid:
    """∛x for 1e-36 < x < 1e36, to the last digit; faster than the scalar library routine.

    XLA calls `cbrt` and `pow` of float64 one number at a time, but computes float32 logarithms
    and exponentials in vectors. One step of Halley's method triples the digits of such a guess;
    written as a small correction of it, for then almost nothing is lost by rounding.
    """
    guess = jnp.exp(jnp.log(x.astype(jnp.float32)) / 3).astype(x.dtype)
    cube = guess * guess * guess
    return guess + guess * ((x - cube) / (2 * cube + x))


@cube_root.defjvp
def _cube_root_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    root = cube_root(x)
    return root, dx * (root / (3 * x))


def _at_least_zero(x: OnGrid) -> OnGrid:
    """x without its rounding errors below zero; the derivative is one everywhere."""
    return x + jax.lax.stop_gradient(jnp.maximum(-x, 0.0))


def _share_roots(share: OnGrid) -> OnGrid:
    """∛(1 ± ζ) of the shares (1 ± ζ)/2; the infinite slope at the share 0 is left out."""
    absent = share < TINY_SHARE
    return jnp.where(absent, 0.0, cube_root(jnp.where(absent, 1.0, 2 * share)))
