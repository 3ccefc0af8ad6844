"""Energies that are sums over blocks of grid points or auxiliary functions.

A block fits the processor's cache, so each array is read from memory once, and the derivative of
a block is made while its values are still there.
"""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import PyTree

from qptlab.types import Scalar


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def sum_over_blocks(
    energy: Callable[[PyTree, PyTree], Scalar], density: PyTree, blocks: PyTree
) -> Scalar:
    """Σ_b energy(density, blocks[b]), with its derivative made in the same pass.

    Args:
        energy: of one block; depends on nothing else that is differentiated.
        blocks: arrays with one leading axis, the blocks.
    """

    def add(total, block):
        return total + energy(density, block), None

    return jax.lax.scan(add, jnp.zeros(()), blocks)[0]


@partial(sum_over_blocks.defjvp, symbolic_zeros=True)
def _sum_over_blocks_jvp(energy, primals, tangents):
    # Only what is differentiated by takes part: the rest would cost time and memory.
    perturbed = jax.tree.map(lambda t: not _is_zero(t), tangents, is_leaf=_is_zero)
    (density, blocks), fixed = eqx.partition(primals, perturbed)
    fixed_density, fixed_blocks = fixed

    def of_perturbed(density, block, fixed_block):
        return energy(eqx.combine(density, fixed_density), eqx.combine(block, fixed_block))

    @jax.checkpoint
    def add(carry, block):
        total, slope = carry
        value, (by_density, by_block) = jax.value_and_grad(of_perturbed, (0, 1))(density, *block)
        return (total + value, jax.tree.map(jnp.add, slope, by_density)), by_block

    start = jnp.zeros(()), jax.tree.map(jnp.zeros_like, density)
    (total, slope), block_slopes = jax.lax.scan(add, start, (blocks, fixed_blocks))
    changes = [t for t in jax.tree.leaves(tangents, is_leaf=_is_zero) if not _is_zero(t)]
    pairs = zip(jax.tree.leaves((slope, block_slopes)), changes, strict=True)
    return total, sum((jnp.sum(slope * change) for slope, change in pairs), jnp.zeros(()))


def _is_zero(tangent: object) -> bool:
    return isinstance(tangent, SymbolicZero)
