"""What a calculation returns."""

from dataclasses import dataclass, replace

import numpy as np

from qptlab.dft.energy import Energy
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.theory import Theory


@dataclass(frozen=True, eq=False)
class ScfResult:
    """A density matrix with its energy and orbitals; prints as one sentence.

    Open shells have one array per spin, α and β, along a leading axis of `dm`, `fock`,
    `mo_energy` and `mo_coeff`, and two numbers in `n_occ`.

    Attributes:
        energy: terms in hartree; `energy.total` is their sum.
        dm, fock: (ao, ao); D in electrons and F[D] in hartree.
        mo_energy, mo_coeff: (mo,) in hartree and (ao, mo), of F[D].
        n_occ: number of occupied orbitals.
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
    n_occ: int | tuple[int, int]
    fock_builds: int
    converged: bool
    message: str

    @property
    def homo(self) -> float:
        """Energy of the highest occupied orbital of either spin, hartree."""
        return float(max(energy[n - 1] for energy, n in self._levels() if n))

    @property
    def lumo(self) -> float | None:
        """Energy of the lowest empty orbital, hartree; None where every orbital is full."""
        empty = [energy[n] for energy, n in self._levels() if n < len(energy)]
        return float(min(empty)) if empty else None

    @property
    def is_open_shell(self) -> bool:
        """Whether the two spins have orbitals of their own."""
        return self.mo_energy.ndim == 2

    def of_spin(self, spin: str) -> "ScfResult":
        """The matrices and orbitals of one spin, "alpha" or "beta", of an open shell.

        Raises:
            InputError: another word, or a closed shell, where both spins are the same.
        """
        if spin not in ("alpha", "beta"):
            raise InputError(f'spin {quoted(spin)}; expected "alpha" or "beta"')
        if not self.is_open_shell:
            raise InputError(f"{self.molecule.formula} is a closed shell: both spins are the same")
        which = ("alpha", "beta").index(spin)
        names = ("dm", "fock", "mo_energy", "mo_coeff", "n_occ")
        parts = {name: getattr(self, name)[which] for name in names}
        return replace(self, message=f"{self.message} (its {'αβ'[which]} orbitals)", **parts)

    def _levels(self):
        """Orbital energies and the number of filled orbitals of each spin."""
        return zip(np.atleast_2d(self.mo_energy), np.atleast_1d(self.n_occ), strict=True)

    def __repr__(self):
        return self.message
