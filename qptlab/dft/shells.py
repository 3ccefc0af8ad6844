"""Shells: the sets of 2l + 1 atomic orbitals that rotate among themselves."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Int

IntArray = Array | np.ndarray


class Shells(eqx.Module):
    """One entry per shell, in the order of the atomic orbitals; arrays, of the host or the device.

    A table may be longer than its molecule: shells that fill it up have the number 0, and so have
    the orbitals that belong to them.

    Attributes:
        atom: index of the atom the shell sits on.
        number: atomic number of that atom.
        l: angular momentum.
        index: 0 for the first shell of this l on the atom, 1 for the second, …
        first_ao: the first orbital of the shell.
        of_ao: the shell each atomic orbital belongs to.
        widest: 2l + 1 of the largest l.
    """

    atom: Int[IntArray, " shell"]
    number: Int[IntArray, " shell"]
    l: Int[IntArray, " shell"]
    index: Int[IntArray, " shell"]
    first_ao: Int[IntArray, " shell"]
    of_ao: Int[IntArray, " ao"]
    widest: int = eqx.field(static=True)

    def __len__(self) -> int:
        return len(self.atom)

    @property
    def n_ao(self) -> int:
        """Number of the molecule's orbitals; of arrays that have values."""
        number, of_ao = np.asarray(self.number), np.asarray(self.of_ao)
        return int((number[of_ao] > 0).sum())

    @property
    def sizes(self) -> Int[IntArray, " shell"]:
        """2l + 1."""
        return 2 * self.l + 1

    @property
    def real(self) -> Bool[IntArray, " shell"]:
        """Which shells are the molecule's."""
        return self.number > 0

    @property
    def real_ao(self) -> Bool[IntArray, " ao"]:
        """Which orbitals are the molecule's."""
        return self.number[self.of_ao] > 0


def shell_table(rows: list[tuple[int, int, int, int]]) -> Shells:
    """The table with these (atom, number, l, index), on the host."""
    atom, number, l, index = np.array(rows, dtype=np.int32).T
    sizes = 2 * l + 1
    of_ao = np.repeat(np.arange(len(l), dtype=np.int32), sizes)
    first_ao = (np.cumsum(sizes) - sizes).astype(np.int32)
    return Shells(atom, number, l, index, first_ao, of_ao, int(sizes.max()))


def longer_table(shells: Shells, n_shell: int, n_ao: int, widest: int) -> Shells:
    """The table with room for more shells and orbitals.

    There is a shell more where there are more orbitals, for them to belong to.
    """
    missing = n_shell - len(shells)
    by_shell = (shells.atom, shells.number, shells.l, shells.index, shells.first_ao)
    longer = [np.pad(array, (0, missing)) for array in by_shell]
    more = n_ao - len(shells.of_ao)
    of_ao = np.pad(shells.of_ao, (0, more), constant_values=n_shell - 1)
    return Shells(*longer, of_ao, widest)
