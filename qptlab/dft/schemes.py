"""How an SCF goes on: from a Fock build and what came before to the next Fock matrix.

    built = build(density, ints)                  # D, E[D], F[D]
    fock, state = scheme.step(built, state, ints) # the scheme's own mixture of what is known
    density = fill(fock, ...)                     # its lowest orbitals, and so on

A scheme is a frozen record with two functions: `init` gives the state it begins with, `step` the
next Fock matrix and state. Every SCF in qptlab is a loop over one: `scf`, `scf_path`, `scf_batch`,
the pipeline's refining iterations and the DIIS baseline beside them. Another scheme is another
record here, with a name in `SCHEMES`.
"""

from typing import Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qptlab.dft.density import Density, Filled, fill
from qptlab.dft.diis import DEPTH, DiisHistory, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals
from qptlab.dft.screening import LinearResponse, respond
from qptlab.errors import InputError, quoted
from qptlab.types import Matrices, Matrix, Scalar

NEW_SHARE = 0.4
"""Of the newest Fock matrix in `Mixing`; 0.35 to 0.5 contract for every functional."""


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

    def shares(self, state: State) -> dict[int, float]:
        """{iteration, from 0: share of its Fock matrix in the last mixture}; they add up to 1."""


class Count(eqx.Module):
    """How many iterations there were."""

    count: Int[Array, ""]


class Plain(eqx.Module):
    """The newest Fock matrix alone, as in the paper; diverges for most functionals."""

    def init(self, ints: Integrals) -> Count:
        return Count(jnp.asarray(np.int32(0)))

    def step(self, built: Build, state: Count, ints: Integrals) -> tuple[Matrices, Count]:
        return built.fock, Count(state.count + 1)

    def shares(self, state: Count) -> dict[int, float]:
        return {int(state.count) - 1: 1.0}


class Mixed(eqx.Module):
    """The last mixture of Fock matrices, hartree, and how many it was made of."""

    fock: Matrices
    count: Int[Array, ""]


class Mixing(eqx.Module):
    """A share of the newest Fock matrix, the rest of the last mixture."""

    share: float = NEW_SHARE

    def init(self, ints: Integrals) -> Mixed:
        # by NumPy: nothing to compile
        return Mixed(jnp.asarray(np.zeros(ints.dm_guess.shape)), jnp.asarray(np.int32(0)))

    def step(self, built: Build, state: Mixed, ints: Integrals) -> tuple[Matrices, Mixed]:
        share = jnp.where(state.count == 0, 1.0, self.share)
        fock = share * built.fock + (1 - share) * state.fock
        return fock, Mixed(fock, state.count + 1)

    def shares(self, state: Mixed) -> dict[int, float]:
        last, kept = int(state.count) - 1, 1 - self.share
        newer = {k: self.share * kept ** (last - k) for k in range(1, last + 1)}
        return {0: kept**last} | newer


class Diis(eqx.Module):
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
    """DIIS's history of (F, D) pairs, and the energy (hartree) of the last density."""

    history: DiisHistory
    energy: Scalar


class Screened(eqx.Module):
    """DIIS, and Coulomb repulsion made self-consistent in what it finds; for closed shells.

    Attributes:
        response: how exchange and correlation respond to a change of density, where that is known.
    """

    response: LinearResponse | None = None
    depth: int = eqx.field(static=True, default=DEPTH)

    def init(self, ints: Integrals) -> ScreenedState:
        shape = ints.dm_guess.shape
        history = DiisHistory.empty((2, *shape), shape, depth=self.depth)
        return ScreenedState(history, jnp.asarray(np.inf))

    def step(
        self, built: Build, state: ScreenedState, ints: Integrals
    ) -> tuple[Matrix, ScreenedState]:
        fock, dm = built.fock, built.dm
        # D and F mixed alike: the mixture is to first order the Fock matrix of its density
        history = state.history.push(jnp.stack([fock, dm]), commutator(fock, dm, ints.overlap))
        response = self.response
        if response is not None:
            # one that made the energy higher is not asked for again
            helped = built.energy.total <= state.energy
            response = response.scaled(jnp.where(helped, 1.0, 0.0))
        mixed = respond(*history.extrapolate(), ints, response)
        return mixed, ScreenedState(history, built.energy.total)

    def shares(self, state: ScreenedState) -> dict[int, float]:
        """Of the mixture that repulsion then responds to."""
        return state.history.by_iteration()


SCHEMES: dict[str, Scheme] = {
    "diis": Diis(),
    "screened": Screened(),
    "mixing": Mixing(),
    "plain": Plain(),
}
"""By the names that `scf_path` and the SCF page know them by."""


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


class Densities(eqx.Module):
    """The densities that an SCF passes through, index 0 being the one it starts from.

    Attributes:
        orbitals: (iterations + 1, ao, occ); filled by each density.
        energies, focks: (iterations,) in hartree and (iterations, ao, ao); of every density but
            the last, whose Fock matrix no iteration needs.
    """

    orbitals: Float[Array, "density ao occ"]
    energies: Float[Array, " iteration"]
    focks: Float[Array, "iteration ao ao"]


def iterate(
    first: Filled, scheme: Scheme[State], state: State, ints: Integrals, iterations: int
) -> Densities:
    """A fixed number of iterations in one program, through which JAX differentiates."""

    def advance(carry: tuple[Filled, State], _: None):
        filled, state = carry
        built = build(filled, ints)
        fock, state = scheme.step(built, state, ints)
        following = fill(fock, ints.overlap, ints.occupation)
        return (following, state), (following.orbitals, built.energy.total, built.fock)

    _, (orbitals, energies, focks) = jax.lax.scan(advance, (first, state), None, length=iterations)
    return Densities(jnp.concatenate([first.orbitals[None], orbitals]), energies, focks)
