"""What `Integrals` look like before they are computed: their arrays' shapes alone.

Enough to compile for them: while they are computed, or before anybody asks for the molecule.
"""

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from qptlab.dft.coulomb import ExactCoulomb, ExactExchange, FittedCoulomb, FittedExchange
from qptlab.dft.integrals import (
    Integrals,
    aux_blocks,
    default_grid,
    exchange_kinds,
    grid_blocks,
    shape_of,
)
from qptlab.dft.ladder import Shape, rung
from qptlab.dft.shells import Shells
from qptlab.molecule import Molecule
from qptlab.theory import Theory


def outline(shape: Shape, theory: Theory, spin: int = 0) -> Integrals:
    """`integrals` of this shape, with a `jax.ShapeDtypeStruct` for each array."""
    return jax.eval_shape(lambda: _zeros(shape, theory, spin))


def outline_of(molecule: Molecule, theory: Theory) -> Integrals:
    """Of the rung that a molecule lies on. Errors as `integrals`."""
    shape = shape_of(molecule, theory, default_grid(molecule, theory))
    return outline(rung(shape), theory, molecule.spin)


def _zeros(shape: Shape, theory: Theory, spin: int) -> Integrals:
    n_ao, n_block = shape.n_ao, grid_blocks(shape)
    n_pair, spins = n_ao * (n_ao + 1) // 2, (2,) if spin else ()
    matrix, count = jnp.zeros((n_ao, n_ao)), jnp.zeros((), int)
    kinds = exchange_kinds(theory.xc)
    if theory.coulomb == "exact":
        whole = jnp.zeros((n_pair, n_pair))
        coulomb = ExactCoulomb(whole)
        exchange = [ExactExchange(whole, *kind) for kind in kinds]
    else:
        coulomb = FittedCoulomb(jnp.zeros((shape.n_aux, n_pair)))
        unpacked = jnp.zeros((*aux_blocks(shape), n_ao, n_ao))
        exchange = [FittedExchange(unpacked, count, *kind) for kind in kinds]
    by_shell = jnp.zeros(shape.n_shell, "int32")
    return Integrals(
        overlap=matrix,
        h_core=matrix,
        dm_guess=jnp.zeros((*spins, n_ao, n_ao)),
        occupation=jnp.zeros((*spins, shape.n_occ)),
        coulomb=coulomb,
        exchange=tuple(exchange),
        grid_ao=jnp.zeros((n_block[0], 4, n_block[1], n_ao)),
        grid_weights=jnp.zeros(n_block),
        grid_count=count,
        e_nuc=jnp.zeros(()),
        positions=jnp.zeros((shape.n_atom, 3)),
        shells=Shells(*5 * [by_shell], jnp.zeros(n_ao, "int32"), shape.widest),
        xc=theory.xc,
    )


def shapes_of(tree: PyTree) -> PyTree:
    """The same tree with shapes for its arrays."""

    def shape(leaf):
        is_array = isinstance(leaf, jax.Array)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if is_array else leaf

    return jax.tree.map(shape, tree)
