"""How an SCF goes on: from a Fock build and what came before to the next Fock matrix.

    built = build(density, ints)                  # D, E[D], F[D]
    fock, state = scheme.step(built, state, ints) # the scheme's own mixture of what is known
    density = fill(fock, ...)                     # its lowest orbitals, and so on

A scheme is a frozen record with two functions: `init` gives the state it begins with, `step` the
next Fock matrix and state. Every SCF in qptlab is a loop over one: `scf`, `scf_path`, `scf_batch`,
the pipeline's refining iterations and the DIIS baseline beside them. Another scheme is another
record here, with a name in `SCHEMES`.
"""

from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from qptlab.dft.density import Density, Filled
from qptlab.dft.diis import DEPTH, DiisHistory, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals
from qptlab.dft.kept_programs import named_by_programs
from qptlab.dft.screening import LinearResponse, respond
from qptlab.errors import InputError, quoted
from qptlab.types import Matrices, Matrix, Scalar

NEW_SHARE = 0.4
"""Of the newest Fock matrix in `Mixing`; 0.35 to 0.5 contract for every functional."""


SAME_ENERGY = 1e-9
"""Energies that differ by less (hartree) may differ by round-off: neither is the lower."""
FIRST_SHIFT = 0.25
"""Level shift (hartree) once an iteration of `Screened` made the energy higher."""


class Build(eqx.Module):
    """What is known of a density once its Fock matrix has been built.

    Attributes:
        dm, fock: D in electrons and F[D] in hartree, (ao, ao); (2, ao, ao) for open shells.
        energy: its terms, hartree.
    """

    dm: Matrices
    energy: Energy
    fock: Matrices


def build(density: Density, ints: Integrals) -> Build:
    """The Fock matrix and energy of a density: what SCF programs count as one build."""
    dm = density.dm if isinstance(density, Filled) else density
    return Build(dm, *energy_and_fock(density, ints))


State = TypeVar("State", bound=eqx.Module)


@runtime_checkable
class Scheme(Protocol[State]):
    """What every scheme is: a frozen record of settings, a pytree."""

    def init(self, ints: Integrals) -> State:
        """What is known before the first Fock build."""

    def step(self, built: Build, state: State, ints: Integrals) -> tuple[Matrices, State]:
        """The Fock matrix whose lowest orbitals make the next density, and what is known now."""

    def settle(self, built: Build, state: State) -> Build:
        """What to end with if no iteration follows `built`: that, or what was better before."""

    def shares(self, state: State) -> dict[int, float]:
        """{iteration, from 0: share of its Fock matrix in the last mixture}; they add up to 1."""


class Newest(eqx.Module):
    """A scheme that ends with the newest density, whatever its energy."""

    def settle(self, built: Build, state: eqx.Module) -> Build:
        return built


class Count(eqx.Module):
    """How many iterations there were."""

    count: Int[Array, ""]


class Plain(Newest):
    """The newest Fock matrix alone, as in the paper; diverges for most functionals."""

    def init(self, ints: Integrals) -> Count:
        return Count(jax.device_put(np.int32(0)))

    def step(self, built: Build, state: Count, ints: Integrals) -> tuple[Matrices, Count]:
        return built.fock, Count(state.count + 1)

    def shares(self, state: Count) -> dict[int, float]:
        return {int(state.count) - 1: 1.0}


class Mixed(eqx.Module):
    """The last mixture of Fock matrices, hartree, and how many it was made of."""

    fock: Matrices
    count: Int[Array, ""]


class Mixing(Newest):
    """A share of the newest Fock matrix, the rest of the last mixture."""

    share: float = NEW_SHARE

    def init(self, ints: Integrals) -> Mixed:
        # by NumPy and `device_put`: nothing to compile
        return Mixed(jax.device_put(np.zeros(ints.dm_guess.shape)), jax.device_put(np.int32(0)))

    def step(self, built: Build, state: Mixed, ints: Integrals) -> tuple[Matrices, Mixed]:
        share = jnp.where(state.count == 0, 1.0, self.share)
        fock = share * built.fock + (1 - share) * state.fock
        return fock, Mixed(fock, state.count + 1)

    def shares(self, state: Mixed) -> dict[int, float]:
        last, kept = int(state.count) - 1, 1 - self.share
        newer = {k: self.share * kept ** (last - k) for k in range(1, last + 1)}
        return {0: kept**last} | newer


