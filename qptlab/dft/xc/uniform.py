"""The uniform electron gas: Slater's exchange and three fits of its correlation energy."""

import math

import jax.numpy as jnp

from qptlab.dft.xc.electrons import Electrons
from qptlab.types import OnGrid

F_CURVATURE = 8 / (9 * (2 ** (4 / 3) - 2))
"""f''(0) of the spin interpolation f(ζ)."""


def slater(e: Electrons) -> OnGrid:
    """Exchange of the uniform electron gas. Source: Dirac, Proc. Camb. Phil. Soc. 26, 376."""
    return -0.75 * (3 / math.pi) ** (1 / 3) * e.rho * e.root


def vwn5(e: Electrons) -> OnGrid:
    """Correlation. Source: Vosko, Wilk, Nusair 1980, eq. 4.4, fit V, interpolated in ζ as there."""
    root = jnp.sqrt(e.rs)
    para = _vwn_fit(root, 0.0310907, 3.72744, 12.9352, -0.10498)
    if e.spins is None:
        return e.rho * para
    ferro = _vwn_fit(root, 0.01554535, 7.06042, 18.0578, -0.32500)
    stiffness = _vwn_fit(root, -1 / (6 * math.pi**2), 1.13107, 13.0045, -0.0047584)
    return e.rho * _interpolated(e, para, ferro, stiffness / F_CURVATURE)


def vwn_rpa(e: Electrons) -> OnGrid:
    """Correlation in the random-phase approximation, which B3LYP uses. Source: as `vwn5`."""
    root = jnp.sqrt(e.rs)
    para = _vwn_fit(root, 0.0310907, 13.0720, 42.7198, -0.409286)
    if e.spins is None:
        return e.rho * para
    ferro = _vwn_fit(root, 0.01554535, 20.1231, 101.578, -0.743294)
    return e.rho * (para + e.f_zeta * (ferro - para))


def _vwn_fit(x: OnGrid, a: float, b: float, c: float, x0: float) -> OnGrid:
    """Vosko, Wilk, Nusair 1980, eq. 4.4, hartree per electron, for x = √rs."""
    q = math.sqrt(4 * c - b * b)
    weight = b * x0 / (x0 * x0 + b * x0 + c)
    big_x = x * x + b * x + c
    angle = (2 * b - weight * 2 * (b + 2 * x0)) / q * jnp.arctan(q / (2 * x + b))
    return a * (jnp.log(x * x / big_x) - weight * jnp.log((x - x0) ** 2 / big_x) + angle)


def pw92(e: Electrons) -> OnGrid:
    """Correlation. Source: Perdew, Wang, PRB 45, 13244 (1992), eqs. 8 and 10, table I."""
    return e.rho * pw92_per_electron(e, e.rs)


def pw92_per_electron(e: Electrons, rs: OnGrid) -> OnGrid:
    """The same in hartree per electron, for the polarisation of `e` and any radius `rs`."""
    root = jnp.sqrt(rs)
    para = _pw92_fit(root, 0.0310907, 0.21370, (7.5957, 3.5876, 1.6382, 0.49294))
    if e.spins is None:
        return para
    ferro = _pw92_fit(root, 0.01554535, 0.20548, (14.1189, 6.1977, 3.3662, 0.62517))
    stiffness = -_pw92_fit(root, 0.0168869, 0.11125, (10.357, 3.6231, 0.88026, 0.49671))
    return _interpolated(e, para, ferro, stiffness / F_CURVATURE)


def _pw92_fit(x: OnGrid, a: float, alpha: float, betas: tuple[float, ...]) -> OnGrid:
    """Perdew, Wang 1992, eq. 10, for x = √rs."""
    b1, b2, b3, b4 = betas
    fit = 2 * a * x * (b1 + x * (b2 + x * (b3 + x * b4)))
    return -2 * a * (1 + alpha * x * x) * jnp.log(1 + 1 / fit)


def _interpolated(e: Electrons, para: OnGrid, ferro: OnGrid, stiffness: OnGrid) -> OnGrid:
    """Between no (0) and full (1) polarisation. Source: Perdew, Wang 1992, eq. 8."""
    zeta4 = e.zeta**4
    return para + e.f_zeta * (stiffness * (1 - zeta4) + (ferro - para) * zeta4)
