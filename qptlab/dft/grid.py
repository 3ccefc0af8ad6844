"""Integration grids: atomic grids that move with their nuclei, joined by Becke's partition.

The points and weights are PySCF's. The partition is written here a second time, in JAX, because
its derivative with respect to the nuclei is needed.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pyscf.dft import gen_grid, radi

from qptlab.dft.mol import pyscf_mol
from qptlab.molecule import Molecule
from qptlab.theory import Theory


class Grid(eqx.Module):
    """Integration points, their weights, and the nuclei they move with.

    Attributes:
        points: (point, 3), bohr.
        weights: (point,), bohr³.
        atom: (point,), index of the atom each point moves with; without it the grid has no
            derivative with respect to the nuclei.
    """

    points: np.ndarray
    weights: np.ndarray
    atom: np.ndarray | None = None


def molecular_grid(molecule: Molecule, theory: Theory) -> Grid:
    """PySCF's grid at `theory.grid` with its default pruning."""
    mol = pyscf_mol(molecule, theory)
    grids = _pyscf_grids(mol, theory)
    grids.build(sort_grids=False)
    sizes = _points_by_atom(grids)
    # what PySCF appends to fill its blocks has no weight: it may belong to any atom
    atom = np.zeros(len(grids.weights), dtype=np.int32)
    atom[: sum(sizes)] = np.repeat(np.arange(mol.natm), sizes)
    return Grid(grids.coords, grids.weights, atom)


def n_grid_points(molecule: Molecule, theory: Theory) -> int:
    """Points of `molecular_grid`, without what fills PySCF's blocks, and without its weights."""
    return sum(_points_by_atom(_pyscf_grids(pyscf_mol(molecule, theory), theory)))


def padded(n_points: int) -> int:
    """The same with what fills PySCF's blocks."""
    return -(-n_points // gen_grid.ALIGNMENT_UNIT) * gen_grid.ALIGNMENT_UNIT


def _pyscf_grids(mol, theory: Theory):
    grids = gen_grid.Grids(mol)
    grids.level = theory.grid
    return grids


def _points_by_atom(grids) -> list[int]:
    mol, atomic = grids.mol, grids.gen_atomic_grids(grids.mol)
    return [len(atomic[mol.atom_symbol(a)][1]) for a in range(mol.natm)]


def size_adjustment(mol) -> np.ndarray:
    """(atom, atom): Treutler's shift of the boundary between two atoms of different size.

    Source: Treutler, Ahlrichs, JCP 102, 346 (1995), with the square roots of Bragg's radii.
    """
    shift = radi.treutler_atomic_radii_adjust(mol, radi.BRAGG_RADII)
    atoms = range(mol.natm)
    return np.array([[shift(a, b, 0.0) for b in atoms] for a in atoms])


def becke_shares(
    positions: Float[Array | np.ndarray, "atom 3"],
    offsets: Float[Array | np.ndarray, "point 3"],
    atom: Int[Array | np.ndarray, " point"],
    adjustment: Float[Array | np.ndarray, "atom atom"],
) -> Float[Array, " point"]:
    """The share of its own atom in each grid point, between 0 and 1.

    Args:
        positions: nuclei, bohr.
        offsets: where each point lies, seen from its own atom, bohr.
        atom: the atom each point belongs to.
        adjustment: `size_adjustment`.

    Source: Becke, JCP 88, 2547 (1988), Eqs. 11 and 19-22, and its appendix for the sizes.
    """
    n_atom = len(positions)
    points = positions[atom] + offsets
    distance = _length(points - positions[:, None])  # (atom, point)
    between = _length(positions[:, None] - positions) + jnp.eye(n_atom)
    boundary = (distance[:, None] - distance) / between[..., None]
    boundary = boundary + adjustment[..., None] * (1 - boundary**2)
    for _ in range(3):
        boundary = 0.5 * boundary * (3 - boundary**2)
    cells = jnp.where(jnp.eye(n_atom, dtype=bool)[..., None], 1.0, 0.5 * (1 - boundary))
    cells = jnp.prod(cells, axis=1)
    return cells[atom, jnp.arange(len(offsets))] / cells.sum(0)


def _length(vectors: Float[Array | np.ndarray, "*rest 3"]) -> Float[Array, "*rest"]:
    """Euclidean lengths; where one is zero its derivative is zero too, not NaN."""
    squared = jnp.sum(vectors**2, axis=-1)
    is_zero = squared == 0
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, squared)))
