"""Losses that need no labels: how far a predicted density is from the one of lowest energy.

A loss is written as a sum of terms, `weight*name@refine`, for example "energy", "delta2@1" or
"energy+0.1*commutator". `@k` evaluates the term after k refining iterations, through which it is
backpropagated. "A -> B" moves the weights from those of A to those of B along the run.

`response` teaches how exchange and correlation respond (`Network.xc_response`), ΔF left as it is.

The rivals, `hamiltonian` and `coupling`, are supervised: they need labels and no DFT, see
`qptlab.qpt.supervised`.
"""

import math
import re
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Filled, Matrix
from qptlab.dft.energy import energy, energy_and_fock
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import densities
from qptlab.qpt.prepared import Prepared, without_energy
from qptlab.qpt.supervised import SUPERVISED
from qptlab.qpt.xc_response import XcResponse

Scalar = Float[Array, ""]

SMALLEST_GAP = 0.05
"""Orbital energy differences count as at least this (hartree) in `second_order_error`."""


class Point(eqx.Module):
    """A density on the way, where a loss is evaluated.

    Attributes:
        energy: total, hartree. dm, fock: D and F[D], (ao, ao); F is None where it is not needed.
    """

    energy: Scalar
    dm: Matrix
    fock: Matrix | None


def energy_error(point: Point, prepared: Prepared) -> Scalar:
    """E[D] in hartree, counted from where a network that predicts nothing stands.

    The variational principle makes the lowest energy the right one.
    """
    return point.energy - prepared.plain_energy


def second_order_error(point: Point, prepared: Prepared) -> Scalar:
    """ΔE₂ = 2 Σ_ia F_ai²/(ε_a − ε_i) ≥ 0, hartree: how far E[D] is above its minimum.

    F is F[D] in the orbitals that D fills (i) and leaves empty (a), each turned so that F is
    diagonal among them. It is to second order what a step of Newton's method with the differences
    of orbital energies would gain: zero for the converged density and of one scale for all
    molecules. How F itself responds is left out, which makes ΔE₂ too large, often by a factor of 2.

    The derivative needs none of the orbitals': ΔE₂ is the largest value of
    2 Σ [2 X F_vo − X (F_vv X − X F_oo)], and there X may stand still.

    Source: Hylleraas, Z. Phys. 65, 209 (1930), for the functional; Pople, Binkley, Seeger 1976.
    """
    overlap, n_occ = prepared.integrals.overlap, prepared.integrals.n_occ
    basis = _semicanonical(*jax.lax.stop_gradient((point.dm, point.fock, overlap)), n_occ)
    half = basis.T @ overlap
    projector = 0.5 * half @ point.dm @ half.T  # 1 on filled orbitals, 0 on empty ones
    identity = jnp.eye(len(basis))
    filled, empty = projector[:, :n_occ], (identity - projector)[:, n_occ:]
    fock = basis.T @ point.fock @ basis
    f_oo, f_vv, f_vo = filled.T @ fock @ filled, empty.T @ fock @ empty, empty.T @ fock @ filled
    gap = jnp.diagonal(f_vv)[:, None] - jnp.diagonal(f_oo)[None, :]
    x = jax.lax.stop_gradient(f_vo / jnp.maximum(gap, SMALLEST_GAP))
    return 2 * jnp.sum(x * (2 * f_vo - (f_vv @ x - x @ f_oo)))


def commutator_norm(point: Point, prepared: Prepared) -> Scalar:
    """Σ_ia F_ai², hartree²: the squared norm of the commutator FDS − SDF in orthogonal orbitals.

    Source: Pulay, J. Comput. Chem. 3, 556 (1982).
    """
    overlap = prepared.integrals.overlap
    fds = point.fock @ point.dm @ overlap
    lower = jnp.linalg.cholesky(overlap)
    half = jax.scipy.linalg.solve_triangular(lower, fds - fds.T, lower=True)
    return jnp.sum(jax.scipy.linalg.solve_triangular(lower, half.T, lower=True) ** 2) / 8


def _semicanonical(dm: Matrix, fock: Matrix, overlap: Matrix, n_occ: int) -> Matrix:
    """C (ao, mo): the filled orbitals of `dm`, then the empty, `fock` diagonal among either."""
    lower = jnp.linalg.cholesky(overlap)
    _, vectors = jnp.linalg.eigh(-lower.T @ dm @ lower)  # the filled ones first
    coeff = jax.scipy.linalg.solve_triangular(lower, vectors, lower=True, trans=1)
    parts = []
    for part in (coeff[:, :n_occ], coeff[:, n_occ:]):
        parts.append(part @ jnp.linalg.eigh(part.T @ fock @ part)[1])
    return jnp.concatenate(parts, axis=1)


TERMS = {"energy": energy_error, "delta2": second_order_error, "commutator": commutator_norm}
RESPONSE = "response"


@dataclass(frozen=True)
class Term:
    """One term of a loss: a name of `TERMS`, evaluated after `refine` refining iterations.

    Or `RESPONSE`, or one of `SUPERVISED`, evaluated for the network's own matrix.
    """

    name: str
    refine: int


