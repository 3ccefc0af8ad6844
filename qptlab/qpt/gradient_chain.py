"""Backpropagation through DFT, one link after the other: E → D → F → ΔF → the weights.

A prediction runs θ → ΔF → F = start + ΔF → D → E; its derivative runs back along the same links,
each of which multiplies what arrives by its own derivative (a vector–Jacobian product, `jax.vjp`).
Training does the same in one go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsIndex

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from qptlab.dft.compiling import jit
from qptlab.dft.density import density_from_fock
from qptlab.dft.energy import energy, energy_and_fock
from qptlab.dft.ladder import filled_up, of_molecule
from qptlab.dft.shells import Shells
from qptlab.errors import InputError, quoted
from qptlab.qpt.losses import loss, parse_loss
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import Proposal, refine
from qptlab.qpt.prepared import Prepared
from qptlab.qpt.runs.weights import named_leaves

LINKS = ("dm", "fock", "delta_fock")
"""The matrices between the energy and the weights, in the order of backpropagation."""

STEP = 1e-4
"""Of a finite difference: small enough for its h² error, large enough for the energy's digits."""
ROUNDING = 3e-15
"""An energy's last digits, as a share of it: a sum over thousands of grid points."""
SINGLE_ROUNDING = 5e-6, 1e-6
"""What float32 leaves uncertain in a weight's derivative: shares of itself and of its array's
largest."""

_energy, _loss, _refine = jit(energy), jit(loss), jit(refine)


@dataclass(frozen=True, eq=False)
class GradientChain:
    """The unrefined energy E of a network's prediction, and its derivative at every link.

    Every derivative has the shape of what it is taken by. Those by symmetric matrices are
    symmetric: dE = Σ_μν (∂E/∂X)_μν dX_μν.

    Attributes:
        energy: E[D] of the unrefined prediction, hartree.
        dm, fock, delta_fock: D in electrons, F = start + ΔF and ΔF in hartree, (ao, ao) each.
        d_dm: ∂E/∂D, hartree: the Fock matrix F[D] of that density.
        d_fock: ∂E/∂F, hartree per hartree: what D's own derivative over occupied–virtual pairs
            makes of ∂E/∂D.
        d_delta_fock: equal to ∂E/∂F, for F is a sum and `start` does not depend on the network.
        weights, d_weights: by name (as in a weights file); ∂E/∂θ in hartree, weights have no unit.
    """

    energy: float
    dm: np.ndarray
    fock: np.ndarray
    delta_fock: np.ndarray
    d_dm: np.ndarray
    d_fock: np.ndarray
    d_delta_fock: np.ndarray
    weights: Mapping[str, np.ndarray]
    d_weights: Mapping[str, np.ndarray]
    shells: Shells

    def value(self, name: str) -> np.ndarray:
        """A link of `LINKS`, or the weights of this name."""
        return getattr(self, name) if name in LINKS else self.weights[self._known(name)]

    def slope(self, name: str) -> np.ndarray:
        """The derivative of E by that."""
        return getattr(self, f"d_{name}") if name in LINKS else self.d_weights[self._known(name)]

    def norms(self) -> dict[str, float]:
        """√Σ of the squares of each derivative, by name, in the order of backpropagation."""
        names = (*LINKS, *self.d_weights)
        return {name: float(np.linalg.norm(self.slope(name))) for name in names}

    def _known(self, name: str) -> str:
        if name not in self.weights:
            known = ", ".join((*LINKS, *self.weights))
            raise InputError(f"there is no derivative by {quoted(name)}; known: {known}")
        return name


def gradient_chain(model: Network, prepared: Prepared) -> GradientChain:
    """What backpropagation carries from the unrefined energy to the weights, link by link.

    ∂E/∂D = F[D];  ∂E/∂F = (∂D/∂F)ᵀ ∂E/∂D;  ∂E/∂ΔF = ∂E/∂F;  ∂E/∂θ = (∂ΔF/∂θ)ᵀ ∂E/∂ΔF.

    Divided by the number of electrons, ∂E/∂θ is the gradient that training with the loss
    "energy" takes a step along; other losses have other gradients.

    >>> import qptlab as ql
    >>> from qptlab.dft import integrals
    >>> from qptlab.qpt.prepared import first_build
    >>> water = ql.molecule("water")
    >>> model = ql.BlockQPT.create(water, "lda/sto-3g")
    >>> chain = gradient_chain(model, first_build(integrals(water, model.theory)))
    >>> bool(abs(chain.d_delta_fock - chain.d_fock).max() == 0)
    True
    """
    energy_, values, slopes, d_model = _backpropagate(model, prepared)
    shells = prepared.integrals.shells
    values, slopes = ([of_molecule(m, shells) for m in matrices] for matrices in (values, slopes))
    return GradientChain(
        energy=float(energy_),
        **dict(zip(LINKS, values, strict=True)),
        **{f"d_{name}": slope for name, slope in zip(LINKS, slopes, strict=True)},
        weights=_named(model),
        d_weights=_named(d_model),
        shells=shells,
    )


