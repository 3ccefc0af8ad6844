"""PaperQPT: the paper's transformer over atomic orbitals, with its known flaws to switch on."""

import math
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from qptlab.dft.mol import pyscf_mol, shells_of
from qptlab.dft.shells import Shells
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.descriptions import check_type
from qptlab.qpt.networks.base import SINGLE, Network, checked, register, rows, run_layers
from qptlab.qpt.networks.orbital_inputs import (
    N_POSITION,
    known_matrices,
    position_features,
    relative,
)
from qptlab.qpt.prepared import NetworkInputs
from qptlab.theory import Theory
from qptlab.types import Matrix, OrbitalTokens, Stacked


@dataclass(frozen=True)
class PaperSizes:
    """Width of a token, layers, attention heads."""

    width: int
    layers: int
    heads: int


SIZES = {
    "tiny": PaperSizes(192, 12, 6),
    "small": PaperSizes(384, 12, 6),
    "base": PaperSizes(768, 12, 12),
    "medium": PaperSizes(1024, 24, 16),
}
FLAWS = ("softmax-over-queries", "semidefinite-head", "dropped-biases", "idle-layer")
N_MATRICES = 7


class OrbitalLayer(eqx.Module):
    """Attention between atomic orbitals biased by matrices, then a two-layer perceptron."""

    norm_attention: eqx.nn.LayerNorm
    norm_mlp: eqx.nn.LayerNorm
    qkv: eqx.nn.Linear
    bias: eqx.nn.Linear | None
    out: eqx.nn.Linear
    mlp: eqx.nn.MLP
    heads: int = eqx.field(static=True)
    over_queries: bool = eqx.field(static=True)

    def __init__(self, width: int, heads: int, flaws: tuple[str, ...], key: PRNGKeyArray):
        keys = jax.random.split(key, 4)
        self.norm_attention = eqx.nn.LayerNorm(width, dtype=SINGLE)
        self.norm_mlp = eqx.nn.LayerNorm(width, dtype=SINGLE)
        self.qkv = eqx.nn.Linear(width, 3 * width, key=keys[0], dtype=SINGLE)
        self.out = eqx.nn.Linear(width, width, key=keys[1], dtype=SINGLE)
        self.mlp = eqx.nn.MLP(width, width, 4 * width, 1, jax.nn.gelu, key=keys[2], dtype=SINGLE)
        learned = eqx.nn.Linear(N_MATRICES, heads, use_bias=False, key=keys[3], dtype=SINGLE)
        self.bias = None if "dropped-biases" in flaws else learned
        self.heads, self.over_queries = heads, "softmax-over-queries" in flaws

    def __call__(
        self, tokens: OrbitalTokens, matrices: Stacked, real: Bool[Array, " ao"]
    ) -> OrbitalTokens:
        normed = rows(self.norm_attention, tokens)
        query, key, value = (
            part.reshape(len(tokens), self.heads, -1)
            for part in jnp.split(rows(self.qkv, normed), 3, axis=-1)
        )
        weights = self.attention(query, key, matrices, real)
        mixed = jnp.einsum("hqk,khd->qhd", weights, value).reshape(tokens.shape)
        tokens = tokens + rows(self.out, mixed)
        return tokens + rows(self.mlp, rows(self.norm_mlp, tokens))

    def attention(
        self, query: Array, key: Array, matrices: Stacked, real: Bool[Array, " ao"] | None = None
    ) -> Array:
        """(head, ao, ao): how much each orbital (row) takes from each other; rows add up to one.

        With "softmax-over-queries" the columns do instead. What is not `real` has no part in that;
        by default all is.
        """
        scores = jnp.einsum("qhd,khd->hqk", query, key) / math.sqrt(query.shape[-1])
        share = _two_heads_each(self.heads) if self.bias is None else self.bias.weight
        scores = scores + jnp.einsum("hm,mqk->hqk", share, matrices)
        axis = 1 if self.over_queries else 2
        if real is not None:
            scores = jnp.where(real[:, None] if axis == 1 else real, scores, -jnp.inf)
        return jax.nn.softmax(scores, axis=axis)


