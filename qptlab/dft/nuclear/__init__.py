"""From derivatives with respect to integrals to derivatives with respect to the nuclei.

Each function takes a `pyscf.gto.Mole` and a cotangent: dE/dX for every element of a piece X of the
`Integrals`, for any number E computed from them. It returns what that piece contributes to
dE/dR, (atom, 3) in hartree/bohr. No function assumes that E is stationary.
"""
# Imported here to be found here:
# ruff: noqa: F401

from qptlab.dft.nuclear.grid import grid_vjp
from qptlab.dft.nuclear.one_electron import (
    h_core_vjp,
    minao_vjp,
    nuclear_repulsion_gradient,
    overlap_vjp,
)
from qptlab.dft.nuclear.repulsion import cderi_vjp, eri_vjp
