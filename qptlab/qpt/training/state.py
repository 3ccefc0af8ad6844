"""What training changes: weights, the optimiser's memory and the step count."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int
from optax.contrib import MuonDimensionNumbers, scale_by_muon

from qptlab.dft.compiling import jit
from qptlab.errors import InputError, quoted
from qptlab.qpt.networks.base import Network

THIN = 8
"""A matrix with fewer rows or columns is left to Adam."""
GRADIENT_SCALE = 1e4
"""Of gradients in hartree per electron: errors end near 1e-6, where without it Adam's epsilon would
slow the last mile."""


class TrainState(eqx.Module):
    """A checkpoint is this, plus the settings."""

    model: Network
    opt_state: optax.OptState
    step: Int[Array, ""]


def optimiser(kind: str) -> optax.GradientTransformation:
    """The optimiser of a network, see `Network.optimiser`.

    "adam" takes all weights as one vector. "muon" makes the momentum of each weight matrix
    orthogonal, so that no direction is left behind, and is Adam for vectors and thin matrices.

    Source: Kingma, Ba, ICLR 2015; Jordan et al., Muon (2024), as in optax.

    Raises:
        InputError: neither.
    """
    adam = optax.scale_by_adam(b1=0.9, b2=0.95)
    if kind == "adam":
        return optax.flatten(adam)
    if kind == "muon":
        muon = scale_by_muon(weight_dimension_numbers=partial(jax.tree.map, _rows_and_columns))
        return optax.partition({"matrix": muon, "other": adam}, partial(jax.tree.map, _shape))
    raise InputError(f"unknown optimiser {quoted(kind)}; known: adam, muon")


def _shape(weight: Array) -> str:
    return "matrix" if weight.ndim > 1 and min(weight.shape[-2:]) >= THIN else "other"


def _rows_and_columns(weight: Array) -> MuonDimensionNumbers:
    """The last two axes; one before them counts layers."""
    return MuonDimensionNumbers(weight.ndim - 1, weight.ndim - 2)


def first_state(model: Network) -> TrainState:
    """The state before the first step."""
    weights = eqx.filter(model, eqx.is_inexact_array)
    memory = jax.jit(optimiser(model.optimiser).init)(weights)  # else a program for each array
    return TrainState(model, memory, jnp.zeros((), dtype=jnp.int32))


@jit
def update(state: TrainState, gradients: tuple, lr: Float[Array, ""]) -> TrainState:
    """One step along the mean of the gradients, one for each geometry of the batch.

    Without any, the weights stay and only the step is counted.
    """
    if not gradients:
        return eqx.tree_at(lambda s: s.step, state, state.step + 1)
    mean = jax.tree.map(lambda *g: GRADIENT_SCALE * sum(g) / len(g), *gradients)
    direction, opt_state = optimiser(state.model.optimiser).update(mean, state.opt_state)
    changes = jax.tree.map(lambda d: (-lr * d).astype(d.dtype), direction)
    return TrainState(eqx.apply_updates(state.model, changes), opt_state, state.step + 1)