class Diis(Newest):
    """The mixture of the last `depth` Fock matrices whose commutator is smallest."""

    depth: int = eqx.field(static=True, default=DEPTH)

    def init(self, ints: Integrals) -> DiisHistory:
        return DiisHistory.empty(ints.dm_guess.shape, depth=self.depth)

    def step(
        self, built: Build, state: DiisHistory, ints: Integrals
    ) -> tuple[Matrices, DiisHistory]:
        history = state.push(built.fock, commutator(built.fock, built.dm, ints.overlap))
        return history.extrapolate(), history

    def shares(self, state: DiisHistory) -> dict[int, float]:
        return state.by_iteration()


class ScreenedState(eqx.Module):
    """What `Screened` knows.

    Attributes:
        history: of DIIS, (F, D) pairs.
        best: the density to go on from, the lowest in energy but for `SAME_ENERGY`.
        origin: the iteration, from 0, that it comes from.
        shift: of levels that are empty in it, hartree.
    """

    history: DiisHistory
    best: Build
    origin: Int[Array, ""]
    shift: Scalar


class Screened(eqx.Module):
    """DIIS, and Coulomb repulsion made self-consistent in what it finds; for closed shells.

    An iteration that made the energy higher is taken back: history is forgotten, and the next step
    goes from the best density, the shorter the more often that happens, by a level shift.

    Attributes:
        response: how exchange and correlation respond to a change of density, where that is known.

    Source: Saunders, Hillier, Int. J. Quantum Chem. 7, 699 (1973), for the level shift.
    """

    response: LinearResponse | None = None
    depth: int = eqx.field(static=True, default=DEPTH)

    def init(self, ints: Integrals) -> ScreenedState:
        zeros, none = jax.device_put(np.zeros(ints.dm_guess.shape)), jax.device_put(np.int32(0))
        history = DiisHistory.empty((2, *zeros.shape), zeros.shape, depth=self.depth)
        endless, no_shift = jax.device_put(np.inf), jax.device_put(np.float64(0))
        return ScreenedState(history, Build(zeros, Energy(*5 * [endless]), zeros), none, no_shift)

    def step(
        self, built: Build, state: ScreenedState, ints: Integrals
    ) -> tuple[Matrix, ScreenedState]:
        higher = _is_higher(built, state.best)
        keep, best = partial(jnp.where, higher), self.settle(built, state)
        origin = keep(state.origin, state.history.count)
        # too short a step costs one iteration, too long a one costs two
        shift = keep(
            jnp.maximum(2 * state.shift, FIRST_SHIFT),
            jnp.where(state.shift > FIRST_SHIFT / 2, state.shift / 2, 0.0),
        )
        # D and F mixed alike: the mixture is to first order the Fock matrix of its density
        history = state.history.without(higher).push(
            jnp.stack([best.fock, best.dm]), commutator(best.fock, best.dm, ints.overlap), origin
        )
        fock, dm = history.extrapolate()
        filled = ints.overlap @ best.dm @ ints.overlap
        # a response that made the energy higher is not asked for again
        response = self.response and self.response.scaled(keep(0.0, 1.0))
        mixed = respond(fock - 0.5 * shift * filled, dm, ints, response)
        return mixed, ScreenedState(history, best, origin, shift)

    def settle(self, built: Build, state: ScreenedState) -> Build:
        return jax.tree.map(partial(jnp.where, _is_higher(built, state.best)), state.best, built)

    def shares(self, state: ScreenedState) -> dict[int, float]:
        """Of the mixture that repulsion then responds to."""
        return state.history.by_iteration()


def _is_higher(built: Build, best: Build) -> Bool[Array, ""]:
    """Whether an energy is above the best so far, or no number where that was one."""
    lowest = best.energy.total
    return ~(built.energy.total <= lowest + SAME_ENERGY) & jnp.isfinite(lowest)


SCHEMES: dict[str, Scheme] = {
    "diis": Diis(),
    "screened": Screened(),
    "mixing": Mixing(),
    "plain": Plain(),
}
"""By the names that `scf_path` and the SCF page know them by."""
named_by_programs(SCHEMES)


def named_scheme(scheme: str | Scheme) -> Scheme:
    """The scheme of a name; a record is itself.

    Raises:
        InputError: no scheme has the name.
    """
    if not isinstance(scheme, str):
        return scheme
    if scheme not in SCHEMES:
        raise InputError(f"unknown scheme {quoted(scheme)}; known: {', '.join(SCHEMES)}")
    return SCHEMES[scheme]
