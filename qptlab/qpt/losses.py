"""Losses that need no labels: how far a predicted density is from the one of lowest energy.

A loss is written as a sum of terms, `weight*name@refine`, for example "energy", "delta2@1" or
"energy+0.1*commutator". `@k` evaluates the term after k refining iterations, through which it is
backpropagated. "A -> B" moves the weights from those of A to those of B along the run.

`response` teaches how exchange and correlation respond (`Network.xc_response`), ΔF left as it is.

The rivals, `hamiltonian` and `coupling`, are supervised: they need labels and no DFT, see
`qptlab.qpt.labels`.
"""

import enum
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from qptlab.dft.density import Filled, occupied_empty
from qptlab.dft.energy import energy, energy_and_fock
from qptlab.dft.kept_programs import named_by_programs
from qptlab.errors import InputError, quoted
from qptlab.qpt.labels import Label, coupling_error, hamiltonian_error
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import Proposal, densities, propose
from qptlab.qpt.prepared import NetworkInputs, Prepared
from qptlab.types import Matrix, Scalar

SMALLEST_GAP = 0.05
"""Orbital energy differences count as at least this (hartree) in `second_order_error`."""
APART = 1e4
"""By how much (hartree) filled orbitals are moved below the empty ones to tell them apart."""


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
    overlap, occupation = prepared.integrals.overlap, prepared.integrals.occupation
    basis = _semicanonical(*jax.lax.stop_gradient((point.dm, point.fock, overlap)))
    pairs, n_occ = occupied_empty(occupation, len(basis)), len(occupation)
    half = basis.T @ overlap
    projector = 0.5 * half @ point.dm @ half.T  # 1 on filled orbitals, 0 on empty ones
    filled, empty = projector[:, :n_occ] * occupation, jnp.eye(len(basis)) - projector
    fock = basis.T @ point.fock @ basis
    f_oo, f_vv, f_vo = filled.T @ fock @ filled, empty.T @ fock @ empty, empty.T @ fock @ filled
    gap = jnp.diagonal(f_vv)[:, None] - jnp.diagonal(f_oo)[None, :]
    step = jnp.where(pairs, f_vo / jnp.maximum(gap, SMALLEST_GAP), 0.0)
    x = jax.lax.stop_gradient(step)
    return 2 * jnp.sum(x * (2 * f_vo - (f_vv @ x - x @ f_oo)))


def commutator_norm(point: Point, prepared: Prepared) -> Scalar:
    """Σ_ia F_ai², hartree²: the squared norm of the commutator FDS − SDF in orthogonal orbitals.

    Source: Pulay, J. Comput. Chem. 3, 556 (1982).
    """
    overlap = prepared.integrals.overlap
    fds = point.fock @ point.dm @ overlap
    lower = jnp.linalg.cholesky(overlap)
    half = solve_triangular(lower, fds - fds.T, lower=True)
    return jnp.sum(solve_triangular(lower, half.T, lower=True) ** 2) / 8


def _semicanonical(dm: Matrix, fock: Matrix, overlap: Matrix) -> Matrix:
    """C (ao, mo): the filled orbitals of `dm`, then the empty, `fock` diagonal among either."""
    lower = jnp.linalg.cholesky(overlap)
    half = solve_triangular(lower, fock, lower=True)
    orthogonal = solve_triangular(lower, half.T, lower=True)
    filled = 0.5 * lower.T @ dm @ lower
    empty = jnp.eye(len(dm)) - filled
    apart = filled @ orthogonal @ filled + empty @ orthogonal @ empty - APART * filled
    _, vectors = jnp.linalg.eigh(0.5 * (apart + apart.T))
    return solve_triangular(lower, vectors, lower=True, trans=1)


def energy_gained(path: list[Point], prepared: Prepared) -> Scalar:
    """(E_k − E_0)/ΔE₂, what refining gains of the energy as a share of its error bar.

    As a share it is of one size for all networks and molecules: 0 where refining gains nothing, and
    about −1 at best.
    """
    first, last = path[0], path[-1]
    unit = jax.lax.stop_gradient(second_order_error(first, prepared))
    return (last.energy - first.energy) / unit


class LooksAt(enum.Enum):
    """What the value of a loss is computed from."""

    DENSITY = "(point, prepared): one density of the path"
    PATH = "(points, prepared): the whole path, of a ΔF that stands still; teaches the response"
    LABEL = "(fock, label): the network's own matrix and the converged one; no energy is computed"


@dataclass(frozen=True)
class LossKind:
    """A loss that a text can name.

    Attributes:
        value: its value, a scalar; takes what `looks_at` says.
        needs_fock: of a density, whether it looks at F[D], which takes a Fock build.
    """

    value: Callable[..., Scalar]
    looks_at: LooksAt = LooksAt.DENSITY
    needs_fock: bool = False


LOSSES = {
    "energy": LossKind(energy_error),
    "delta2": LossKind(second_order_error, needs_fock=True),
    "commutator": LossKind(commutator_norm, needs_fock=True),
    "response": LossKind(energy_gained, LooksAt.PATH),
    "hamiltonian": LossKind(hamiltonian_error, LooksAt.LABEL),
    "coupling": LossKind(coupling_error, LooksAt.LABEL),
}
"""By name. Another loss is another record here."""
named_by_programs(LOSSES)


