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
from jaxtyping import Array, Int, PyTree

from qptlab.types import Scalar


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def sum_over_blocks(
    energy: Callable[[PyTree, PyTree], Scalar],
    density: PyTree,
    blocks: PyTree,
    count: Int[Array, ""],
) -> Scalar:
    """Σ_b energy(density, blocks[b]) over the first blocks, its derivative made in the same pass.

    Args:
        energy: of one block; depends on nothing else that is differentiated.
        blocks: arrays with one leading axis, the blocks.
        count: how many of them there are; the rest is empty, and takes no time.
    """

    def add(total, numbered):
        number, block = numbered
        filled, empty = (lambda: energy(density, block)), (lambda: _zero(density, block))
        return total + jax.lax.cond(number < count, filled, empty), None

    return jax.lax.scan(add, jnp.zeros(()), (_numbers(blocks), blocks))[0]


@partial(sum_over_blocks.defjvp, symbolic_zeros=True)
def _sum_over_blocks_jvp(energy, primals, tangents):
    # Only what is differentiated by takes part: the rest would cost time and memory.
    primals, count, tangents = primals[:2], primals[2], tangents[:2]
    perturbed = jax.tree.map(lambda t: not is_zero(t), tangents, is_leaf=is_zero)
    (density, blocks), fixed = eqx.partition(primals, perturbed)
    fixed_density, fixed_blocks = fixed

    def of_perturbed(density, block, fixed_block):
        return energy(eqx.combine(density, fixed_density), eqx.combine(block, fixed_block))

    @jax.checkpoint
    def add(carry, numbered):
        number, *block = numbered

        def filled():
            return jax.value_and_grad(of_perturbed, (0, 1))(density, *block)

        def empty():
            zero = _zero(density, block, fixed_density)
            return zero, jax.tree.map(jnp.zeros_like, (density, block[0]))

        value, (by_density, by_block) = jax.lax.cond(number < count, filled, empty)
        return jax.tree.map(jnp.add, carry, (value, by_density)), by_block

    start = jnp.zeros(()), jax.tree.map(jnp.zeros_like, density)
    numbered = _numbers(primals[1]), blocks, fixed_blocks
    (total, slope), block_slopes = jax.lax.scan(add, start, numbered)
    changes = [t for t in jax.tree.leaves(tangents, is_leaf=is_zero) if not is_zero(t)]
    pairs = zip(jax.tree.leaves((slope, block_slopes)), changes, strict=True)
    return total, sum((jnp.sum(slope * change) for slope, change in pairs), jnp.zeros(()))


def _numbers(blocks: PyTree) -> Int[Array, " block"]:
    return jnp.arange(len(jax.tree.leaves(blocks)[0]))


def _zero(*trees: PyTree) -> Scalar:
    """Of the type that numbers computed from all of these have: float32 stays so."""
    return jnp.zeros((), jnp.result_type(*jax.tree.leaves(trees)))


def is_zero(tangent: object) -> bool:
    """Whether nothing is differentiated by what this belongs to, in such a rule."""
    return isinstance(tangent, SymbolicZero)
