"""Shells: the sets of 2l + 1 atomic orbitals that rotate among themselves."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shells:
    """One entry per shell, in the order of the atomic orbitals; hashable, so jit-static.

    Attributes:
        atom: index of the atom the shell sits on.
        number: atomic number of that atom.
        l: angular momentum.
        index: 0 for the first shell of this l on the atom, 1 for the second, …
    """

    atom: tuple[int, ...]
    number: tuple[int, ...]
    l: tuple[int, ...]  # noqa: E741  the field's name
    index: tuple[int, ...]

    @classmethod
    def from_pyscf(cls, mol) -> "Shells":
        """Shells of a `pyscf.gto.Mole` with spherical functions."""
        from pyscf.data.elements import charge

        atom, number, angular, index = [], [], [], []
        seen: dict[tuple[int, int], int] = {}
        for bas in range(mol.nbas):
            for _ in range(mol.bas_nctr(bas)):
                a, l = mol.bas_atom(bas), mol.bas_angular(bas)  # noqa: E741
                atom.append(a)
                # not mol.atom_charge: a core potential lowers that
                number.append(charge(mol.atom_pure_symbol(a)))
                angular.append(l)
                index.append(seen.setdefault((a, l), 0))
                seen[a, l] += 1
        return cls(tuple(atom), tuple(number), tuple(angular), tuple(index))

    def __len__(self) -> int:
        return len(self.atom)

    @property
    def sizes(self) -> np.ndarray:
        """(shell,): 2l + 1."""
        return 2 * np.array(self.l) + 1

    @property
    def of_ao(self) -> np.ndarray:
        """(ao,): the shell each atomic orbital belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)
