"""How much of the exchange of a uniform gas is left when the interaction is erfc(ωr)/r."""

import math

import jax.numpy as jnp
from jax.lax import erf

from qptlab.types import OnGrid

SERIES_BELOW = 1.0
SERIES = [-2 / (math.factorial(n + 2) * (2 * n + 1)) for n in range(1, 18)]


def short_range_share(y: OnGrid) -> OnGrid:
    """The share, from 0 to 1, as a function of y = (kF/ω)².

    It is 1 − 2 ∫₀¹ g(yt²) dt with g(u) = (exp(−u) − 1 + u)/u². For small y the closed form loses
    its digits, and the power series −2 Σ (−y)ⁿ/[(n + 2)! (2n + 1)], n ≥ 1, is summed instead.

    Source: Iikura, Tsuneda, Yanai, Hirao, J. Chem. Phys. 115, 3540 (2001), with a = 1/(2√y).
    """
    small = y < SERIES_BELOW
    large_y, small_y = jnp.where(small, 1.0, y), jnp.where(small, y, 0.0)
    return jnp.where(small, series(small_y), closed_form(large_y))


def series(y: OnGrid) -> OnGrid:
    total = jnp.zeros_like(y)
    for coefficient in reversed(SERIES):
        total = -y * (coefficient + total)
    return total


def closed_form(y: OnGrid) -> OnGrid:
    b, inverse = jnp.sqrt(y), 1 / y
    bracket = (1 - inverse / 2) * jnp.exp(-y) - 1.5 + inverse / 2
    return 1 - 4 / 3 * (math.sqrt(math.pi) * erf(b) / b + bracket * inverse)
