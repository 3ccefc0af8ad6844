"""What `PaperQPT` sees of a geometry: seven matrices over orbitals, and aligned positions."""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from qptlab.dft.shells import Shells
from qptlab.qpt.prepared import NetworkInputs
from qptlab.types import Stacked

WAVES = 20
LONGEST = 20.0
"""Longest wavelength (bohr) of the sines and cosines of a position."""
N_POSITION = 3 + 2 * 3 * WAVES
SAME = 1e-8
"""Moments (bohr²) that differ by less count as equal: their axes may be any."""


def known_matrices(inputs: NetworkInputs) -> Stacked:
    """h, L⁻¹ h L⁻ᵀ, D0, JK, V_xc and F0, where S = L Lᵀ; each divided by its largest element.

    Of a hybrid's exact exchange, V_xc holds all and JK nothing: `KnownMatrices` has them so. Zero
    for orbitals that are none of the molecule's.
    """
    real = inputs.shells.real_ao
    known = inputs.matrices
    lower = jnp.linalg.cholesky(known.overlap)
    half = solve_triangular(lower, known.h_core, lower=True)
    orthogonal = solve_triangular(lower, half.T, lower=True)
    seen = [known.h_core, orthogonal, known.dm, known.coulomb, known.vxc, inputs.fock]
    return relative(jnp.where(real[:, None] & real, jnp.stack(seen), 0.0))


def relative(matrices: Float[Array, "*matrix ao ao"]) -> Float[Array, "*matrix ao ao"]:
    """Each matrix divided by its largest absolute element."""
    return matrices / jnp.max(jnp.abs(matrices), axis=(-2, -1), keepdims=True)


def position_features(
    positions: Float[Array, "atom 3"], shells: Shells
) -> Float[Array, "ao feature"]:
    """Positions of orbitals along principal axes, and their sines and cosines.

    Centre and axes are those of the orbitals, not of the atoms: an atom counts once for each of
    its orbitals. The sign of an axis is what `eigh` makes it, and equal moments leave the axes
    open, so the same molecule turned may be seen as its mirror image.

    Args:
        positions: bohr.
        shells: of the orbitals.
    """
    placed = positions[shells.atom[shells.of_ao]]
    share = shells.real_ao / jnp.sum(shells.real_ao)
    placed = placed - share @ placed
    placed = placed @ principal_axes((share * placed.T) @ placed)
    angles = 2 * jnp.pi / LONGEST * placed[:, None] * jnp.arange(WAVES)[:, None]
    waves = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=1)
    return jnp.concatenate([placed, waves.reshape(len(placed), -1)], axis=1)


@jax.custom_jvp
def principal_axes(moments: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """Eigenvectors (columns) of the second moments; equal moments do not turn into each other."""
    return jnp.linalg.eigh(moments)[1]


@principal_axes.defjvp
def _principal_axes_jvp(primals, tangents):
    values, axes = jnp.linalg.eigh(primals[0])
    gaps = values[None, :] - values[:, None]
    apart = jnp.abs(gaps) > SAME
    turn = jnp.where(apart, 1 / jnp.where(apart, gaps, 1.0), 0.0)
    return axes, axes @ (turn * (axes.T @ tangents[0] @ axes))