@dataclass(frozen=True)
class Term:
    """One term of a loss: a name of `LOSSES`, evaluated after `refine` refining iterations."""

    name: str
    refine: int

    @property
    def kind(self) -> LossKind:
        """What the name stands for."""
        return LOSSES[self.name]


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
        """Raise `InputError` for a supervised term where no labels are given."""
        if self.supervised and not given:
            raise InputError(
                f"the loss {self.supervised[0].name!r} needs labels; give labels=, a function "
                "(molecule, theory) → converged Fock matrix, for example "
                "qptlab.reference.pyscf_fock"
            )

    @property
    def teaches_response(self) -> bool:
        """Whether it takes a network with weights for the response."""
        return bool(self._that_look_at(LooksAt.PATH))

    @property
    def supervised(self) -> list[Term]:
        """The terms that need labels."""
        return self._that_look_at(LooksAt.LABEL)

    @property
    def needs_energy(self) -> bool:
        """Whether a term is not supervised: then grid and electron repulsion are needed."""
        return len(self.supervised) < len(self.terms)

    def needed(self, prepared: Prepared) -> NetworkInputs:
        """What of a geometry this loss needs: all, or only what the network sees."""
        return prepared if self.needs_energy else prepared.inputs

    def _that_look_at(self, what: LooksAt) -> list[Term]:
        return [term for term in self.terms if term.kind.looks_at is what]


def loss(
    network: Network,
    inputs: NetworkInputs,
    terms: tuple[Term, ...],
    weights: Float[Array, " term"],
    label: Label | None = None,
) -> tuple[Scalar, Scalar]:
    """Σ weight × term of a network's prediction, and the energy of the unrefined one, hartree.

    The energy is NaN where every term is supervised.

    Args:
        inputs: of one geometry; `Prepared`, unless every term is supervised.
        label: the converged Fock matrix, for supervised terms.
    """
    by_look = {look: [t for t in terms if t.kind.looks_at is look] for look in LooksAt}
    proposal = propose(network, inputs, max(term.refine for term in terms))
    still = Proposal(jax.lax.stop_gradient(proposal.delta_fock), proposal.response)
    points = _points(proposal, inputs, by_look[LooksAt.DENSITY])
    paths = {term: _points(still, inputs, [term]) for term in by_look[LooksAt.PATH]}
    look = {
        LooksAt.DENSITY: lambda term: (points[term.refine], inputs),
        LooksAt.PATH: lambda term: (paths[term], inputs),
        LooksAt.LABEL: lambda term: (inputs.start + proposal.delta_fock, label),
    }
    values = [term.kind.value(*look[term.kind.looks_at](term)) for term in terms]
    first = next((path[0].energy for path in (points, *paths.values()) if path), jnp.nan)
    return jnp.dot(weights, jnp.stack(values)), jnp.asarray(first)


def _points(proposal: Proposal, inputs: NetworkInputs, terms: list[Term]) -> list[Point]:
    """The densities from the unrefined one to the last that a term looks at; none without terms."""
    if not terms:
        return []
    last = max(term.refine for term in terms)
    path = densities(proposal, inputs, last)
    needs_fock = any(term.kind.needs_fock and term.refine == last for term in terms)
    filled = Filled(path.orbitals[last])
    if needs_fock:
        energy_terms, fock = energy_and_fock(filled, inputs.integrals)
    else:
        energy_terms, fock = energy(filled, inputs.integrals), None
    points = [
        Point(path.energies[k], Filled(path.orbitals[k]).dm, path.focks[k]) for k in range(last)
    ]
    return [*points, Point(energy_terms.total, filled.dm, fock)]


def parse_loss(spec: str) -> Loss:
    """The loss that a text describes, see above.

    Raises:
        InputError: what is not a sum of known terms.

    >>> parse_loss("energy + 0.5*delta2@1").terms
    (Term(name='energy', refine=0), Term(name='delta2', refine=1))
    """
    stages = [_parse_sum(part, spec) for part in str(spec).split("->")]
    if len(stages) > 2:
        raise InputError(f"loss {quoted(spec)} has more than one ->")
    terms = tuple(dict.fromkeys(term for stage in stages for term in stage))
    first, last = ([stage.get(term, 0.0) for term in terms] for stage in (stages[0], stages[-1]))
    return Loss(terms, tuple(first), tuple(last))


def _parse_sum(text: str, spec: str) -> dict[Term, float]:
    found: dict[Term, float] = {}
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(?:([\d.]+(?:e-?\d+)?)\s*\*)?\s*(\w+)(?:@(\d))?\s*", part)
        if not match or match[2] not in LOSSES:
            raise InputError(
                f"loss {quoted(spec)}: {quoted(part.strip())} is not one of {', '.join(LOSSES)}, "
                "with a weight before (0.1*delta2) or refining iterations behind (energy@2)"
            )
        looks_at = LOSSES[match[2]].looks_at
        if looks_at is LooksAt.LABEL and match[3]:
            raise InputError(
                f"loss {quoted(spec)}: {match[2]} compares the network's own matrix, before any "
                f"refining; write it without @{match[3]}"
            )
        least = int(looks_at is LooksAt.PATH)  # nothing to say of an unrefined density
        weight = 1.0 if match[1] is None else float(match[1])
        if not 0 < weight < math.inf:
            raise InputError(f"loss {quoted(spec)}: weight {match[1]}; expected a number above 0")
        found[Term(match[2], max(least, int(match[3] or 0)))] = weight
    return found
