"""One training step: a gradient for each geometry of a batch, the harmful ones left out."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.qpt.guard import objection
from qptlab.qpt.losses import Term, loss
from qptlab.qpt.network import Network
from qptlab.qpt.sample import Sample
from qptlab.qpt.state import TrainState, update


class Geometry(NamedTuple):
    """Training geometry number `index`, prepared."""

    index: int
    sample: Sample


@dataclass(frozen=True)
class Step:
    """What came of a batch.

    Attributes:
        loss, energy: means over the geometries that were used; NaN where none was.
        gradient_norm: their median; None where none was used.
        skipped: why the others were not; one sentence each.
    """

    loss: float
    energy: float
    gradient_norm: float | None
    skipped: tuple[str, ...]


def train_step(
    state: TrainState,
    batch: list[Geometry],
    terms: tuple[Term, ...],
    weights: Float[Array, " term"],
    usual_norm: float,
    lr: float,
) -> tuple[TrainState, Step]:
    """The state after one update, or after none where every gradient would do harm.

    Args:
        terms, weights: of the loss.
        usual_norm: of a gradient, to recognise an absurd one by.
    """
    used, slopes, skipped = [], [], []
    for index, geometry in batch:
        *numbers, slope = gradient(state.model, geometry, terms, weights)
        value, energy, norm = map(float, numbers)
        wrong = objection(index, value, norm, usual_norm)
        if wrong is not None:
            skipped.append(wrong)
            continue
        used.append((value, energy, norm))
        slopes.append(slope)
    after = jax.block_until_ready(update(state, tuple(slopes), jnp.asarray(lr)))
    values, energies, norms = np.array(used).T if used else (np.array([np.nan]),) * 3
    median = float(np.median(norms)) if used else None
    return after, Step(float(values.mean()), float(energies.mean()), median, tuple(skipped))


@jit
def gradient(
    network: Network, geometry: Sample, terms: tuple[Term, ...], weights: Float[Array, " term"]
) -> tuple:
    """Loss, energy of the unrefined prediction, norm of the gradient, and the gradient itself."""
    value_and_grad = eqx.filter_value_and_grad(loss, has_aux=True)
    (value, energy), slope = value_and_grad(network, geometry, terms, weights)
    return value, energy, optax.tree.norm(slope), slope
