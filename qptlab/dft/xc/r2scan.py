"""The meta-GGA r²SCAN. Equation numbers are those of the supporting information of

Furness, Kaplan, Ning, Perdew, Sun, J. Phys. Chem. Lett. 11, 8208 (2020); erratum 11, 9248.
"""

import math

import jax
import jax.numpy as jnp

from qptlab.dft.xc.electrons import Electrons
from qptlab.dft.xc.pbe import BETA, GAMMA, t2
from qptlab.dft.xc.uniform import pw92_per_electron, slater
from qptlab.types import OnGrid

ETA = 0.001
DAMPING = 0.361**4
"""d_p2⁴ of eqs. S10 and S34."""
SWITCH_X = (1, -0.667, -0.4445555, -0.663086601049, 1.451297044490)
SWITCH_X += (-0.887998041597, 0.234528941479, -0.023185843322)
SWITCH_C = (1, -0.64, -0.4352, -1.535685604549, 3.061560252175)
SWITCH_C += (-1.915710236206, 0.516884468372, -0.051848879792)
B1, B2, B3 = 0.0285764, 0.0889, 0.125541
"""The correlation of one orbital, eq. S35."""


def r2scan_exchange(e: Electrons) -> OnGrid:
    """Eqs. S1 to S12."""
    h0, k1, mu = 1.174, 0.065, 10 / 81
    p = e.s2
    second_order = (20 / 27 + ETA * 5 / 3) * _slope_at_one(SWITCH_X) * (h0 - 1)
    x = (second_order * jnp.exp(-p * p / DAMPING) + mu) * p
    h1 = 1 + k1 - k1 * k1 / (k1 + x)
    switch = _switch(_alpha(e), SWITCH_X, c1=0.667, c2=0.8, d=1.24)
    # no gradient, no effect: exp(-∞) = 0, and the slope of a fourth root is never met at zero
    fourth_root = jnp.sqrt(jnp.sqrt(jnp.maximum(p, 1e-20)))
    return slater(e) * (h1 + switch * (h0 - h1)) * (1 - jnp.exp(-4.9479 / fourth_root))


def r2scan_correlation(e: Electrons) -> OnGrid:
    """Eqs. S24 to S41: between several orbitals (1) and a single one (0)."""
    several, single = _several_orbitals(e), _single_orbital(e)
    switch = _switch(_alpha(e), SWITCH_C, c1=0.64, c2=1.5, d=0.7)
    return e.rho * (several + switch * (single - several))


def _alpha(e: Electrons) -> OnGrid:
    """Kinetic energy density beyond one orbital's, per that of the uniform gas; eq. S6."""
    one_orbital = e.sigma / (8 * e.rho)
    uniform = 0.3 * (3 * math.pi**2) ** (2 / 3) * e.rho * e.root**2 * e.spin_mean(5)
    return (e.tau - one_orbital) / (uniform + ETA * one_orbital)


def _switch(alpha: OnGrid, polynomial, *, c1: float, c2: float, d: float) -> OnGrid:
    """1 for a single orbital (α = 0), 0 for the uniform gas (α = 1), then −d; eqs. S7, S26."""
    negative, large = alpha < 0, alpha > 2.5
    middle = ~(negative | large)
    inside, outside = jnp.where(middle, alpha, 1.0), jnp.where(middle, -1.0, alpha)
    exponential = jnp.exp(jnp.where(large, c2, -c1 * outside) / (1 - outside))
    return jnp.where(middle, _horner(polynomial, inside), jnp.where(large, -d, 1.0) * exponential)


def _several_orbitals(e: Electrons) -> OnGrid:
    """Eqs. S29 to S34, hartree per electron."""
    rs, zeta_scale = e.rs, e.spin_mean(2) ** 3
    polarisation = _single_polarisation(e)
    single, d_single = _value_and_slope(lambda rs: _single_uniform(rs) * polarisation, rs)
    uniform, d_uniform = _value_and_slope(lambda rs: pw92_per_electron(e, rs), rs)
    w = jnp.expm1(-uniform / (GAMMA * zeta_scale))
    y = BETA * (1 + 0.1 * rs) / (1 + 0.1778 * rs) * t2(e) / (GAMMA * w)
    s2 = e.s2
    slope = 20 * rs * (d_single - d_uniform) - 45 * ETA * (single - uniform)
    scale = _slope_at_one(SWITCH_C) / (27 * GAMMA * e.spin_mean(5) * zeta_scale)
    dy = scale * slope / w * s2 * jnp.exp(-s2 * s2 / DAMPING)
    g = 1 / jnp.sqrt(jnp.sqrt(1 + 4 * (y - dy)))
    return uniform + GAMMA * zeta_scale * jnp.log(1 + w * (1 - g))


def _single_orbital(e: Electrons) -> OnGrid:
    """Eqs. S35 to S41, hartree per electron."""
    uniform = _single_uniform(e.rs)
    g = 1 / jnp.sqrt(jnp.sqrt(1 + 4 * 0.12802585262625815 * e.s2))
    gradient_term = B1 * jnp.log(1 + jnp.expm1(-uniform / B1) * (1 - g))
    return (uniform + gradient_term) * _single_polarisation(e)


def _single_uniform(rs: OnGrid) -> OnGrid:
    return -B1 / (1 + B2 * jnp.sqrt(rs) + B3 * rs)


def _single_polarisation(e: Electrons) -> OnGrid | float:
    """Eq. S38: an orbital with one spin only has no correlation."""
    return (1 - 2.363 * (2 ** (1 / 3) - 1) * e.f_zeta) * (1 - e.zeta**12)


def _value_and_slope(function, x: OnGrid) -> tuple[OnGrid, OnGrid]:
    return jax.jvp(function, (x,), (jnp.ones_like(x),))


def _horner(coefficients, x: OnGrid) -> OnGrid:
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + x * total
    return total


def _slope_at_one(coefficients) -> float:
    return sum(n * coefficient for n, coefficient in enumerate(coefficients))