@jit
def _backpropagate(model: Network, prepared: Prepared) -> tuple:
    """E; the links; ∂E by each; ∂E/∂θ, in the shape of the network."""
    ints = prepared.integrals
    # forwards, keeping of each link the way back
    delta_fock, through_network = eqx.filter_vjp(lambda network: network(prepared), model)
    fock, through_sum = jax.vjp(lambda delta: prepared.start + delta, delta_fock)
    dm, through_orbitals = jax.vjp(
        lambda fock: density_from_fock(fock, ints.overlap, ints.occupation), fock
    )
    terms, d_dm = energy_and_fock(dm, ints)
    # backwards
    (d_fock,) = through_orbitals(d_dm)
    (d_delta_fock,) = through_sum(d_fock)
    (d_model,) = through_network(d_delta_fock)
    return terms.total, (dm, fock, delta_fock), (d_dm, d_fock, d_delta_fock), d_model


@dataclass(frozen=True)
class FiniteDifference:
    """One derivative twice: by backpropagation, and by a central difference.

    Attributes:
        analytic, numerical: both, in the unit of the derivative.
        step: h, in the unit of what is varied.
        uncertainty: how far off the two may be for reasons known: the difference's own h² error
            and the rounding of energies (of weights also that of float32).
    """

    name: str
    index: tuple[int, ...]
    analytic: float
    numerical: float
    step: float
    uncertainty: float

    @property
    def difference(self) -> float:
        """|analytic − numerical|."""
        return abs(self.analytic - self.numerical)

    @property
    def relative(self) -> float:
        """The difference as a share of the larger of the two; 0 where both are zero."""
        largest = max(abs(self.analytic), abs(self.numerical))
        return self.difference / largest if largest else 0.0

    @property
    def agree(self) -> bool:
        """Whether the difference is no larger than the known reasons explain."""
        return self.difference <= self.uncertainty


def finite_difference(
    model: Network,
    prepared: Prepared,
    name: str,
    index: tuple[SupportsIndex, ...],
    h: float = STEP,
    chain: GradientChain | None = None,
) -> FiniteDifference:
    """Compare an element of a derivative with (E(+h) − E(−h))/2h.

    A matrix is varied symmetrically, half of h in element (μ, ν) and half in (ν, μ): then the
    slope is the element itself. For a weight the network is evaluated in float64, in which the
    small differences of E survive; the derivative is that of the float32 network being trained.

    Args:
        name: "dm", "fock", "delta_fock" or the name of a weight.
        index: of the element.
        h: the step, in the unit of what is varied.
        chain: of this model and prepared, if already at hand.

    Raises:
        InputError: no such derivative or element, or a step that is not above zero.
    """
    chain = gradient_chain(model, prepared) if chain is None else chain
    value, slope = chain.value(name), chain.slope(name)
    index, h = tuple(map(int, index)), float(h)
    sides = zip(index, value.shape, strict=False)
    if len(index) != value.ndim or not all(0 <= i < n for i, n in sides):
        raise InputError(f"{name} has the shape {value.shape}; there is no element {index}")
    if not 0 < h < np.inf:
        raise InputError(f"step {quoted(h)}; expected a number above 0")
    direction = np.zeros(value.shape)
    direction[index] = 1.0
    if name in LINKS:
        direction = (direction + direction.T) / 2

    def moved(by: float) -> float:
        changed = value.astype(float) + by * direction
        if name == "dm":
            dm = filled_up(changed, len(prepared.start))
            return float(_energy(dm, prepared.integrals).total)
        if name in LINKS:
            if name == "fock":
                changed = changed - of_molecule(prepared.start, prepared.shells)
            delta_fock = filled_up(changed, len(prepared.start))
            return float(_refine(Proposal(delta_fock), prepared, 0).energy.total)
        network, as_trained = _with_weights(model, name, jnp.asarray(changed)), parse_loss("energy")
        return float(_loss(network, prepared, as_trained.terms, as_trained.weights(0.0))[1])

    near, far = ((moved(k * h) - moved(-k * h)) / (2 * k * h) for k in (1, 2))
    # the difference of the two is three times the h² error of the near one
    uncertainty = abs(far - near) + ROUNDING * abs(chain.energy) / h
    if name not in LINKS:
        own, largest = SINGLE_ROUNDING
        uncertainty += float(own * abs(slope[index]) + largest * np.abs(slope).max())
    return FiniteDifference(name, index, float(slope[index]), near, h, uncertainty)


def _with_weights(model: Network, name: str, weights: Array) -> Network:
    """The network in float64, with one array replaced."""

    def exchange(path, leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        return weights if jax.tree_util.keystr(path) == name else leaf.astype(weights.dtype)

    return jax.tree_util.tree_map_with_path(exchange, model)


def _named(tree: eqx.Module) -> dict[str, np.ndarray]:
    """Every weight array by its name, as in a weights file."""
    weights = eqx.filter(tree, eqx.is_inexact_array)
    return {name: np.asarray(leaf) for name, leaf in named_leaves(weights)}
