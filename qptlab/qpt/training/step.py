"""One training step: a gradient for each geometry of a batch, the harmful ones left out.

Harmful are gradients that are not finite, or far larger than is usual in this run.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from qptlab.dft.compiling import in_background, jit
from qptlab.dft.outlines import outline_of, shapes_of
from qptlab.dft.structures import is_array
from qptlab.molecule import Molecule
from qptlab.qpt.labels import Label
from qptlab.qpt.losses import Loss, Term, loss
from qptlab.qpt.networks.base import Network
from qptlab.qpt.prepared import NetworkInputs, outline_of_build
from qptlab.qpt.training.state import TrainState, update
from qptlab.types import Scalar

ABSURD = 100.0
"""Times the usual gradient norm at which a geometry is left out."""
LOOK_BACK, FEWEST = 50, 10
"""Steps whose median norm is the usual one, and how many there must be to judge by."""


class Drawn(NamedTuple):
    """Training geometry number `index` as its loss needs it; `kind` names its molecule."""

    index: int
    kind: str
    inputs: NetworkInputs
    label: Label | None


@dataclass(frozen=True)
class Step:
    """What came of a batch.

    Attributes:
        loss, energy: means over the geometries that were used; NaN where none was.
        gradient_norms: {kind of molecule: their median}, per electron.
        skipped: why the others were not; one sentence each.
    """

    loss: float
    energy: float
    gradient_norms: dict[str, float]
    skipped: tuple[str, ...]


def train_step(
    state: TrainState,
    batch: list[Drawn],
    terms: tuple[Term, ...],
    weights: Float[Array, " term"],
    usual_norms: dict[str, float],
    lr: float,
) -> tuple[TrainState, Step]:
    """The state after one update, or after none where every gradient would do harm.

    Args:
        terms, weights: of the loss.
        usual_norms: of a gradient, for each kind in the batch, to recognise an absurd one by.
    """
    used, norms, slopes, skipped = [], defaultdict(list), [], []
    for index, kind, inputs, label in batch:
        *numbers, slope = gradient(state.model, inputs, terms, weights, label)
        value, energy, norm = map(float, numbers)
        wrong = objection(index, value, norm, usual_norms[kind])
        if wrong is not None:
            skipped.append(wrong)
            continue
        used.append((value, energy))
        norms[kind].append(norm)
        slopes.append(slope)
    after = jax.block_until_ready(update(state, tuple(slopes), jnp.asarray(lr)))
    value, energy = np.mean(used, axis=0).tolist() if used else (np.nan, np.nan)
    medians = {kind: float(np.median(those)) for kind, those in norms.items()}
    return after, Step(value, energy, medians, tuple(skipped))


@jit
def gradient(
    network: Network,
    inputs: NetworkInputs,
    terms: tuple[Term, ...],
    weights: Float[Array, " term"],
    label: Label | None = None,
) -> tuple[Scalar, Scalar, Scalar, Network]:
    """Loss, energy of the unrefined prediction, norm of the gradient per electron, and that itself.

    Per electron, because energies grow with the molecule: among molecules of many sizes the
    largest would be all that is learned.
    """
    value_and_grad = eqx.filter_value_and_grad(loss, has_aux=True)
    (value, energy), slope = value_and_grad(network, inputs, terms, weights, label)
    per_electron = 1 / inputs.n_electrons
    slope = jax.tree.map(lambda leaf: per_electron.astype(leaf.dtype) * leaf, slope)
    return value, energy, optax.tree.norm(slope), slope


def compile_meanwhile(state: TrainState, chosen: Loss, batch: int, of: Molecule) -> None:
    """Compile in threads what a step takes, before there is a geometry to take it with.

    Args:
        of: a geometry of the kind. The gradient of a loss with labels is left for the first step.
    """
    known, one = shapes_of(state), jax.ShapeDtypeStruct((), np.float64)
    slope = eqx.filter(known.model, lambda leaf: is_array(leaf) and leaf.dtype.kind == "f")
    in_background(partial(update.ahead, known, (slope,) * batch, one))
    if not chosen.supervised:
        prepared = outline_of_build(outline_of(of, state.model.theory), plain_energy=True)
        weights = jax.ShapeDtypeStruct((len(chosen.terms),), np.float64)
        in_background(partial(gradient.ahead, known.model, prepared, chosen.terms, weights, None))


def usual_norm(newest_first: Iterable[dict[str, float]], kind: str) -> float:
    """The median of a molecule's last gradient norms; infinite while there are too few.

    Each molecule has its own: a large one that is seldom met is no accident.

    Args:
        newest_first: {molecule: norm} of the steps so far, read as far back as it takes.
        kind: the molecule.
    """
    met = (norms[kind] for norms in newest_first if kind in norms)
    known = list(islice(met, LOOK_BACK))
    return float(np.median(known)) if len(known) >= FEWEST else math.inf


def objection(index: int, loss: float, norm: float, usual: float) -> str | None:
    """Why training geometry number `index` is left out, in one sentence; None where it is not."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        return f"training geometry {index}: loss {loss:.3g} with a gradient of norm {norm:.3g}"
    if norm > ABSURD * usual:
        return f"training geometry {index}: gradient {norm / usual:.0f} times the usual one"
    return None
