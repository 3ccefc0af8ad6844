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
    l: tuple[int, ...]
    index: tuple[int, ...]

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
