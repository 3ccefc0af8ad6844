"""Orbitals of two calculations made comparable: same signs, same mixture of equals."""

from itertools import pairwise, starmap

import numpy as np

DEGENERATE = 1e-3
"""Neighbouring reference orbitals closer than this (hartree) count as one degenerate group."""


def aligned_orbitals(
    mo_coeff: np.ndarray,
    reference_coeff: np.ndarray,
    reference_energy: np.ndarray,
    overlap: np.ndarray,
    n_occ: int,
) -> np.ndarray:
    """The reference orbitals turned so that they differ from the others only where they must.

    The sign of an orbital means nothing, and neither does the choice of axes inside a group of
    orbitals of the same energy. So every group of (near-)degenerate reference orbitals C_r is
    rotated onto the predicted ones C_p by the orthogonal matrix R = U Vᵀ from the singular values
    U s Vᵀ of C_rᵀ S C_p (orthogonal Procrustes), which minimises |C_r R − C_p|; for a single
    orbital R is the sign of c_pᵀ S c_r. Within `DEGENERATE` of each other two orbitals are
    therefore compared as a pair, not one by one; occupied and empty ones are never mixed.

    Args:
        mo_coeff, reference_coeff: (ao, mo), each orthonormal in `overlap`, lowest energy first.
        reference_energy: (mo,), hartree.
        overlap: (ao, ao).
        n_occ: number of occupied orbitals.

    Returns:
        (ao, mo), the rotated reference orbitals.
    """
    aligned = np.array(reference_coeff)
    for group in _degenerate_groups(np.asarray(reference_energy), n_occ):
        block = aligned[:, group]
        left, _, right = np.linalg.svd(block.T @ overlap @ mo_coeff[:, group])
        aligned[:, group] = block @ (left @ right)
    return aligned


def _degenerate_groups(energy: np.ndarray, n_occ: int) -> list[slice]:
    starts = np.flatnonzero(np.diff(energy) > DEGENERATE) + 1
    edges = sorted({0, n_occ, *starts.tolist(), len(energy)})
    return list(starmap(slice, pairwise(edges)))
