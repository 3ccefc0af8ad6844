"""The functional of Perdew, Burke and Ernzerhof."""

import math

import jax.numpy as jnp

from qptlab.dft.xc.electrons import Electrons
from qptlab.dft.xc.uniform import pw92_per_electron, slater
from qptlab.types import OnGrid

BETA = 0.06672455060314922
GAMMA = (1 - math.log(2)) / math.pi**2


def pbe_exchange(e: Electrons) -> OnGrid:
    """Source: Perdew, Burke, Ernzerhof, PRL 77, 3865 (1996), eqs. 10 and 14."""
    kappa, mu = 0.804, BETA * math.pi**2 / 3
    return slater(e) * (1 + kappa - kappa * kappa / (kappa + mu * e.s2))


def pbe_correlation(e: Electrons) -> OnGrid:
    """Source: Perdew, Burke, Ernzerhof, PRL 77, 3865 (1996), eqs. 3, 7 and 8."""
    uniform = pw92_per_electron(e, e.rs)
    unit = GAMMA * e.spin_mean(2) ** 3
    w = jnp.expm1(-uniform / unit)
    # eq. 7 in terms of q = At² = βt²/(γw), so that t → ∞ stays finite
    q = BETA / GAMMA * t2(e) / w
    return e.rho * (uniform + unit * jnp.log(1 + w * (1 - 1 / (1 + q + q * q))))


def t2(e: Electrons) -> OnGrid:
    """t², the square of the gradient in units of the screening length."""
    phi = e.spin_mean(2)
    return e.sigma / (16 * (3 / math.pi) ** (1 / 3) * phi**2 * e.root * e.rho**2)
