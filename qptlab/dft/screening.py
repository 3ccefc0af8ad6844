"""Coulomb screening: what the electrons' repulsion makes of a change before the next Fock build.

Most of what a Fock matrix changes by, when its density changes, is Coulomb repulsion, and with the
integrals at hand that part costs little. So it is made self-consistent while exchange and
correlation, which need the grid, stand still.
"""

from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Int

from qptlab.dft.block_sums import is_zero
from qptlab.dft.density import density_from_fock, occupied_empty, orbitals
from qptlab.dft.implicit import solve_linear
from qptlab.dft.integrals import Integrals
from qptlab.types import Matrix, Scalar

TOLERANCE = 1e-7
"""Largest element of D(F) − D at which F and D agree."""
MOST_STEPS = 12
"""Of Newton's method for one share of the response; four to six are usual."""
SHARES = 1.0, 0.5, 0.25, 0.0
"""Of the response, tried one after the other until one has a solution."""
INEXACT = {"tol": 1e-2, "maxiter": 12}
"""Of the linear equations of each step of Newton's method: the next step mends the rest."""
SMALLEST_GAP = 0.01
"""Orbital energy differences count as at least this (hartree) in their preconditioner."""


def screened(fock: Matrix, dm: Matrix, integrals: Integrals, start: Matrix | None = None) -> Matrix:
    """F + s J[D − D_in] with D = D(that very matrix): `fock` once Coulomb repulsion has responded.

    The whole response, s = 1, minimises the model energy tr((F − J[D_in]) D) + ½ tr(J[D] D), which
    has one minimum, by Newton's method in the orbitals. Where the minimum fills orbitals by halves,
    as when a bond is broken, no D is a solution: then the largest of `SHARES` is taken that has
    one, as s = 0 has always, which leaves F as it is. The derivative is that of the solution,
    exact, whatever steps led there; s stands still.

    Args:
        fock: F = F[D_in], (ao, ao), hartree, of a closed shell.
        dm: D_in, (ao, ao), electrons.
        start: a density near D, where one is known; saves steps and changes nothing.

    Returns:
        (ao, ao), hartree.

    Source: Kerker, Phys. Rev. B 23, 3082 (1981), and Herbst, Levitt, J. Phys.: Condens. Matter 33,
    085503 (2021), for screening as preconditioner; here it is not linearised.
    """
    return _responded(fock, dm, integrals, dm if start is None else start)[0]


@runtime_checkable
class LinearResponse(Protocol):
    """How exchange and correlation respond to a small change of density; a pytree."""

    def scaled(self, by: Scalar) -> "LinearResponse":
        """The same response, larger or smaller."""

    def __call__(self, dm: Matrix, change: Matrix, repulsion: Matrix, ints: Integrals) -> Matrix:
        """(ao, ao), hartree; linear in the change dD (electrons), of which `repulsion` is J[dD]."""


def respond(fock: Matrix, dm: Matrix, ints: Integrals, response: LinearResponse | None) -> Matrix:
    """`fock` = F[dm] once repulsion has responded, and where it is known also the rest.

    Returns:
        (ao, ao), hartree; of a density closer to the self-consistent one than `dm`.
    """
    if response is None:
        return screened(fock, dm, ints)

    def again(known: tuple[Matrix, Matrix], _: None):
        repelled, changed = known
        rest = response(dm, changed - dm, repelled - fock, ints)
        found = _responded(fock + rest, dm, ints, start=changed)
        return found, found[0]

    # at first nothing has changed and the rest is zero: one program for both
    return jax.lax.scan(again, (fock, dm), length=2)[1][-1]


def _responded(
    fock: Matrix, dm: Matrix, integrals: Integrals, start: Matrix
) -> tuple[Matrix, Matrix]:
    """What `screened` returns, and the density of that matrix."""
    solution, share = _solution(fock, dm, start, integrals)
    return fock + share * repulsion(solution - dm, integrals), solution


