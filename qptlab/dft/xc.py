"""Exchange–correlation functionals as energies per volume.

Each takes the closed-shell density `rho` (grid,) in bohr⁻³ and `sigma` = |∇ρ|² (grid,) in bohr⁻⁸
and returns hartree per bohr³ (grid,). The potential is never written down: it is the gradient of
the energy. Constants have the digits libxc uses, so that energies agree to the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

Density = Float[Array, " grid"]
EnergyDensity = Callable[[Density, Density], Density]

TINY_RHO = 1e-15
"""Below this density (bohr⁻³) a grid point counts as empty: nothing there reaches 1e-12 Ha."""
TINY_SIGMA = 1e-40
"""Keeps √σ differentiable where the gradient of the density vanishes."""


@dataclass(frozen=True)
class Functional:
    """A functional: its semilocal energy per volume and its share of exact exchange."""

    energy_density: EnergyDensity
    exact_exchange: float = 0.0


def slater(rho: Density, sigma: Density) -> Density:
    """Exchange of the uniform electron gas. Source: Dirac, Proc. Camb. Phil. Soc. 26, 376."""
    return -0.75 * (3 / jnp.pi) ** (1 / 3) * rho ** (4 / 3)


def vwn5(rho: Density, sigma: Density) -> Density:
    """Correlation of the uniform gas. Source: Vosko, Wilk, Nusair 1980, eq. 4.4, fit V."""
    a, b, c, x0 = 0.0310907, 3.72744, 12.9352, -0.10498
    x = jnp.sqrt(_wigner_seitz(rho))
    q = (4 * c - b * b) ** 0.5
    big_x, big_x0 = x * x + b * x + c, x0 * x0 + b * x0 + c
    angle = jnp.arctan(q / (2 * x + b))
    per_electron = a * (
        jnp.log(x * x / big_x)
        + 2 * b / q * angle
        - b * x0 / big_x0 * (jnp.log((x - x0) ** 2 / big_x) + 2 * (b + 2 * x0) / q * angle)
    )
    return rho * per_electron


def pw92(rho: Density) -> Density:
    """Correlation per electron of the uniform gas. Source: Perdew, Wang 1992, eq. 10, table I."""
    a, alpha = 0.0310907, 0.21370
    beta1, beta2, beta3, beta4 = 7.5957, 3.5876, 1.6382, 0.49294
    rs = _wigner_seitz(rho)
    root = jnp.sqrt(rs)
    fit = 2 * a * (beta1 * root + beta2 * rs + beta3 * rs * root + beta4 * rs * rs)
    return -2 * a * (1 + alpha * rs) * jnp.log1p(1 / fit)


def pbe_exchange(rho: Density, sigma: Density) -> Density:
    """Source: Perdew, Burke, Ernzerhof, PRL 77, 3865 (1996), eqs. 10 and 14."""
    kappa, mu = 0.804, 0.06672455060314922 * jnp.pi**2 / 3
    s2 = sigma / (4 * (3 * jnp.pi**2) ** (2 / 3) * rho ** (8 / 3))
    enhancement = 1 + kappa * mu * s2 / (kappa + mu * s2)
    return slater(rho, sigma) * enhancement


def pbe_correlation(rho: Density, sigma: Density) -> Density:
    """Source: Perdew, Burke, Ernzerhof, PRL 77, 3865 (1996), eqs. 3, 7 and 8, with ζ = 0."""
    beta, gamma = 0.06672455060314922, (1 - jnp.log(2.0)) / jnp.pi**2
    uniform = pw92(rho)
    kf = (3 * jnp.pi**2 * rho) ** (1 / 3)
    t2 = sigma / (16 * kf / jnp.pi * rho * rho)
    a = beta / gamma / jnp.expm1(-uniform / gamma)
    at2 = a * t2
    # (1 + At²)/(1 + At² + A²t⁴), written so that t → ∞ stays finite
    ratio = t2 * (1 + at2) / (1 + at2 + at2 * at2)
    return rho * (uniform + gamma * jnp.log1p(beta / gamma * ratio))


def b88(rho: Density, sigma: Density) -> Density:
    """Exchange. Source: Becke, Phys. Rev. A 38, 3098 (1988), eq. 8, both spins alike."""
    beta = 0.0042
    rho_spin = rho / 2
    third = rho_spin ** (1 / 3)
    x = jnp.sqrt(sigma / 4) / (rho_spin * third)
    correction = beta * x * x / (1 + 6 * beta * x * jnp.arcsinh(x))
    return slater(rho, sigma) - 2 * rho_spin * third * correction


def lyp(rho: Density, sigma: Density) -> Density:
    """Correlation. Source: Miehlich, Savin, Stoll, Preuss, CPL 157, 200 (1989), eq. 2, ζ = 0."""
    a, b, c, d = 0.04918, 0.132, 0.2533, 0.349
    c_fermi = 0.3 * (3 * jnp.pi**2) ** (2 / 3)
    r = rho ** (-1 / 3)
    screened = 1 / (1 + d * r)
    delta = c * r + d * r * screened
    gradient_term = sigma * rho ** (-5 / 3) * (1 / 24 + 7 * delta / 72)
    bracket = c_fermi * rho - gradient_term
    return -a * screened * (rho + b * jnp.exp(-c * r) * bracket)


def _wigner_seitz(rho: Density) -> Density:
    """Radius of the sphere that holds one electron, bohr."""
    return (3 / (4 * jnp.pi * rho)) ** (1 / 3)


def _lda(rho, sigma):
    return slater(rho, sigma) + vwn5(rho, sigma)


def _pbe(rho, sigma):
    return pbe_exchange(rho, sigma) + pbe_correlation(rho, sigma)


def _b3lyp5(rho, sigma):
    """Source: Stephens et al., J. Phys. Chem. 98, 11623 (1994), eq. 2, with VWN5."""
    exchange = 0.08 * slater(rho, sigma) + 0.72 * b88(rho, sigma)
    return exchange + 0.19 * vwn5(rho, sigma) + 0.81 * lyp(rho, sigma)


_FUNCTIONALS = {
    "lda": Functional(_lda),
    "pbe": Functional(_pbe),
    "b3lyp5": Functional(_b3lyp5, exact_exchange=0.2),
}


def functional(name: str) -> Functional:
    """The functional of that name; `qptlab.theory.FUNCTIONALS` lists the names."""
    return _FUNCTIONALS[name]


def energy_density(name: str, rho: Density, sigma: Density) -> Density:
    """Energy per volume, zero and with zero gradient where there is no density.

    Args:
        rho, sigma: (grid,); may hold zeros and tiny negative numbers.

    Returns:
        (grid,), hartree per bohr³.
    """
    empty = rho < TINY_RHO
    # Both the value and its gradient must stay finite in the branch that is not taken.
    rho = jnp.where(empty, 1.0, rho)
    sigma = jnp.where(empty, 0.0, sigma)
    density = functional(name).energy_density(rho, jnp.maximum(sigma, TINY_SIGMA))
    return jnp.where(empty, 0.0, density)
