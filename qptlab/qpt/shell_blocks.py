"""Matrices cut into shell–shell blocks, and the numbers in them that no rotation changes."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.shells import Shells
from qptlab.types import Matrix, ShellBlocks, ShellPairs, Stacked

SMALL = 1e-3
"""Below this, `arcsinh(x / SMALL)` is linear; above, it grows like the logarithm."""
LARGE = 1.0
"""Norm (hartree, or what the matrix is in) above which `damp` makes blocks smaller."""


def cut(matrices: Stacked, shells: Shells) -> ShellBlocks:
    """(matrix, shell, shell, m, m): block (a, b) of each matrix, padded with zeros to m = 2l+1."""
    of_block = jnp.arange(shells.widest)
    index = jnp.minimum(shells.first_ao[:, None] + of_block, matrices.shape[-1] - 1)
    inside = (of_block < shells.sizes[:, None]) & shells.real[:, None]
    blocks = matrices[:, index[:, None, :, None], index[None, :, None, :]]
    return jnp.where(inside[:, None, :, None] & inside[None, :, None, :], blocks, 0.0)


def invariants(blocks: ShellBlocks, shells: Shells) -> ShellPairs:
    """What stays when the molecule turns, for every pair of shells.

    A rotation acts on block (a, b) as U_a B U_bᵀ with orthogonal U, so the norm of a block, the
    inner product of two blocks, and the trace of a block between shells of equal l do not change.

    Returns:
        (shell, shell, feature), each of order one: norms and traces on a logarithmic scale,
        inner products as cosines.
    """
    n_matrix = blocks.shape[0]
    inner = jnp.einsum("kabij,labij->abkl", blocks, blocks)
    norm = jnp.sqrt(jnp.einsum("abkk->abk", inner) + 1e-24)
    cosine = inner / (norm[..., :, None] * norm[..., None, :] + 1e-12)
    upper = np.triu_indices(n_matrix, 1)
    equal_l = shells.l[:, None] == shells.l
    trace = jnp.where(equal_l[..., None], jnp.einsum("kabii->abk", blocks), 0.0)
    return jnp.concatenate([_compress(norm), _compress(trace), cosine[..., *upper]], axis=-1)


def n_invariants(n_matrix: int) -> int:
    """How many numbers `invariants` gives per pair of shells."""
    return 2 * n_matrix + n_matrix * (n_matrix - 1) // 2


def damp(blocks: ShellBlocks) -> Float[Array, "shell shell matrix"]:
    """1/(1 + |A_k,ab|/LARGE): what keeps a scaled block from being much larger than its weight.

    F S⁻¹ F reaches hundreds of hartree in the cores; unscaled, its weights would have to be
    learned to as many more digits than the others.
    """
    norm = jnp.sqrt(jnp.sum(blocks * blocks, axis=(-2, -1)) + 1e-24)
    return jnp.moveaxis(1 / (1 + norm / LARGE), 0, -1)


def scale_blocks(
    weights: Float[Array, "shell shell matrix"], matrices: Stacked, shells: Shells
) -> Matrix:
    """Σ_k w_k(a, b) A_k,ab for every block: (ao, ao), symmetric when w and A are.

    Zero for orbitals that are none of the molecule's.
    """
    of_ao, real = shells.of_ao, shells.real[:, None] & shells.real
    weights = jnp.where(real[..., None], weights, 0.0)
    return jnp.einsum("ijk,kij->ij", weights[of_ao[:, None], of_ao[None, :]], matrices)


def _compress(x: Array) -> Array:
    return jnp.arcsinh(x / SMALL) / 5