@register("paper")
class PaperQPT(Network):
    """The paper's network: a transformer over atomic orbitals that predicts ΔF.

    A token is an atomic orbital: a learned vector for its element, angular momentum, shell and
    m, plus a linear map of its position along the principal axes. The attention scores of every
    layer are biased by seven matrices (h, the Gram matrix of the mapped positions, L⁻¹ h L⁻ᵀ, D0,
    JK, V_xc, F0), each divided by its largest element.

    Weights for water in def2-svp, in millions, by `size`: tiny 5.4, small 21.6, base 86.3,
    medium 304.6. The last is the paper's: its 302 M are 24 layers of 12 · 1024². What comes on top
    are the head (2.1 M), biases, norms and embeddings.

    The published code has these flaws. They are fixed here, and come back when named in `flaws`:

    - "softmax-over-queries": attention weights add up to one over the orbitals that look, not
      over those that are looked at, so how much an orbital takes in has no bound.
      Here each row adds up to one.
    - "semidefinite-head": ΔF = q qᵀ / √width has no negative eigenvalue and is large before
      training. Here ΔF = (q kᵀ + k qᵀ) / √width, with k starting at zero: untrained, it
      changes nothing.
    - "dropped-biases": matrix number i is added to heads 2i and 2i + 1, and silently to none where
      there are fewer heads: with 6 heads four of the seven matrices are lost, with 12 one.
      Here each layer learns how much of each matrix goes to each head.
    - "idle-layer": of the last layer only the query is used, as the head, so 24 layers are 23
      and 11/12 of the last one's weights are never trained (those are left out here).
      Here all layers are whole, and the head comes after them.

    One flaw stays, being the idea: nothing makes ΔF turn with the molecule. Principal axes align
    the positions only, while the matrices and ΔF are those of the turned molecule's orbitals:
    turn distorted water, and ΔF changes by more than its own norm with random weights, by a
    seventh of it after 100 training steps. L depends on the order of the atoms, and so, a little,
    does ΔF. `BlockQPT` has neither flaw.

    Weights are float32; ΔF leaves as float64.

    Source: Mathiasen et al., arXiv 2402.04030, section 3; its code, graphcore-research/pyscf-ipu.
    """

    embedding: eqx.nn.Embedding
    place: eqx.nn.Linear
    layers: OrbitalLayer
    norm: eqx.nn.LayerNorm
    query: eqx.nn.Linear
    key: eqx.nn.Linear | None
    size: str = eqx.field(static=True)
    flaws: tuple[str, ...] = eqx.field(static=True)
    orbitals: tuple[tuple[int, int], ...] = eqx.field(static=True)
    theory: Theory = eqx.field(static=True)
    made_for: tuple[str, ...] = eqx.field(static=True)
    usual_lr: ClassVar[float] = 1e-4

    def __init__(
        self,
        size: str,
        flaws: tuple[str, ...],
        orbitals: tuple[tuple[int, int], ...],
        theory: Theory,
        elements: tuple[str, ...],
        *,
        key: PRNGKeyArray,
    ):
        sizes = SIZES[size]
        width, layers = sizes.width, sizes.layers - ("idle-layer" in flaws)
        keys = jax.random.split(key, 4 + layers)
        n_kinds = sum(count for _, count in orbitals)
        self.embedding = eqx.nn.Embedding(n_kinds, width, key=keys[0], dtype=SINGLE)
        self.place = eqx.nn.Linear(N_POSITION, width, key=keys[1], dtype=SINGLE)
        self.layers = eqx.filter_vmap(lambda k: OrbitalLayer(width, sizes.heads, flaws, k))(
            keys[4:]
        )
        self.norm = eqx.nn.LayerNorm(width, dtype=SINGLE)
        self.query = eqx.nn.Linear(width, width, key=keys[2], dtype=SINGLE)
        start = eqx.nn.Linear(width, width, key=keys[3], dtype=SINGLE)
        fixed = jax.tree.map(jnp.zeros_like, start)
        self.key = None if "semidefinite-head" in flaws else fixed
        self.size, self.flaws, self.orbitals = size, flaws, orbitals
        self.theory, self.made_for = theory, elements

    @classmethod
    def create(
        cls,
        molecule: Molecule,
        theory: str | Theory,
        size: str = "tiny",
        seed: int = 0,
        flaws: tuple[str, ...] = (),
    ) -> "PaperQPT":
        """An untrained network for the elements of a molecule at a level of theory.

        Args:
            theory: for example "pbe/def2-svp".
            size: tiny, small, base or medium.
            flaws: names of flaws of the published code to bring back.

        Raises:
            InputError: a molecule and theory that cannot be computed, unpaired electrons, or an
                unknown size or flaw.

        >>> from qptlab import PaperQPT, molecule
        >>> PaperQPT.create(molecule("water"), "pbe/def2-svp")
        PaperQPT(pbe/def2-svp, elements H O, 5.4 M weights)
        """
        theory, elements = checked(molecule, theory)
        _check_names(size, flaws)
        orbitals = _orbitals_by_element(shells_of(pyscf_mol(molecule, theory)))
        return cls(size, tuple(flaws), orbitals, theory, elements, key=jax.random.key(seed))

    def describe(self) -> dict:
        """Its size, flaws, and number of orbitals by atomic number."""
        return {"size": self.size, "flaws": self.flaws, "orbitals": self.orbitals}

    @classmethod
    def from_description(
        cls, described: dict, theory: Theory, elements: tuple[str, ...]
    ) -> "PaperQPT":
        """A network of the described size with arbitrary weights."""
        size, flaws = described.get("size"), described.get("flaws")
        orbitals = described.get("orbitals")
        _check_names(size, flaws)
        check_type("orbitals", orbitals, tuple[tuple[int, ...], ...])
        known = {atomic_numbers[element] for element in elements}
        pairs = {pair[0]: pair[1] for pair in orbitals if len(pair) == 2}
        if len(pairs) != len(orbitals) or pairs.keys() != known or min(pairs.values()) < 1:
            raise InputError(
                f"orbitals are {quoted(orbitals)}; expected [atomic number, number of orbitals] "
                f"of {', '.join(elements)}"
            )
        flaws, orbitals = tuple(flaws), tuple(pairs.items())
        return cls(size, flaws, orbitals, theory, elements, key=jax.random.key(0))

    def __call__(self, inputs: NetworkInputs) -> Matrix:
        """ΔF (ao, ao), symmetric, hartree, to be added to `inputs.start`.

        As in the paper it is F0 that is corrected: screening is taken back.
        """
        return self.correction(inputs) + inputs.fock - inputs.start

    def correction(self, inputs: NetworkInputs) -> Matrix:
        """What the paper adds to F0, (ao, ao), symmetric, hartree."""
        tokens, matrices = self.embed(inputs)
        real = inputs.shells.real_ao
        tokens = run_layers(self.layers, tokens, lambda layer, x: layer(x, matrices, real))
        normed = rows(self.norm, tokens)
        query = rows(self.query, normed)
        key = query if self.key is None else rows(self.key, normed)
        product = query @ key.T / math.sqrt(query.shape[-1])
        delta = product if self.key is None else product + product.T
        return jnp.where(real[:, None] & real, delta, 0.0).astype(inputs.fock.dtype)

    def embed(self, inputs: NetworkInputs) -> tuple[OrbitalTokens, Stacked]:
        """The first tokens (ao, token), and the seven matrices (matrix, ao, ao)."""
        shells, real = inputs.shells, inputs.shells.real_ao
        features = position_features(inputs.positions, shells).astype(SINGLE)
        place = jnp.where(real[:, None], rows(self.place, features), 0.0)
        known = known_matrices(inputs).astype(SINGLE)
        gram = relative(place @ place.T)
        kinds = self.embedding.weight[_kinds(shells, self.orbitals)]
        tokens = kinds / math.sqrt(place.shape[-1]) + place
        return tokens, jnp.stack([known[0], gram, *known[1:]])


