"""Differentiable Kohn–Sham density functional theory."""

from qptlab.dft.density import density_from_fock, orbitals
from qptlab.dft.energy import TERMS, Energy, energy, energy_and_fock, fock_matrix
from qptlab.dft.integrals import Integrals, ao_values, dipole, integrals, overlap_matrix
from qptlab.dft.results import ScfResult
from qptlab.dft.scf import scf, scf_iterations

__all__ = [
    "TERMS",
    "Energy",
    "Integrals",
    "ScfResult",
    "ao_values",
    "density_from_fock",
    "dipole",
    "energy",
    "energy_and_fock",
    "fock_matrix",
    "integrals",
    "orbitals",
    "overlap_matrix",
    "scf",
    "scf_iterations",
]
