"""Energy surfaces: a molecule in, its energy and forces out; and the same as an ASE calculator."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from jaxtyping import Float

from qptlab.dft.forces import forces
from qptlab.dft.scf import scf
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

Surface = Callable[[Molecule], tuple[float, Float[np.ndarray, "atom 3"]]]
"""Molecule → energy in hartree, and forces −dE/dR (atom, 3) in hartree/bohr."""


def scf_surface(theory: Theory) -> Surface:
    """Energy and forces of our converged SCF, each started from the density before it.

    The surface raises `NotConverged` where the SCF does not converge.
    """
    last: dict[tuple, np.ndarray] = {}

    def surface(molecule: Molecule):
        atoms = (molecule.symbols, molecule.charge, molecule.spin)
        result = scf(molecule, theory, dm0=last.get(atoms))
        if not result.converged:  # the old density may be a bad start far from it
            result = scf(molecule, theory)
        force = forces(result)
        last[atoms] = result.dm
        return float(result.energy.total), force

    return surface


class SurfaceCalculator(Calculator):
    """An energy surface as an ASE calculator, in eV and eV/Å.

    Args:
        surface: molecule → (energy in hartree, forces in hartree/bohr); of our SCF
            (`scf_surface`), of a network, or any function.
        molecule: gives charge and spin, which ASE's atoms do not have.

    >>> import qptlab as ql
    >>> water = ql.molecule("water")
    >>> atoms = ase_atoms(water)
    >>> atoms.calc = SurfaceCalculator(scf_surface(ql.theory("lda/sto-3g")), water)
    >>> print(f"{atoms.get_potential_energy():.1f} eV")
    -2033.7 eV
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, surface: Surface, molecule: Molecule):
        super().__init__()
        self._surface, self._molecule = surface, molecule

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """ASE's hook: fill `results` for the atoms as they are now."""
        super().calculate(atoms, properties, system_changes)
        energy, force = self._surface(from_ase(self.atoms, self._molecule))
        self.results = {
            "energy": energy * EV_PER_HARTREE,
            "forces": force * (EV_PER_HARTREE / ANGSTROM_PER_BOHR),
        }


def ase_atoms(molecule: Molecule) -> Atoms:
    """The molecule as ASE's atoms (ångström)."""
    return Atoms(molecule.symbols, molecule.positions_angstrom)


def from_ase(atoms: Atoms, like: Molecule) -> Molecule:
    """ASE's atoms as a molecule with the charge and spin of another."""
    symbols = tuple(atoms.get_chemical_symbols())
    return Molecule(symbols, atoms.positions / ANGSTROM_PER_BOHR, like.charge, like.spin)
