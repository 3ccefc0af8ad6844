"""BlockQPT: a transformer over shells whose Fock matrix rotates with the molecule."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.descriptions import built, is_whole
from qptlab.qpt.networks.base import MUON_LR, SINGLE, Network, checked, register, rows, run_layers
from qptlab.qpt.networks.response_net import N_ELEMENTS, N_INDEX, N_L, ResponseNet, embedded
from qptlab.qpt.prepared import MATRICES, NetworkInputs
from qptlab.qpt.shell_blocks import cut, damp, invariants, n_invariants, scale_blocks
from qptlab.qpt.xc_response import XcResponse
from qptlab.theory import Theory, parse_theory
from qptlab.types import Matrix, ShellPairs, ShellTokens

VERSION = 3
"""Changes with what weights of one shape mean. 1: blocks scaled by their weights as they are; 2: ΔF
added to F0, not to its screened form."""
RESPONSE_WIDTH = 32
"""Of the response's own network, where it is added to one without."""
LARGEST_SIZE = 2**14
"""Of every width and number: a matrix of that many rows and columns takes 1 GiB."""
FARTHEST = 12.0
"""Distances (bohr) are resolved up to here."""


@dataclass(frozen=True)
class BlockSizes:
    """Widths of the token and pair tracks, layers, attention heads, distance Gaussians; width of
    the response's own network, 0 for none."""

    token: int = 64
    pair: int = 32
    layers: int = 3
    heads: int = 4
    distances: int = 12
    response: int = 0

    def __post_init__(self):
        least = {"distances": 2, "response": 0}
        for name, size in asdict(self).items():
            if not is_whole(size, least.get(name, 1), LARGEST_SIZE):
                raise InputError(
                    f"network sizes must be positive whole numbers, at most {LARGEST_SIZE}; "
                    f"got {name} {quoted(size)}"
                )
        if self.token % self.heads:
            raise InputError(f"token width {self.token} is not a multiple of {self.heads} heads")


class Layer(eqx.Module):
    """Attention between shells, biased by the pair track, then an update of both tracks.

    The pair track is symmetric in its two shells before and after.
    """

    norm_attention: eqx.nn.LayerNorm
    norm_mlp: eqx.nn.LayerNorm
    norm_pair: eqx.nn.LayerNorm
    qkv: eqx.nn.Linear
    bias: eqx.nn.Linear
    out: eqx.nn.Linear
    mlp: eqx.nn.MLP
    token_to_pair: eqx.nn.Linear
    pair_in: eqx.nn.Linear
    pair_out: eqx.nn.Linear
    heads: int = eqx.field(static=True)

    def __init__(self, token: int, pair: int, heads: int, key: PRNGKeyArray):
        keys = jax.random.split(key, 7)
        self.norm_attention = eqx.nn.LayerNorm(token, dtype=SINGLE)
        self.norm_mlp = eqx.nn.LayerNorm(token, dtype=SINGLE)
        self.norm_pair = eqx.nn.LayerNorm(pair, dtype=SINGLE)
        self.qkv = eqx.nn.Linear(token, 3 * token, use_bias=False, key=keys[0], dtype=SINGLE)
        self.bias = eqx.nn.Linear(pair, heads, use_bias=False, key=keys[1], dtype=SINGLE)
        self.out = eqx.nn.Linear(token, token, key=keys[2], dtype=SINGLE)
        self.mlp = eqx.nn.MLP(token, token, 2 * token, 1, jax.nn.silu, key=keys[3], dtype=SINGLE)
        self.token_to_pair = eqx.nn.Linear(token, 3 * pair, key=keys[4], dtype=SINGLE)
        self.pair_in = eqx.nn.Linear(pair, pair, key=keys[5], dtype=SINGLE)
        self.pair_out = eqx.nn.Linear(pair, pair, key=keys[6], dtype=SINGLE)
        self.heads = heads

    def __call__(
        self, tokens: ShellTokens, pairs: ShellPairs, real: Bool[Array, " shell"]
    ) -> tuple[ShellTokens, ShellPairs]:
        normed = rows(self.norm_pair, pairs)
        tokens = tokens + self._attend(rows(self.norm_attention, tokens), normed, real)
        tokens = tokens + rows(self.mlp, rows(self.norm_mlp, tokens))
        summed, factor, gate = jnp.split(rows(self.token_to_pair, tokens), 3, axis=-1)
        hidden = rows(self.pair_in, normed) + summed[:, None] + summed[None]
        hidden = jax.nn.silu(hidden + factor[:, None] * factor[None])
        hidden = hidden * jax.nn.sigmoid(gate[:, None] + gate[None])
        return tokens, pairs + rows(self.pair_out, hidden)

    def _attend(
        self, tokens: ShellTokens, pairs: ShellPairs, real: Bool[Array, " shell"]
    ) -> ShellTokens:
        query, key, value = (
            part.reshape(len(tokens), self.heads, -1)
            for part in jnp.split(rows(self.qkv, tokens), 3, axis=-1)
        )
        scores = jnp.einsum("qhd,khd->qkh", query, key) / math.sqrt(query.shape[-1])
        # softmax over keys: each shell's weights add up to one, those of no shell are zero
        scores = jnp.where(real[:, None], scores + rows(self.bias, pairs), -jnp.inf)
        weights = jax.nn.softmax(scores, axis=1)
        mixed = jnp.einsum("qkh,khd->qhd", weights, value)
        return rows(self.out, mixed.reshape(tokens.shape))


