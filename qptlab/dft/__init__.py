"""Differentiable Kohn–Sham density functional theory.

In which order to read it: `integrals` (what is known of a molecule), `density` (from a Fock matrix
to a density matrix, and back through it), `energy` (the loss, whose gradient is the Fock matrix),
`schemes` and `scf` (until the two agree), `screening`, `implicit` and `forces` (what else follows
by differentiating). Functionals are in `xc`, derivatives of integrals in `nuclear`.
"""
# Imported here to be found here:
# ruff: noqa: F401

import importlib

from qptlab.dft.batch import scf_batch, stack
from qptlab.dft.density import CLOSED_GAP, Filled, density_from_fock, fill, orbitals
from qptlab.dft.energy import TERMS, Energy, energy, energy_and_fock, fock_matrix
from qptlab.dft.forces import forces, nuclear_gradient
from qptlab.dft.grid import Grid, molecular_grid
from qptlab.dft.implicit import self_consistent
from qptlab.dft.integrals import Integrals, ao_values, integrals, overlap_matrix
from qptlab.dft.properties import dipole, polarizability
from qptlab.dft.results import ScfResult
from qptlab.dft.scf import scf, scf_iterations


def __getattr__(name: str):
    # ASE's calculators take a while to import
    if name not in ("SurfaceCalculator", "ase_atoms", "from_ase"):
        raise AttributeError(f"module 'qptlab.dft' has no attribute {name!r}")
    return getattr(importlib.import_module("qptlab.dft.surface"), name)