def _check_names(size: object, flaws: object) -> None:
    """Raise `InputError` for a size or a flaw that is not known."""
    if size not in tuple(SIZES):
        raise InputError(f"unknown size {quoted(size)}; known: {', '.join(SIZES)}")
    check_type("flaws", flaws, tuple[str, ...])
    if unknown := [flaw for flaw in flaws if flaw not in FLAWS]:
        raise InputError(f"unknown flaw {quoted(unknown[0])}; known: {', '.join(FLAWS)}")


def _orbitals_by_element(shells: Shells) -> tuple[tuple[int, int], ...]:
    """(atomic number, number of orbitals of one such atom) of each element."""
    number, atom = shells.number[shells.of_ao], shells.atom[shells.of_ao]
    first = {z: atom[number == z][0] for z in sorted(set(number.tolist()))}
    return tuple((int(z), int(np.sum(atom == one))) for z, one in first.items())


def _kinds(shells: Shells, orbitals: tuple[tuple[int, int], ...]) -> Int[Array, " ao"]:
    """Which learned vector; one for each element and orbital of it, in PySCF's order.

    The order within an atom goes by l, shell and m, so its number stands for all three.
    """
    n_kinds, by_number = 0, np.zeros(len(chemical_symbols), dtype=np.int32)
    for number, count in orbitals:
        by_number[number], n_kinds = n_kinds, n_kinds + count
    number, atom = shells.number[shells.of_ao], shells.atom[shells.of_ao]
    within = jnp.arange(len(atom)) - jnp.argmax(atom[:, None] == atom, axis=1)
    kinds = jnp.asarray(by_number)[number] + within
    return jnp.where(shells.real_ao, kinds, 0)


def _two_heads_each(heads: int) -> Float[Array, "head matrix"]:
    """1 where the published code adds a matrix to a head; matrices without a head are lost."""
    return jnp.asarray(np.arange(heads)[:, None] // 2 == np.arange(N_MATRICES), dtype=SINGLE)
