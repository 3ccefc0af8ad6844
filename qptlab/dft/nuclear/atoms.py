"""Which atom an orbital sits on, and sums over the orbitals of each atom."""

import numpy as np
from jaxtyping import Float


def atom_of_orbital(mol) -> np.ndarray:
    """(ao,): the atom each orbital of a `pyscf.gto.Mole` is centred on."""
    slices = mol.aoslice_by_atom()
    return np.repeat(np.arange(mol.natm), slices[:, 3] - slices[:, 2])


def sum_by_atom(
    vectors: Float[np.ndarray, "3 item"], atom: np.ndarray, n_atom: int
) -> Float[np.ndarray, "n 3"]:
    """(atom, 3): the sum of the vectors of each atom; `atom` (item,) says whose they are."""
    return np.stack([np.bincount(atom, weights=row, minlength=n_atom) for row in vectors], axis=1)
