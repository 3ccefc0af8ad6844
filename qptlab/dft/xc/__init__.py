"""Exchange–correlation functionals as energies per volume.

Each takes what is known of the `Electrons` at the points of a grid and returns hartree per bohr³.
The potential is never written down: it is the gradient of the energy. Constants have the digits
libxc uses, so that energies agree to the last one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.kept_programs import named_by_programs
from qptlab.dft.xc.becke import b88, b88_short_range, lyp
from qptlab.dft.xc.electrons import Electrons, closed_shell, open_shell
from qptlab.dft.xc.pbe import pbe_correlation, pbe_exchange
from qptlab.dft.xc.r2scan import r2scan_correlation, r2scan_exchange
from qptlab.dft.xc.uniform import pw92, slater, vwn5, vwn_rpa
from qptlab.types import OnGrid

EnergyDensity = Callable[[Electrons], OnGrid]


@dataclass(frozen=True)
class Functional:
    """A functional: its semilocal energies per volume and its shares of exact exchange.

    The exact exchange is `exact_exchange` K + `long_range` K_lr, where K_lr is the exchange of the
    interaction erf(`omega` r)/r.

    Attributes:
        title: what it consists of, and its source.
        exchange: its semilocal exchange, written for closed shells.
        correlation: its correlation.
        needs: what must be on the grid: "none", "rho", "gradient" (too) or "tau" (too).
        exact_exchange: share of exact exchange at every distance.
        long_range: share of exact exchange that is added at long range.
        omega: where long range begins, 1/bohr; 0 where there is no such share.
    """

    title: str
    exchange: EnergyDensity
    correlation: EnergyDensity
    needs: str
    exact_exchange: float = 0.0
    long_range: float = 0.0
    omega: float = 0.0


def _nothing(e: Electrons) -> OnGrid:
    return jnp.zeros_like(e.rho)


def _b3lyp_exchange(e: Electrons) -> OnGrid:
    return 0.08 * slater(e) + 0.72 * b88(e)


def _cam_b3lyp_exchange(e: Electrons) -> OnGrid:
    return 0.35 * b88(e) + 0.46 * b88_short_range(e, omega=0.33)


def _lyp_and(uniform: EnergyDensity) -> EnergyDensity:
    """B3LYP's mixture of LYP and a correlation energy of the uniform gas."""
    return lambda e: 0.19 * uniform(e) + 0.81 * lyp(e)


RECORDS = {
    "hf": Functional("Hartree–Fock", _nothing, _nothing, "none", 1.0),
    "lda": Functional("Slater + VWN5, Vosko et al., Can. J. Phys. 58, 1200", slater, vwn5, "rho"),
    "pw92": Functional("Slater + PW92, Perdew, Wang, PRB 45, 13244", slater, pw92, "rho"),
    "pbe": Functional(
        "PBE, Perdew et al., PRL 77, 3865", pbe_exchange, pbe_correlation, "gradient"
    ),
    "pbe0": Functional(
        "PBE + exact exchange, Adamo, Barone, J. Chem. Phys. 110, 6158",
        lambda e: 0.75 * pbe_exchange(e),
        pbe_correlation,
        "gradient",
        exact_exchange=0.25,
    ),
    "blyp": Functional("B88 + LYP, Becke 1988; Lee et al., PRB 37, 785", b88, lyp, "gradient"),
    "b3lyp5": Functional(
        "B3LYP with VWN5, Stephens et al., J. Phys. Chem. 98, 11623",
        _b3lyp_exchange,
        _lyp_and(vwn5),
        "gradient",
        exact_exchange=0.2,
    ),
    "b3lyp": Functional(
        "B3LYP with VWN's fit of the random-phase approximation, as Gaussian and PySCF have it",
        _b3lyp_exchange,
        _lyp_and(vwn_rpa),
        "gradient",
        exact_exchange=0.2,
    ),
    "cam-b3lyp": Functional(
        "CAM-B3LYP, Yanai, Tew, Handy, CPL 393, 51",
        _cam_b3lyp_exchange,
        _lyp_and(vwn5),
        "gradient",
        exact_exchange=0.19,
        long_range=0.46,
        omega=0.33,
    ),
    "r2scan": Functional(
        "r²SCAN, Furness et al., J. Phys. Chem. Lett. 11, 8208",
        r2scan_exchange,
        r2scan_correlation,
        "tau",
    ),
}
named_by_programs(RECORDS)


def functional(name: str) -> Functional:
    """The functional of that name; `qptlab.theory.FUNCTIONALS` lists the names."""
    return RECORDS[name]


def energy_density(
    name: str,
    rho: Float[Array, "*spin grid"],
    sigma: Float[Array, "*spins grid"] | None = None,
    tau: Float[Array, "*spin grid"] | None = None,
) -> Float[Array, " grid"]:
    """Energy per volume, zero and with zero gradient where there is no density.

    Args:
        rho: density (grid,), or (2, grid) of α and β. May hold zeros and tiny negative numbers.
        sigma: |∇ρ|² (grid,), or (3, grid): ∇ρα·∇ρα, ∇ρα·∇ρβ, ∇ρβ·∇ρβ.
        tau: ½ Σ f|∇ψ|² (grid,), or (2, grid). None where the functional does not need it.

    Returns:
        (grid,), hartree per bohr³.
    """
    xc = functional(name)
    if rho.ndim == 1:
        electrons = closed_shell(rho, sigma, tau)
        return _energy(lambda e: xc.exchange(e) + xc.correlation(e), electrons)
    exchange = _energy(xc.exchange, _each_spin_doubled(rho, sigma, tau))
    correlation = _energy(xc.correlation, open_shell(rho, sigma, tau))
    return 0.5 * (exchange[0] + exchange[1]) + correlation


def _energy(per_volume: EnergyDensity, electrons: Electrons) -> OnGrid:
    return jnp.where(electrons.empty, 0.0, per_volume(electrons))


def _each_spin_doubled(rho, sigma, tau) -> Electrons:
    """Two closed shells, for E_x[ρα, ρβ] = (E_x[2ρα] + E_x[2ρβ])/2.

    Source: Oliver, Perdew, Phys. Rev. A 20, 397 (1979).
    """
    sigma = None if sigma is None else 4 * sigma[::2]
    tau = None if tau is None else 2 * tau
    return closed_shell(2 * rho, sigma, tau)
