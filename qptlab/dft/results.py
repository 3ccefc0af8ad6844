"""What a calculation returns."""

from dataclasses import dataclass

import numpy as np

from qptlab.dft.energy import Energy
from qptlab.molecule import Molecule
from qptlab.theory import Theory


@dataclass(frozen=True, eq=False)
class ScfResult:
    """A density matrix with its energy and orbitals; prints as one sentence.

    Attributes:
        energy: terms in hartree; `energy.total` is their sum.
        dm, fock: (ao, ao); D in electrons and F[D] in hartree.
        mo_energy, mo_coeff: (mo,) in hartree and (ao, mo), of F[D].
        n_occ: number of doubly occupied orbitals.
        fock_builds: how many Fock matrices were built on the way to `dm`.
        converged: whether the density belongs to its own Fock matrix.
        message: one sentence for the user.
    """

    molecule: Molecule
    theory: Theory
    energy: Energy
    dm: np.ndarray
    fock: np.ndarray
    mo_energy: np.ndarray
    mo_coeff: np.ndarray
    n_occ: int
    fock_builds: int
    converged: bool
    message: str

    @property
    def homo(self) -> float:
        """Energy of the highest occupied orbital, hartree."""
        return float(self.mo_energy[self.n_occ - 1])

    @property
    def lumo(self) -> float | None:
        """Energy of the lowest empty orbital, hartree; None where every orbital is full."""
        return float(self.mo_energy[self.n_occ]) if self.n_occ < len(self.mo_energy) else None

    def __repr__(self):
        return self.message
