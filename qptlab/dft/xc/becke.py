"""The exchange of Becke, short-ranged too, and the correlation of Lee, Yang and Parr."""

import math

import jax.numpy as jnp
from jax.lax import erf

from qptlab.dft.xc.electrons import Electrons
from qptlab.dft.xc.uniform import slater
from qptlab.types import OnGrid

SERIES_BELOW = 1.0
SERIES = [-2 / (math.factorial(n + 2) * (2 * n + 1)) for n in range(1, 18)]


def b88(e: Electrons) -> OnGrid:
    """Exchange. Source: Becke, Phys. Rev. A 38, 3098 (1988), eq. 8, both spins alike."""
    return slater(e) * b88_enhancement(e)


def b88_enhancement(e: Electrons) -> OnGrid:
    """What the gradient multiplies Slater's exchange by."""
    beta, per_spin = 0.0042, 0.75 * (6 / math.pi) ** (1 / 3)
    x2 = 2 ** (2 / 3) * e.sigma / (e.rho * e.root) ** 2
    return 1 + beta / per_spin * x2 / (1 + 6 * beta * x_arcsinh_x(x2))


def b88_short_range(e: Electrons, omega: float) -> OnGrid:
    """B88 exchange of the interaction erfc(ωr)/r.

    Source: Iikura, Tsuneda, Yanai, Hirao, J. Chem. Phys. 115, 3540 (2001).
    """
    enhancement = b88_enhancement(e)
    # the Fermi momentum of the uniform gas, lowered as the gradient raises the exchange
    k2 = (3 * math.pi**2) ** (2 / 3) * e.root * e.root / enhancement
    return slater(e) * enhancement * short_range_share(k2 / omega**2)


def short_range_share(y: OnGrid) -> OnGrid:
    """How much of the exchange of a uniform gas is left when the interaction is erfc(ωr)/r.

    From 0 to 1, as a function of y = (kF/ω)²: 1 − 2 ∫₀¹ g(yt²) dt with g(u) = (exp(−u) − 1 + u)/u².
    For small y the closed form loses its digits, and the power series
    −2 Σ (−y)ⁿ/[(n + 2)! (2n + 1)], n ≥ 1, is summed instead.

    Source: Iikura, Tsuneda, Yanai, Hirao, J. Chem. Phys. 115, 3540 (2001), with a = 1/(2√y).
    """
    small = y < SERIES_BELOW
    large_y, small_y = jnp.where(small, 1.0, y), jnp.where(small, y, 0.0)
    return jnp.where(small, share_series(small_y), share_closed_form(large_y))


def share_series(y: OnGrid) -> OnGrid:
    total = jnp.zeros_like(y)
    for coefficient in reversed(SERIES):
        total = -y * (coefficient + total)
    return total


def share_closed_form(y: OnGrid) -> OnGrid:
    b, inverse = jnp.sqrt(y), 1 / y
    bracket = (1 - inverse / 2) * jnp.exp(-y) - 1.5 + inverse / 2
    return 1 - 4 / 3 * (math.sqrt(math.pi) * erf(b) / b + bracket * inverse)


def x_arcsinh_x(x2: OnGrid) -> OnGrid:
    """x arcsinh x as the smooth function of x² that it is."""
    small = x2 < 1e-3
    series = x2 * (1 - x2 * (1 / 6 - x2 * (3 / 40 - x2 * (5 / 112 - x2 * 35 / 1152))))
    x = jnp.sqrt(jnp.where(small, 1.0, x2))
    return jnp.where(small, series, x * jnp.log(x + jnp.sqrt(1 + x * x)))


A, B, C, D = 0.04918, 0.132, 0.2533, 0.349
C_FERMI = 0.3 * (3 * math.pi**2) ** (2 / 3)


def lyp(e: Electrons) -> OnGrid:
    """Correlation. Source: Miehlich, Savin, Stoll, Preuss, CPL 157, 200 (1989), eq. 2."""
    r = 1 / e.root
    screened = 1 / (1 + D * r)
    delta = C * r + D * r * screened
    bracket = _closed_bracket(e, delta) if e.spins is None else _open_bracket(e, delta)
    unpaired = 1 if e.spins is None else 1 - e.zeta**2
    return -A * screened * (e.rho * unpaired + B * jnp.exp(-C * r) * bracket)


def _closed_bracket(e: Electrons, delta: OnGrid) -> OnGrid:
    """What follows b ω in eq. 2, divided by ρ^(-11/3), without polarisation."""
    return C_FERMI * e.rho - e.sigma / (e.rho * e.root**2) * (1 / 24 + 7 * delta / 72)


def _open_bracket(e: Electrons, delta: OnGrid) -> OnGrid:
    """The same with polarisation, in terms of ζ and of sum and difference of |∇ρα|² and |∇ρβ|²."""
    zeta, sigma = e.zeta, e.spins.sigma
    total, excess = sigma[0] + sigma[1], sigma[0] - sigma[1]
    paired = (1 - zeta**2) / 4  # ρα ρβ/ρ²
    gradient_term = (
        paired * (47 / 18 - 7 * delta / 18) * e.sigma
        - paired * (5 / 2 - delta / 18) * total
        - paired * (delta - 11) / 18 * (total + zeta * excess)
        - 2 / 3 * (e.sigma - total)
        - ((1 + zeta**2) * total - 2 * zeta * excess) / 4
    )
    fermi_term = 4 * paired * C_FERMI * e.spin_mean(8)
    return fermi_term * e.rho + gradient_term / (e.rho * e.root**2)