@register("block")
class BlockQPT(Network):
    """Predicts ΔF, the correction to the screened first Fock matrix, as scaled known blocks.

    ΔF_ab = Σ_k g_k(a, b) A_k,ab/(1 + |A_k,ab|) for every pair of shells (a, b), with the matrices
    A_k of `KnownMatrices` and scalars g_k that depend on rotation invariants only. A scalar
    times a block turns as the block does, so the prediction turns with the molecule. The last
    layer starts at zero: an untrained network changes nothing.

    A second, smaller network may predict the `XcResponse` that refining iterations use, see
    `with_response_net`.

    Weights are float32; ΔF leaves as float64.
    """

    elements: eqx.nn.Embedding
    angular: eqx.nn.Embedding
    index: eqx.nn.Embedding
    token_in: eqx.nn.Linear
    pair_in: eqx.nn.MLP
    layers: Layer
    norm: eqx.nn.LayerNorm
    head: eqx.nn.MLP
    response: ResponseNet | None
    optimiser: ClassVar[str] = "muon"
    usual_lr: ClassVar[float] = MUON_LR
    sizes: BlockSizes = eqx.field(static=True)
    theory: Theory = eqx.field(static=True)
    made_for: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self, sizes: BlockSizes, theory: Theory, elements: tuple[str, ...], *, key: PRNGKeyArray
    ):
        token, pair, heads = sizes.token, sizes.pair, sizes.heads
        keys = jax.random.split(key, 6 + sizes.layers)
        n_features = n_invariants(len(MATRICES))
        self.elements = eqx.nn.Embedding(N_ELEMENTS, token, key=keys[0], dtype=SINGLE)
        self.angular = eqx.nn.Embedding(N_L, token, key=keys[1], dtype=SINGLE)
        self.index = eqx.nn.Embedding(N_INDEX, token, key=keys[2], dtype=SINGLE)
        self.token_in = eqx.nn.Linear(n_features, token, key=keys[3], dtype=SINGLE)
        self.pair_in = eqx.nn.MLP(
            n_features + sizes.distances, pair, 2 * pair, 1, jax.nn.silu, key=keys[4], dtype=SINGLE
        )
        self.layers = eqx.filter_vmap(lambda k: Layer(token, pair, heads, k))(keys[6:])
        self.norm = eqx.nn.LayerNorm(pair, dtype=SINGLE)
        head = eqx.nn.MLP(pair, len(MATRICES), 2 * pair, 1, jax.nn.silu, key=keys[5], dtype=SINGLE)
        last = jax.tree.map(jnp.zeros_like, head.layers[-1])
        self.head = eqx.tree_at(lambda mlp: mlp.layers[-1], head, last)
        own_key = jax.random.fold_in(key, 1)
        self.response = ResponseNet(sizes.response, key=own_key) if sizes.response else None
        self.sizes, self.theory, self.made_for = sizes, theory, elements

    @classmethod
    def create(
        cls,
        molecules: Molecule | Sequence[Molecule],
        theory: str | Theory,
        *,
        seed: int = 0,
        **sizes: int,
    ) -> "BlockQPT":
        """An untrained network for the elements of a molecule, or of several, at a level of theory.

        Args:
            theory: for example "pbe/def2-svp".
            sizes: fields of `BlockSizes`.

        Raises:
            InputError: a molecule and theory that cannot be computed, or unpaired electrons.

        >>> from qptlab import BlockQPT, molecule
        >>> BlockQPT.create(molecule("water"), "pbe/def2-svp")
        BlockQPT(pbe/def2-svp, elements H O, 153 k weights)
        """
        theory, elements = checked(molecules, theory)
        return cls(BlockSizes(**sizes), theory, elements, key=jax.random.key(seed))

    def describe(self) -> dict:
        """Its sizes, and what its weights mean."""
        return {"version": VERSION, "sizes": asdict(self.sizes)}

    @classmethod
    def from_description(
        cls, described: dict, theory: Theory, elements: tuple[str, ...]
    ) -> "BlockQPT":
        """A network of the described sizes with arbitrary weights.

        Raises:
            InputError: a description by a qptlab whose weights meant something else.
        """
        version = described.get("version", 1)
        if version != VERSION:
            raise InputError(
                f"these are weights of BlockQPT version {quoted(version)}, and this qptlab has "
                f"version {VERSION}, in which they mean something else; train again"
            )
        sizes = built(BlockSizes, described.get("sizes"), "sizes")
        return cls(sizes, theory, elements, key=jax.random.key(0))

    def moved_to(self, theory: str | Theory) -> "BlockQPT":
        """The same weights for another level of theory: a start for training, not a result."""
        described = self.describe()
        other = BlockQPT.from_description(described, parse_theory(theory), self.made_for)
        weights, (empty, rest) = eqx.filter(self, eqx.is_array), eqx.partition(other, eqx.is_array)
        moved = jax.tree.unflatten(jax.tree.structure(empty), jax.tree.leaves(weights))
        return eqx.combine(moved, rest)

    def __call__(self, inputs: NetworkInputs) -> Matrix:
        """ΔF (ao, ao), symmetric, hartree, to be added to `inputs.start`."""
        shells, matrices = inputs.shells, inputs.matrices.stacked
        blocks = cut(matrices, shells)
        features = invariants(blocks, shells).astype(SINGLE)
        kind = embedded(shells, self.elements, self.angular, self.index)
        tokens = kind + rows(self.token_in, jnp.einsum("aaf->af", features))
        atom = shells.atom
        distances = _distance_features(inputs.positions, self.sizes.distances).astype(SINGLE)
        pairs = jnp.concatenate([features, distances[atom[:, None], atom[None]]], axis=-1)
        carry = tokens, rows(self.pair_in, pairs)
        _, pairs = run_layers(self.layers, carry, lambda layer, x: layer(*x, shells.real))
        weights = rows(self.head, rows(self.norm, pairs)).astype(matrices.dtype)
        return scale_blocks(weights * damp(blocks), matrices, shells)

    def with_response_net(self, seed: int = 0) -> "BlockQPT":
        """Itself with an untrained `ResponseNet`, unless it has one."""
        if self.response is not None:
            return self
        sizes = replace(self.sizes, response=RESPONSE_WIDTH)
        other = BlockQPT(sizes, self.theory, self.made_for, key=jax.random.key(seed))
        return eqx.tree_at(_all_but_response, other, _all_but_response(self))

    def xc_response(self, inputs: NetworkInputs) -> XcResponse | None:
        """How exchange and correlation respond to a change of density, for refining iterations."""
        if self.response is None:
            return None
        shells, matrices = inputs.shells, inputs.matrices.stacked
        features = invariants(cut(matrices, shells), shells).astype(SINGLE)
        factors = self.response(features, shells).astype(matrices.dtype)
        return XcResponse(factors, inputs.start, inputs.matrices.vxc)


def _all_but_response(network: BlockQPT) -> list[eqx.Module]:
    parts = [f.name for f in fields(network) if not f.metadata.get("static")]
    return [getattr(network, name) for name in parts if name != "response"]


def _distance_features(positions: Float[Array, "atom 3"], count: int) -> Array:
    """(atom, atom, count): Gaussians of the distance, on centres up to `FARTHEST`."""
    vectors = positions[:, None] - positions[None]
    distance = jnp.sqrt(jnp.sum(vectors * vectors, axis=-1) + 1e-12)
    centres = jnp.linspace(0.0, FARTHEST, count)
    width = FARTHEST / (count - 1)
    return jnp.exp(-(((distance[..., None] - centres) / width) ** 2))
