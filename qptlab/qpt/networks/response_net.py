"""The small network behind an `XcResponse`, and what it and `BlockQPT` know of kinds of shells."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from qptlab.dft.shells import Shells
from qptlab.qpt.networks.base import SINGLE, rows
from qptlab.qpt.prepared import MATRICES
from qptlab.qpt.shell_blocks import n_invariants
from qptlab.qpt.xc_response import CHANGES

SCALE = 0.1
"""Of the factors: optimisers take steps of one size, which would be too large for these."""
N_ELEMENTS, N_L, N_INDEX = 119, 4, 32
"""Rows of the embeddings: for a shell's element, its l and its number."""


class ResponseNet(eqx.Module):
    """Factors, for every change, from the invariants of a pair of shells and of either shell.

    It shares nothing with the network that predicts ΔF: one may be trained without harm to the
    other. Weights are float32. The last layer starts at zero: untrained, nothing responds.
    """

    elements: eqx.nn.Embedding
    angular: eqx.nn.Embedding
    index: eqx.nn.Embedding
    shell_in: eqx.nn.Linear
    head: eqx.nn.MLP

    def __init__(self, width: int, *, key: PRNGKeyArray):
        keys, n_features = jax.random.split(key, 5), n_invariants(len(MATRICES))
        self.elements = eqx.nn.Embedding(N_ELEMENTS, width, key=keys[0], dtype=SINGLE)
        self.angular = eqx.nn.Embedding(N_L, width, key=keys[1], dtype=SINGLE)
        self.index = eqx.nn.Embedding(N_INDEX, width, key=keys[2], dtype=SINGLE)
        self.shell_in = eqx.nn.Linear(n_features, width, key=keys[3], dtype=SINGLE)
        wide = n_features + 2 * width
        head = eqx.nn.MLP(wide, len(CHANGES), 2 * width, 1, jax.nn.silu, key=keys[4], dtype=SINGLE)
        last = jax.tree.map(jnp.zeros_like, head.layers[-1])
        self.head = eqx.tree_at(lambda mlp: mlp.layers[-1], head, last)

    def __call__(
        self, features: Float[Array, "shell shell feature"], shells: Shells
    ) -> Float[Array, "shell shell change"]:
        """Symmetric where the features are."""
        own = jnp.einsum("aaf->af", features)
        kind = embedded(shells, self.elements, self.angular, self.index)
        shell = jax.nn.silu(kind + rows(self.shell_in, own))
        either = [shell[:, None] + shell[None], shell[:, None] * shell[None]]
        return SCALE * rows(self.head, jnp.concatenate([features, *either], axis=-1))


def embedded(shells: Shells, *tables: eqx.nn.Embedding) -> Float[Array, "shell token"]:
    """What kind of shell a shell is: the sum of its vectors for element, l and number."""
    kinds = (shells.number, shells.l, shells.index)
    return sum(table.weight[kind] for table, kind in zip(tables, kinds, strict=True))
