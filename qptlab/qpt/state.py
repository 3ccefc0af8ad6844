"""What training changes: weights, the optimiser's memory and the step count."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from qptlab.dft.compiling import jit
from qptlab.qpt.network import Network

GRADIENT_SCALE = 1e3
"""Losses are in hartree and end near 1e-5: without this Adam's epsilon would slow the last mile."""


class TrainState(eqx.Module):
    """A checkpoint is this, plus the settings."""

    model: Network
    opt_state: optax.OptState
    step: Int[Array, ""]


def optimiser() -> optax.GradientTransformation:
    """Adam over all weights as one vector."""
    return optax.flatten(optax.scale_by_adam(b1=0.9, b2=0.95))


def first_state(model: Network) -> TrainState:
    """The state before the first step."""
    weights = eqx.filter(model, eqx.is_inexact_array)
    return TrainState(model, optimiser().init(weights), jnp.zeros((), dtype=jnp.int32))


@jit
def update(state: TrainState, gradients: tuple, lr: Float[Array, ""]) -> TrainState:
    """One step along the mean of the gradients, one for each geometry of the batch.

    Without any, the weights stay and only the step is counted.
    """
    if not gradients:
        return eqx.tree_at(lambda s: s.step, state, state.step + 1)
    mean = jax.tree.map(lambda *g: GRADIENT_SCALE * sum(g) / len(g), *gradients)
    direction, opt_state = optimiser().update(mean, state.opt_state)
    changes = jax.tree.map(lambda d: (-lr * d).astype(d.dtype), direction)
    return TrainState(eqx.apply_updates(state.model, changes), opt_state, state.step + 1)