@dataclass(frozen=True)
class Loss:
    """Terms with their weights at the beginning and the end of a run; from `parse_loss`."""

    terms: tuple[Term, ...]
    first: tuple[float, ...]
    last: tuple[float, ...]

    def weights(self, progress: float) -> Float[Array, " term"]:
        """The weights when this share of the run, 0 to 1, has passed."""
        first, last = jnp.asarray(self.first), jnp.asarray(self.last)
        return first + progress * (last - first)

    def check_labels(self, given: bool) -> None:
        """Raise `ValueError` for a supervised term where no labels are given."""
        for term in self.terms:
            if term.name in SUPERVISED and not given:
                raise ValueError(
                    f"the loss {term.name!r} needs labels; give labels=, a function (molecule, "
                    "theory) → converged Fock matrix, for example qptlab.reference.pyscf_fock"
                )

    def network_to_train(self, network: Network, seed: int) -> Network:
        """The network with weights for all that this loss trains.

        Raises:
            ValueError: a network that does not answer, for `response`.
        """
        trains_answer = any(term.name == RESPONSE for term in self.terms)
        return network.with_response_net(seed) if trains_answer else network

    @property
    def needs_labels(self) -> bool:
        """Whether a term is supervised."""
        return any(term.name in SUPERVISED for term in self.terms)

    def kept(self, prepared: Prepared) -> Prepared:
        """What of a prepared this loss needs: nearly all is for energies."""
        needs_energy = any(term.name not in SUPERVISED for term in self.terms)
        return prepared if needs_energy else without_energy(prepared)


def loss(
    network: Network, prepared: Prepared, terms: tuple[Term, ...], weights: Float[Array, " term"]
) -> tuple[Scalar, Scalar]:
    """Σ weight × term of a network's prediction, and the energy of the unrefined one, hartree.

    The energy is NaN where every term is supervised.
    """
    delta_fock = network(prepared)
    last = max(term.refine for term in terms)
    response = network.xc_response(prepared) if last else None
    points = _points(delta_fock, prepared, [term for term in terms if term.name in TERMS], response)
    values, energy_of_first = [], points[0].energy if points else jnp.full((), jnp.nan)
    for term in terms:
        if term.name in TERMS:
            values.append(TERMS[term.name](points[term.refine], prepared))
        elif term.name == RESPONSE:
            value, energy_of_first = _response_error(delta_fock, prepared, term.refine, response)
            values.append(value)
        else:
            values.append(SUPERVISED[term.name](prepared.start + delta_fock, prepared.label))
    return jnp.dot(weights, jnp.stack(values)), energy_of_first


def _response_error(
    delta_fock: Matrix, prepared: Prepared, iterations: int, response: XcResponse
) -> tuple[Scalar, Scalar]:
    """(E_k − E_0)/ΔE₂, what refining gains of the energy as a share of its error bar; and E_0.

    ΔF stands still. As a share it is of one size for all networks and molecules: 0 where refining
    gains nothing, and about −1 at best.
    """
    still = jax.lax.stop_gradient(delta_fock)
    first, *_, last = _points(still, prepared, [Term("energy", iterations)], response)
    unit = jax.lax.stop_gradient(second_order_error(first, prepared))
    return (last.energy - first.energy) / unit, first.energy


def _points(
    delta_fock: Matrix, prepared: Prepared, terms: list[Term], response: XcResponse | None
) -> list[Point]:
    """The densities from the unrefined one to the last that a term looks at; none without terms."""
    if not terms:
        return []
    last = max(term.refine for term in terms)
    path = densities(delta_fock, prepared, last, response=response)
    needs_fock = any(term.name != "energy" and term.refine == last for term in terms)
    filled = Filled(path.orbitals[last])
    if needs_fock:
        energy_terms, fock = energy_and_fock(filled, prepared.integrals)
    else:
        energy_terms, fock = energy(filled, prepared.integrals), None
    points = [
        Point(path.energies[k], Filled(path.orbitals[k]).dm, path.focks[k]) for k in range(last)
    ]
    return [*points, Point(energy_terms.total, filled.dm, fock)]


def parse_loss(spec: str) -> Loss:
    """The loss that a text describes, see above.

    Raises:
        ValueError: what is not a sum of known terms.

    >>> parse_loss("energy + 0.5*delta2@1").terms
    (Term(name='energy', refine=0), Term(name='delta2', refine=1))
    """
    stages = [_parse_sum(part, spec) for part in str(spec).split("->")]
    if len(stages) > 2:
        raise ValueError(f"loss {spec!r} has more than one ->")
    terms = tuple(dict.fromkeys(term for stage in stages for term in stage))
    first, last = ([stage.get(term, 0.0) for term in terms] for stage in (stages[0], stages[-1]))
    return Loss(terms, tuple(first), tuple(last))


def _parse_sum(text: str, spec: str) -> dict[Term, float]:
    found: dict[Term, float] = {}
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(?:([\d.]+(?:e-?\d+)?)\s*\*)?\s*(\w+)(?:@(\d))?\s*", part)
        if not match or match[2] not in (*TERMS, RESPONSE, *SUPERVISED):
            known = ", ".join((*TERMS, RESPONSE, *SUPERVISED))
            raise ValueError(
                f"loss {spec!r}: {part.strip()!r} is not one of {known}, "
                "with a weight before (0.1*delta2) or refining iterations behind (energy@2)"
            )
        if match[2] in SUPERVISED and match[3]:
            raise ValueError(
                f"loss {spec!r}: {match[2]} compares the network's own matrix, before any "
                f"refining; write it without @{match[3]}"
            )
        least = int(match[2] == RESPONSE)  # it has nothing to say of an unrefined density
        weight = 1.0 if match[1] is None else float(match[1])
        if not 0 < weight < math.inf:
            raise ValueError(f"loss {spec!r}: weight {match[1]}; expected a number above 0")
        found[Term(match[2], max(least, int(match[3] or 0)))] = weight
    return found
