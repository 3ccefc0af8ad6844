"""Nuclear derivative of what is sampled on the integration grid."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from qptlab.dft.compiling import jit
from qptlab.dft.grid import Grid, becke_shares, size_adjustment
from qptlab.dft.nuclear.one_electron import sum_by_atom
from qptlab.errors import InputError
from qptlab.types import Gradient

POINTS_AT_ONCE = 1024
LARGEST_BLOCK, PAIRS_AT_ONCE = 8192, 2**20

# Where ∂²χ/∂x∂y … stand among the ten rows of GTOval_sph_deriv2.
SECOND = np.array([[4, 5, 6], [5, 7, 8], [6, 8, 9]])


def grid_vjp(
    mol,
    grid: Grid,
    bar_ao: Float[np.ndarray, "4 ao point"],
    bar_weights: Float[np.ndarray, " point"],
) -> Gradient:
    """Σ bar_ao d(χ, ∇χ)/dR + Σ bar_weights dw/dR, (atom, 3) in hartree/bohr.

    Orbitals move with their nucleus, points with theirs, and the weights follow as in
    `molecular_grid`.

    Args:
        bar_ao: cotangent of χ, ∂χ/∂x, ∂χ/∂y, ∂χ/∂z at the points.
        bar_weights: cotangent of the weights.

    Raises:
        InputError: a grid that does not say which atoms its points move with.
    """
    if grid.atom is None:
        raise InputError("a grid without atoms has no nuclear derivative; give Grid(atom=...)")
    return _orbital_vjp(mol, grid, bar_ao) + _weight_vjp(mol, grid, bar_weights)


def _orbital_vjp(mol, grid: Grid, bar: Float[np.ndarray, "4 ao point"]) -> Gradient:
    """Contribution of χ(r_point − R_atom) and its gradient."""
    by_orbital, by_point = np.zeros((3, mol.nao)), np.empty((3, len(grid.weights)))
    for start in range(0, len(grid.weights), POINTS_AT_ONCE):
        block = slice(start, start + POINTS_AT_ONCE)
        # PySCF writes (10, ao, point) and shows it transposed
        ao = mol.eval_gto("GTOval_sph_deriv2", grid.points[block]).transpose(0, 2, 1)
        here = np.ascontiguousarray(bar[:, :, block])
        for x in range(3):
            slope = here[0] * ao[1 + x]
            for y in range(3):
                slope += here[1 + y] * ao[SECOND[x, y]]
            by_orbital[x] -= slope.sum(1)
            by_point[x, block] = slope.sum(0)
    return sum_by_atom(mol, by_orbital) + sum_by_atom(mol, by_point, grid.atom)


def _weight_vjp(mol, grid: Grid, bar: Float[np.ndarray, " point"]) -> Gradient:
    """Response of Becke's partition, block by block."""
    positions, adjustment = mol.atom_coords(), size_adjustment(mol)
    offsets = grid.points - positions[grid.atom]
    # a power of two, so that (atom, atom, point) numbers take a few MiB
    block = min(LARGEST_BLOCK, 2 ** int(np.log2(max(1, PAIRS_AT_ONCE // mol.natm**2))))
    gradient = np.zeros((mol.natm, 3))
    for start in range(0, len(bar), block):
        part = slice(start, start + block)
        # the last block is filled with points of no weight: one compiled shape for a molecule
        missing = block - len(bar[part])
        moved = _shares_vjp(
            positions,
            np.pad(offsets[part], ((0, missing), (0, 0)), mode="edge"),
            np.pad(grid.atom[part], (0, missing), mode="edge"),
            adjustment,
            np.pad(grid.weights[part], (0, missing)),
            np.pad(bar[part], (0, missing)),
        )
        gradient += np.asarray(moved)
    return gradient


@jit
def _shares_vjp(positions, offsets, atom, adjustment, weights, bar):
    """(atom, 3): Σ bar dw/dR, where w is the share of a point times its volume."""
    share, pull = jax.vjp(lambda r: becke_shares(r, offsets, atom, adjustment), positions)
    volume = jnp.where(share > 0, weights / jnp.where(share > 0, share, 1.0), 0.0)
    return pull(bar * volume)[0]
