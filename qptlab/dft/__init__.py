"""Differentiable Kohn–Sham density functional theory."""

from qptlab.dft.batch import scf_batch, stack
from qptlab.dft.density import Filled, density_from_fock, fill, orbitals
from qptlab.dft.energy import TERMS, Energy, energy, energy_and_fock, fock_matrix
from qptlab.dft.forces import forces, nuclear_gradient
from qptlab.dft.implicit import self_consistent
from qptlab.dft.integrals import Integrals, ao_values, integrals, overlap_matrix
from qptlab.dft.properties import dipole, polarizability
from qptlab.dft.results import ScfResult
from qptlab.dft.scf import scf, scf_iterations

__all__ = [
    "TERMS",
    "Energy",
    "Filled",
    "Integrals",
    "ScfResult",
    "ao_values",
    "density_from_fock",
    "dipole",
    "energy",
    "energy_and_fock",
    "fill",
    "fock_matrix",
    "forces",
    "integrals",
    "nuclear_gradient",
    "orbitals",
    "overlap_matrix",
    "polarizability",
    "scf",
    "scf_batch",
    "scf_iterations",
    "self_consistent",
    "stack",
]