@jax.custom_jvp
def _solution(
    fock: Matrix, dm: Matrix, start: Matrix, integrals: Integrals
) -> tuple[Matrix, Scalar]:
    """D = D(F + s J[D − D_in]) and s; its derivative is traced only where it is asked for."""
    return _newton(fock, dm, start, integrals)


@partial(_solution.defjvp, symbolic_zeros=True)
def _solution_jvp(primals, tangents):
    solution, share = _solution(*primals)
    perturbed = jax.tree.map(lambda t: not is_zero(t), tangents, is_leaf=is_zero)
    varied, fixed = eqx.partition(primals, perturbed)
    changes = jax.tree.map(lambda t: None if is_zero(t) else t, tangents, is_leaf=is_zero)

    def change(density, varied):
        fock, dm, _, ints = eqx.combine(varied, fixed)
        responded = fock + share * repulsion(density - dm, ints)
        return density_from_fock(responded, ints.overlap, ints.occupation) - density

    by_density = jax.linearize(lambda density: change(density, varied), solution)[1]
    _, direct = jax.jvp(lambda varied: change(solution, varied), (varied,), (changes,))
    d_solution = solve_linear(lambda d: -by_density(d), direct)
    return (solution, share), (d_solution, jnp.zeros_like(share))


class _Step(NamedTuple):
    """Where `_newton` is: the share, steps taken with it, F + s J[D − D_in], D, its last change."""

    rung: Int[Array, ""]
    count: Int[Array, ""]
    fock: Matrix
    dm: Matrix
    change: Scalar


def _newton(fock: Matrix, dm: Matrix, start: Matrix, integrals: Integrals) -> tuple[Matrix, Scalar]:
    """D = D(F + s J[D − D_in]) from a density to start with, and s, the largest that has one."""
    occupation, shares = integrals.occupation, jnp.asarray(SHARES)
    pairs = occupied_empty(occupation, len(fock))

    def step(at: _Step) -> _Step:
        share = shares[at.rung]
        mo_energy, mo_coeff = orbitals(at.fock, integrals.overlap)
        n_occ = len(occupation)
        occ = mo_coeff[:, :n_occ] * occupation
        gap = jnp.where(pairs, mo_energy[:, None] - mo_energy[None, :n_occ], 1.0)

        def turned(x):
            half = 2 * mo_coeff @ x @ occ.T
            return half + half.T

        def force(density):
            by_pair = mo_coeff.T @ repulsion(density, integrals) @ occ
            return share * jnp.where(pairs, by_pair, 0.0)

        filled = 2 * occ @ occ.T
        x, _ = cg(
            lambda x: gap * x + force(turned(x)),
            -force(filled - at.dm),
            M=lambda residual: residual / jnp.maximum(gap, SMALLEST_GAP),
            **INEXACT,
        )
        following = filled + turned(x)
        change = jnp.max(jnp.abs(filled - at.dm))
        moved = at.fock + share * repulsion(following - at.dm, integrals)
        ahead = _Step(at.rung, at.count + 1, moved, following, change)
        back = _Step(
            at.rung + 1, jnp.zeros_like(at.count), fock, dm, jnp.full_like(change, jnp.inf)
        )
        failed = ~(change <= TOLERANCE) & (ahead.count == MOST_STEPS)
        return jax.tree.map(lambda a, b: jnp.where(failed, a, b), back, ahead)

    def goes_on(at: _Step):
        return ~(at.change <= TOLERANCE) & (at.rung < len(SHARES))

    zero, endless = jnp.asarray(0), jnp.asarray(jnp.inf)
    first = _Step(zero, zero, fock + repulsion(start - dm, integrals), start, endless)
    end = jax.lax.while_loop(goes_on, step, first)
    return end.dm, shares[end.rung]


def repulsion(dm: Matrix, integrals: Integrals) -> Matrix:
    """J[D], (ao, ao), hartree: linear in D."""
    return jax.grad(integrals.coulomb.energy)(dm)
